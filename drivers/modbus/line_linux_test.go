package modbus_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/modbus"
	"selvage/drivers/sim"
	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/health"
)

// ports are what the scheme "rs485" opens, by name.
var ports sync.Map

func init() {
	device.RegisterBus("rs485", device.Wires{Port: func(_ context.Context, name string) (device.Port, error) {
		open, ok := ports.Load(name)
		if !ok {
			return nil, device.ErrBusGone
		}
		return open.(func() (device.Port, error))()
	}})
}

// tally counts what a manager reports.
type tally struct {
	mu       sync.Mutex
	readings map[string]int // good ones, by device
	samples  map[string]int
	failures map[string]int
	health   *health.Board
	enough   func(*tally) bool
	full     chan struct{}
}

func newTally() *tally {
	return &tally{readings: map[string]int{}, samples: map[string]int{}, failures: map[string]int{}, health: health.NewBoard(), full: make(chan struct{})}
}

func (c *tally) report(r device.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Err != nil {
		c.failures[r.Device]++
		return
	}
	c.samples[r.Device]++
	for _, n := range r.Readings {
		if n.Reading.Quality == device.Good {
			c.readings[r.Device]++
		}
	}
	if c.enough != nil && c.enough(c) {
		c.enough = nil
		close(c.full)
	}
}

// run has a manager read units 1 to n of a port.
func run(t *testing.T, c *tally, port string, n int, every time.Duration, config modbus.Config) *device.Manager {
	t.Helper()
	m := device.NewManager(device.Options{
		Clock: clock.New("boot", func() bool { return true }), Log: slog.New(slog.DiscardHandler), Health: c.health, Report: c.report,
	})
	for a := 1; a <= n; a++ {
		config.Address = uint8(a)
		if err := m.Add(device.Spec{Name: fmt.Sprint("unit-", a), Driver: "modbus", Wire: port, Every: every, Config: config}); err != nil {
			t.Fatal(err)
		}
	}
	m.Start()
	return m
}

func config(m string, baud int) modbus.Config {
	return modbus.Config{Wire: modbus.Wire{Baud: baud, Parity: "none", Stop: 1, Reply: 300 * time.Millisecond}, Map: m, Merge: 16}
}

// line is a simulated line, which takes the time that bytes take, with the units of a kind.
func line(t *testing.T, kind string, baud int) (name string, units *sim.Modbus) {
	t.Helper()
	units, err := sim.Meters(kind)
	if err != nil {
		t.Fatal(err)
	}
	units.Speed = baud
	name = "rs485:" + t.Name()
	l := sim.NewLine(name, units)
	ports.Store(name, func() (device.Port, error) { return l.Port(), nil })
	t.Cleanup(func() { ports.Delete(name) })
	return name, units
}

// 34 meters of 34 floats each on one line, every ten seconds: all of them come, and none is passed over.
func TestManyMeters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name, _ := line(t, "sdm630", 19200)
		c := newTally()
		m := run(t, c, name, 34, 10*time.Second, config("sdm630", 19200))
		time.Sleep(10 * time.Second) // the first round, in which they are opened and find their places
		c.mu.Lock()
		clear(c.samples)
		clear(c.readings)
		c.mu.Unlock()
		const rounds = 90 // a quarter of an hour
		before := cpu(t)
		time.Sleep(rounds * 10 * time.Second)
		spent := cpu(t) - before
		if err := m.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		floats := 0
		for a := 1; a <= 34; a++ {
			device := fmt.Sprint("unit-", a)
			if n := c.samples[device]; n < rounds-1 || c.readings[device] != 34*n || c.failures[device] > 0 {
				t.Errorf("%s: %d samples with %d good readings and %d failures in %d rounds", device, n, c.readings[device], c.failures[device], rounds)
			}
			floats += c.readings[device]
		}
		t.Logf("%d floats in %d rounds; with the simulated meters %v of CPU a round, %v a float", floats, rounds, spent/rounds, spent/time.Duration(floats))
	})
}

// One dead unit of 32 takes less than a hundredth of the others' measurements, also when they need most of the line.
func TestOneDeadOfMany(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Second, 7 * time.Second} {
		t.Run(every.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				name, units := line(t, "sdm120", 9600)
				units.Units[17].Dead = true
				c := newTally()
				m := run(t, c, name, 32, every, config("sdm120", 9600))
				time.Sleep(2 * every)
				c.mu.Lock()
				clear(c.samples)
				clear(c.failures)
				c.mu.Unlock()
				const lasts = time.Hour
				time.Sleep(lasts)
				if err := m.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				want, least := float64(lasts/every), 1.0
				for a := 1; a <= 32; a++ {
					device := fmt.Sprint("unit-", a)
					if a == 17 {
						if c.samples[device] > 0 || c.failures[device] == 0 {
							t.Errorf("the dead unit gave %d samples and %d failures", c.samples[device], c.failures[device])
						}
						continue
					}
					least = min(least, float64(c.samples[device])/want)
				}
				if least < 0.99 {
					t.Errorf("a live unit kept %.1f %% of its rate", 100*least)
				}
				t.Logf("the dead unit was asked %d times in an hour; of the others the slowest kept %.2f %% of its rate", c.failures["unit-17"], 100*least)
			})
		})
	}
}
