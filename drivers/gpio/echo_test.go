package gpio

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func init() {
	device.RegisterBus("echo", device.Wires{Pin: func(_ context.Context, name string) (gpio.PinIO, error) {
		if name != "echo:24" {
			return nil, &device.Fault{Text: "there is no pin " + name, Remedy: "look again"}
		}
		return &ranger.echo, nil
	}})
}

// ranging is an HC-SR04: at the end of a trigger of 10 µs it sends, and 450 µs later its echo rises for
// as long as the sound is on its way.
type ranging struct {
	fake // the trigger
	echo edgy
	high time.Time     // since when the trigger is
	way  time.Duration // 0: it does not answer
	lost int
}

var ranger *ranging // what "echo:24" belongs to

func newRanger(way time.Duration) *ranging {
	ranger = &ranging{way: way}
	return ranger
}

func (r *ranging) Out(l gpio.Level) error {
	if was := r.level; l == gpio.Low && was == gpio.High && time.Since(r.high) >= triggerTime && r.way > 0 {
		rise := time.Duration(time.Now().UnixNano()) + 450*time.Microsecond
		r.echo.edge(device.Edge{Level: gpio.High, At: rise})
		if r.way < time.Second {
			r.echo.edge(device.Edge{Level: gpio.Low, At: rise + r.way, Lost: r.lost})
		}
	}
	r.level, r.high = l, time.Now()
	return nil
}

func echoConfig() EchoConfig { return EchoConfig{Echo: "echo:24", Temperature: 20} }

func TestEchoDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "hc-sr04", Config: echoConfig(), Pin: func() gpio.PinIO { return newRanger(5800 * time.Microsecond) },
	})
}

func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRanger(time.Millisecond)
		e, err := OpenEcho(t.Context(), r, echoConfig())
		if err != nil {
			t.Fatal(err)
		}
		// The module's leaflet: µs / 58 is the distance in cm.
		for _, us := range []int{116, 580, 5800, 23000} {
			r.way = time.Duration(us) * time.Microsecond
			s, err := e.Read(t.Context())
			if cm := float64(us) / 58; err != nil || math.Abs(s[0].Value*100-cm) > 0.01*cm {
				t.Errorf("an echo of %d µs: %v, %v, want %.2f cm", us, s, err, cm)
			}
		}
		r.way = 38 * time.Millisecond
		if s, err := e.Read(t.Context()); err != nil || s[0].Err == nil {
			t.Errorf("nothing there: %v, %v", s, err)
		}
		r.way = 5800 * time.Microsecond
		r.lost = 2
		if _, err := e.Read(t.Context()); !errors.Is(err, device.ErrGarbled) {
			t.Errorf("edges were lost: %v", err)
		}
		r.lost = 0
		for way, why := range map[time.Duration]string{0: "it does not answer", time.Hour: "its echo does not end"} {
			r.way = way
			if _, err := e.Read(t.Context()); !errors.Is(err, device.ErrNoAnswer) || !strings.HasSuffix(strings.Split(err.Error(), ": nobody")[0], why) {
				t.Errorf("%v: %v, want %s", way, err, why)
			}
		}
		r.echo.level = gpio.High
		if _, err := e.Read(t.Context()); !errors.Is(err, device.ErrNoAnswer) || !strings.Contains(err.Error(), "high all the time") {
			t.Errorf("an echo that stays high: %v", err)
		}
		r.echo.level = gpio.Low
		r.way = time.Millisecond
		if _, err := e.Read(t.Context()); err != nil {
			t.Errorf("after all that: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		r.way = 0
		if _, err := e.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with little time: %v", err)
		}
	})
}

func TestEchoOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := echoConfig()
		c.Echo = "echo:25"
		if _, err := OpenEcho(t.Context(), newRanger(time.Millisecond), c); err == nil || err.Error() != "there is no pin echo:25" {
			t.Errorf("no such pin: %v", err)
		}
		if _, err := OpenEcho(t.Context(), newRanger(0), echoConfig()); !errors.Is(err, device.ErrNoAnswer) || ranger.echo.halted == 0 {
			t.Errorf("nothing there: %v", err)
		}
	})
}

func TestEchoCheck(t *testing.T) {
	var keys []string
	EchoConfig{Temperature: 100}.Check(func(key, _, _ string) { keys = append(keys, key) })
	if want := []string{"echo", "temperature"}; !slices.Equal(keys, want) {
		t.Errorf("faults at %v, want %v", keys, want)
	}
}
