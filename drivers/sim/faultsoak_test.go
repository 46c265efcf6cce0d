package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/drivers/sht3x"
	"selvage/edge/clock"
	"selvage/edge/device"
)

// What a timetable does to a bus is what a driver on it finds.
func TestWireFaults(t *testing.T) {
	for kind, want := range map[string]error{"unplugged": device.ErrNoAnswer, "noisy": device.ErrGarbled, "held": device.ErrBusStuck, "ones": device.ErrNoAnswer} {
		synctest.Test(t, func(t *testing.T) {
			board := FindBoard("sim:sht3x")
			board.Trouble(Unplugged) // another test may have used it, at a time that is still to come here
			board.Trouble(None)
			trouble := sensor(t, NewRoom("sim:room", 1), Config{Fault: []Fault{{Kind: kind, Wire: "sim:sht3x", After: time.Minute, For: time.Minute}}})
			dev, err := sht3x.Open(t.Context(), i2c.Bus(board.Bus()), sht3x.Config{Address: 0x44})
			must(t, err)
			for at := range 4 {
				_, err := dev.Read(t.Context())
				if at == 1 && !errors.Is(err, want) || at != 1 && err != nil {
					t.Errorf("%s, after %d minutes: %v", kind, at, err)
				}
				time.Sleep(time.Minute - time.Duration(time.Now().UnixNano())%time.Minute)
			}
			must(t, trouble.Close())
			if len(board.trouble.plans) > 0 {
				t.Error("closing leaves its plans in force")
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		for _, name := range []string{"sim:max31865", "sim:pms5003/7"} {
			w, err := findWire(name)
			must(t, err)
			trouble := sensor(t, NewRoom("sim:room", 1), Config{Fault: []Fault{{Kind: "unplugged", Wire: name, After: time.Minute, For: time.Second}}})
			now := func() Trouble { // what it is, and whether its power was away
				switch w := w.(type) {
				case *Line:
					return w.troubled(time.Now())
				case *Select:
					what, _ := w.trouble.now(time.Now())
					return what
				}
				return None
			}
			if now() != None {
				t.Errorf("%s: trouble from the beginning", name)
			}
			time.Sleep(time.Minute)
			if now() != Unplugged {
				t.Errorf("%s is not unplugged", name)
			}
			must(t, trouble.Close())
			if now() != None {
				t.Errorf("%s is unplugged after all", name)
			}
		}
	})
	// An outage that nobody saw has still taken the chip's power.
	p := &planned{table: timetable{after: time.Minute, lasts: time.Second}, from: time.Now(), what: Unplugged}
	var w troubles
	w.turn(p, true)
	for _, c := range []struct {
		at   time.Duration
		what Trouble
		cut  bool
	}{{time.Second, None, false}, {2 * time.Minute, None, true}, {3 * time.Minute, None, false}} {
		if what, cut := w.now(p.from.Add(c.at)); what != c.what || cut != c.cut {
			t.Errorf("after %v: trouble %v, cut %v", c.at, what, cut)
		}
	}
}

// A day of faults by a timetable, with what people know of a place (adjust): nothing that is reported as good is wrong
// by more than what can happen before it is found, and after each fault the device is well again. Drift and noise, which
// nobody can tell from the world, are not among them.
func TestFaultSoak(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { faultSoak(t, seed) }) })
	}
}

func faultSoak(t *testing.T, seed uint64) {
	const (
		m    = time.Minute
		most = 0.8 // °C: what the swing does while a sensor is stuck and not yet found to be, and noise
	)
	name := fmt.Sprint("sim:soak", seed)
	c := Config{
		Room: name, Seed: seed,
		Channel: map[string]Quantity{"temperature": {Unit: "Cel", Start: 20, Swing: 5, Period: time.Hour, Noise: 0.1, Resolution: 0.01}},
		Fault: []Fault{
			{Kind: "stuck", After: 5 * m, For: 10 * m, Every: 50 * m, Spread: 30 * m},
			{Kind: "drop-out", Channel: "temperature", After: 7 * m, For: 4 * m, Every: 40 * m, Spread: 30 * m},
			{Kind: "spike", After: 3 * m, Every: 10 * m, Spread: 8 * m, Size: 60},
			{Kind: "dead", After: 20 * m, For: 6 * m, Every: 60 * m, Spread: 50 * m},
			{Kind: "slow", After: 30 * m, For: 5 * m, Every: 60 * m, Spread: 50 * m, Late: 3 * time.Second},
			{Kind: "slow", After: 40 * m, For: 5 * m, Every: 60 * m, Spread: 50 * m, Late: 500 * time.Millisecond},
		},
	}
	least, greatest := 10.0, 30.0
	judge := device.Judge{Adjust: device.Adjust{Min: &least, Max: &greatest, Stuck: time.Minute, Rate: 0.1}}
	var mu sync.Mutex
	good, doubted, failed, wrong := 0, 0, 0, 0
	room := Find(name)
	truth := level{Quantity: c.Channel["temperature"], now: 20}
	man := device.NewManager(device.Options{
		Clock: clock.New("soak", func() bool { return true }), Log: slog.New(slog.DiscardHandler),
		Report: func(r device.Report) {
			mu.Lock()
			defer mu.Unlock()
			if r.Err != nil {
				failed++
			}
			if r.Opened != nil {
				judge.Channel = r.Opened.Channels[0]
			}
			for _, n := range r.Readings {
				switch now := judge.Of(n.Reading, time.Now()); now.Quality {
				case device.Uncertain:
					doubted++
				case device.Good:
					good++
					if want := truth.signal(time.Since(room.began)); math.Abs(now.Value-want) > most {
						if wrong++; wrong < 5 {
							t.Errorf("%v and good after %v, where %.2f is true", now, time.Since(room.began), want)
						}
					}
				}
			}
		},
	})
	must(t, man.Add(device.Spec{Name: "a", Driver: "sim", Every: 10 * time.Second, Config: c}))
	man.Start()
	time.Sleep(24 * time.Hour)
	must(t, man.Stop(context.Background()))
	t.Logf("%d good, %d doubted, %d failures, %d wrong", good, doubted, failed, wrong)
	if good < 4000 || doubted < 500 || failed < 100 {
		t.Errorf("%d good, %d doubted, %d failures: not all of the timetable was seen", good, doubted, failed)
	}
}
