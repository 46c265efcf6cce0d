package main

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/sim"
	"selvage/edge/clock"
	"selvage/edge/device"
)

// Every chip can be tried without having it: on the bus that is called like it, with nothing but its defaults, nothing that it
// measures for an hour is bad, and an output does what it is told.
func TestChipsOnSimulatedBuses(t *testing.T) {
	for _, name := range device.Names() {
		d, _ := device.Lookup(name)
		if d.Wire != device.I2C && d.Wire != device.SPI {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tryChip(t, d) })
		})
	}
}

func tryChip(t *testing.T, d device.Driver) {
	var (
		mu    sync.Mutex
		good  int
		takes *device.Channel
		state device.State
	)
	m := device.NewManager(device.Options{
		Clock: clock.New("boot", func() bool { return true }),
		Log:   slog.New(slog.DiscardHandler),
		Report: func(r device.Report) {
			mu.Lock()
			defer mu.Unlock()
			if r.Err != nil {
				t.Error(r.Err)
			}
			if r.Opened != nil {
				takes = r.Opened.Takes
			}
			if r.State != nil {
				state = *r.State
			}
			for _, n := range r.Readings {
				switch n.Reading.Quality { // uncertain: some sensors warm up first
				case device.Good:
					good++
				case device.Bad:
					t.Errorf("%s: %v, %s", n.Channel, n.Reading, n.Reading.Reason)
				}
			}
		},
	})
	chip, _, _ := strings.Cut(d.Name, "-") // mcp23017-in
	if d.Wire == device.I2C {              // a chip that another test used is at a time that is still to come here
		board := sim.FindBoard("sim:" + chip)
		board.Trouble(sim.Unplugged)
		board.Trouble(sim.None)
	}
	if err := m.Add(device.Spec{Name: "it", Driver: d.Name, Wire: "sim:" + chip, Every: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	m.Start()
	time.Sleep(time.Minute)
	var want device.Value
	if d.Output {
		mu.Lock()
		want = map[device.Form]device.Value{
			device.Boolean: device.On(true), device.Number: device.Of(42), device.Text: device.Words("21.5 °C"),
		}[takes.Form]
		mu.Unlock()
		if err := m.Out("it", want); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(time.Hour)
	mu.Lock()
	if d.Sensor && good < 350 {
		t.Errorf("%d good readings in an hour, want one every ten seconds of each channel", good)
	}
	if d.Output && (state.Value != want || state.Safe) {
		t.Errorf("the output does %+v, want %v", state, want)
	}
	mu.Unlock()
	if err := m.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
