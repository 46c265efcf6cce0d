package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What belongs into a turn says so elsewhere, instead of a race.
func TestOutsideTurn(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(*Agent) {})
	for name, fn := range map[string]func(){
		"After":   func() { a.After(time.Hour, func() {}) },
		"Every":   func() { a.Every(time.Hour, func() {}) },
		"At":      func() { a.At("bell", func() {}) },
		"Go":      func() { a.Go(func(context.Context) func() { return nil }) },
		"OnStop":  func() { a.OnStop(func() {}) },
		"OnClose": func() { a.OnClose(func() {}) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, name+" is called outside a turn") {
					t.Errorf("%s outside of a turn: %s", name, p)
				}
			}()
			fn()
		}()
	}
}

// An OnStop that panics does not keep the others from being done, nor what they set from being seen.
func TestOnStopPanics(t *testing.T) {
	o := newLoop(t)
	var x, y *ValueLane[int]
	a := o.add("/a", func(a *Agent) {
		x, y = Value(a, "x", 0), Value(a, "y", 0)
		a.OnStop(func() { x.Set(1) })
		a.OnStop(func() { y.Set(2); panic("one trait") })
		a.OnStop(func() { x.Set(x.Get() + 10) })
	})
	if err := a.Finish(); !errors.As(err, new(*Panicked)) {
		t.Errorf("Finish: %v", err)
	}
	want(t, "x", texts(x.Read()), []string{"11"})
	want(t, "y", texts(y.Read()), []string{"0"})
}

// Works of an agent are bounded, and who asks for one too many is told.
func TestGoIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newLoop(t)
		stop := make(chan bool)
		done := 0
		a := o.add("/a", func(a *Agent) {
			Command(a, "go", func(int) error {
				return a.Go(func(context.Context) func() { <-stop; return func() { done++ } })
			})
		})
		const room = maxWorks + maxWaiting
		for n := range room + 10 {
			if err := o.command(a, "go", "1"); errors.Is(err, ErrBusy) != (n >= room) {
				t.Fatalf("work %d: %v", n, err)
			}
		}
		want(t, "conditions", o.conditions(), []string{"lane./a.go", "work./a.full"})
		if n := o.health.Count("work.refused"); n != 10 {
			t.Errorf("%d were counted as refused, want 10", n)
		}
		close(stop)
		for range room {
			synctest.Wait()
			o.run()
		}
		if done != room {
			t.Errorf("%d are done, want %d", done, room)
		}
		o.command(a, "go", "1")
		want(t, "conditions", o.conditions(), nil)
		synctest.Wait()
	})
}

type wakes func()

func (w wakes) Wake() { w() }

// Who is woken by what a turn has set finds the lanes that it has made.
func TestTurnIsSeenWhole(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[int]
	a := o.add("/a", func(a *Agent) { x = Value(a, "x", 0) })
	woken := 0
	x.Open(wakes(func() {
		if woken++; a.Lane("y") == nil {
			t.Error("x has changed already, and there is no lane y yet")
		}
	}))
	o.do(a, func() { x.Set(1); Value(a, "y", 1) })
	if woken == 0 {
		t.Error("nobody was woken")
	}
}

// The first alarm may be asked for while somebody reads them.
func TestNextAlarmWhileRead(t *testing.T) {
	o := newLoop(t)
	a := o.add("/a", func(a *Agent) {
		for i := range 20 {
			a.At(fmt.Sprint(i), func() {}).Set(time.Now().Add(time.Hour))
		}
	})
	a.Finish()
	var both sync.WaitGroup
	both.Go(func() { a.Lane(TimersLane).Read() })
	a.NextAlarm()
	both.Wait()
}
