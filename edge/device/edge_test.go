package device

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
)

func init() { RegisterPin("test-waker", bellConfig{}, openBell) }

type bellConfig struct{ Polled bool }

// bell is a contact that knows when somebody pressed it.
type bell struct {
	c       bellConfig
	reads   atomic.Int64
	on      atomic.Bool
	ask     func()
	failing atomic.Bool
}

var lastBell *bell // that was opened; read after synctest.Wait

func openBell(_ context.Context, _ gpio.PinIO, c bellConfig) (*bell, error) {
	b := &bell{c: c}
	lastBell = b
	return b, nil
}

func (b *bell) Info() Info           { return Info{Driver: "test-waker"} }
func (b *bell) Close() error         { return nil }
func (b *bell) Channels() []Channel  { return []Channel{{Name: "active", Form: Boolean}} }
func (b *bell) Wake(ask func()) bool { b.ask = ask; return !b.c.Polled }

func (b *bell) Read(context.Context) (Sample, error) {
	b.reads.Add(1)
	if b.failing.Load() {
		return nil, errors.New("cut off")
	}
	return Sample{{Channel: "active", Value: Flag(b.on.Load())}}, nil
}

// A device that asks is read at once, and else no more often than any other sensor.
func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plugPin("test:bell")
		b := newBench(t, Spec{Name: "bell", Driver: "test-waker", Wire: "test:bell"})
		b.Start()
		defer b.stop()
		synctest.Wait()
		bell := lastBell
		if r := b.take("bell"); len(r) != 1 || r[0].Readings[0].Reading.Bool() {
			t.Fatalf("at first: %+v", r)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if bell.reads.Load() > 8 {
			t.Errorf("read %d times in a minute in which nothing happened", bell.reads.Load())
		}
		b.take("bell")
		at := time.Now()
		bell.on.Store(true)
		bell.ask()
		bell.ask()
		synctest.Wait()
		if r := b.take("bell"); len(r) != 1 || !r[0].Readings[0].Reading.Bool() || time.Since(at) != 0 {
			t.Errorf("after it asked: %+v, %v later", r, time.Since(at))
		}

		// One that fails is left alone as any other, whatever it asks.
		bell.failing.Store(true)
		bell.ask()
		synctest.Wait()
		before := bell.reads.Load()
		for range 50 {
			bell.ask()
			synctest.Wait()
		}
		if bell.reads.Load() != before {
			t.Errorf("read %d times in the pause after a failure", bell.reads.Load()-before)
		}
		bell.failing.Store(false)
		time.Sleep(maxPause)
		synctest.Wait()
		if r := b.take("bell"); len(r) < 2 || r[len(r)-1].Err != nil {
			t.Errorf("after the pause: %+v", r)
		}
	})
}

// What will not ask is polled as a contact is.
func TestWakeNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plugPin("test:bell")
		b := newBench(t, Spec{Name: "bell", Driver: "test-waker", Wire: "test:bell", Config: bellConfig{Polled: true}})
		b.Start()
		defer b.stop()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if bell := lastBell; bell.reads.Load() < 95 {
			t.Errorf("read %d times in 10 s", bell.reads.Load())
		}
	})
}
