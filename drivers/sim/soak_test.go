package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/drivers/bmx280"
	"selvage/drivers/sht3x"
	sht4xdriver "selvage/drivers/sht4x"
	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/health"
)

// shaky is a bus on which each address may fail in its own way, and the bus itself may go.
type shaky struct {
	*Board

	mu   sync.Mutex
	gone bool
	ways map[uint16]func(bus i2c.Bus, addr uint16, w, r []byte) error // nil = as it should
}

var shakies = map[string]*shaky{}

func init() {
	device.RegisterBus("soak", device.Wires{I2C: func(_ context.Context, name string) (i2c.BusCloser, error) {
		s := shakies[name]
		if s.isGone() {
			return nil, &device.Fault{Text: "there is no bus " + name}
		}
		return &shakyBus{s.Bus(), s}, nil
	}})
}

func (s *shaky) isGone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

func (s *shaky) set(addr uint16, way func(i2c.Bus, uint16, []byte, []byte) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ways[addr] = way
}

func (s *shaky) setGone(gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = gone
}

type shakyBus struct {
	i2c.BusCloser
	of *shaky
}

func (b *shakyBus) Tx(addr uint16, w, r []byte) error {
	if b.of.isGone() {
		return device.ErrBusGone
	}
	b.of.mu.Lock()
	way := b.of.ways[addr]
	b.of.mu.Unlock()
	if way != nil {
		return way(b.BusCloser, addr, w, r)
	}
	return b.BusCloser.Tx(addr, w, r)
}

// place is where a chip is, and a chip of its kind with another serial number each time.
type place struct {
	bus    *shaky
	addr   uint16
	driver string
	crc    bool // a flipped bit is found
}

func (p place) plug(truth Signal, serial uint32) {
	var c Chip
	switch p.driver {
	case "sht4x":
		c = &sht4x{serial: serial, measure: func() (float64, float64) { return truth(time.Now()), 50 }}
	case "sht3x":
		c = NewSHT3x(truth, Steady(50))
	case "bme280":
		c = NewBME280(truth, Steady(50), Steady(1000))
	}
	p.bus.Plug(p.addr, c)
}

// A day with a fault somewhere every minute: what is reported as good is true, all devices give readings between
// their faults, and nothing is left behind. What no driver can see, a flipped bit in a chip without checksums, is not
// among the faults.
func TestSoak(t *testing.T) {
	const (
		day   = 24 * time.Hour
		every = 10 * time.Second
	)
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { soak(t, seed, day, every) }) })
	}
}

func soak(t *testing.T, seed uint64, day, every time.Duration) {
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range 3 {
		name := fmt.Sprint("soak:", i)
		shakies[name] = &shaky{Board: NewBoard(name), ways: map[uint16]func(i2c.Bus, uint16, []byte, []byte) error{}}
	}
	b := func(i int) *shaky { return shakies[fmt.Sprint("soak:", i)] }
	places := []place{
		{b(0), 0x44, "sht4x", true}, {b(0), 0x45, "sht4x", true}, {b(0), 0x76, "bme280", false},
		{b(1), 0x44, "sht3x", true}, {b(1), 0x77, "bme280", false}, {b(2), 0x46, "sht4x", true},
	}
	type tally struct {
		good, bad, wrong int
		longest          time.Duration // between two good readings
		last             time.Time
	}
	var mu sync.Mutex
	truths := make([]Signal, len(places))
	tallies := make([]tally, len(places))
	numbers := map[string]int{}
	swap := func(i int) {
		mu.Lock()
		defer mu.Unlock()
		mid := -20 + 80*random.Float64()
		truths[i] = Swing(mid, 5)
		places[i].plug(truths[i], random.Uint32())
	}
	board := health.NewBoard()
	m := device.NewManager(device.Options{
		Clock: clock.New("soak", func() bool { return true }), Health: board, Log: slog.New(slog.DiscardHandler),
		Report: func(r device.Report) {
			mu.Lock()
			defer mu.Unlock()
			i := numbers[r.Device]
			y := &tallies[i]
			if r.Err != nil {
				y.bad++
			}
			for _, n := range r.Readings {
				if n.Channel != "temperature" || n.Reading.Quality != device.Good {
					continue
				}
				y.good++
				y.longest, y.last = max(y.longest, time.Since(y.last)), time.Now()
				// While it measured, the world moved a little.
				if want := truths[i](time.Now()); math.Abs(n.Reading.Value-want) > 0.1 {
					if y.wrong++; y.wrong < 4 {
						t.Errorf("%s: %v and good at %v, where %.2f is true", r.Device, n.Reading, time.Now(), want)
					}
				}
			}
		},
	})
	for i, p := range places {
		swap(i)
		tallies[i].last = time.Now()
		name := fmt.Sprintf("%d-%s", i, p.driver)
		numbers[name] = i
		spec := device.Spec{Name: name, Driver: p.driver, Wire: p.bus.name, Every: every}
		spec.Config = map[string]any{
			"sht4x": sht4xdriver.Config{Address: p.addr}, "sht3x": sht3x.Config{Address: p.addr}, "bme280": bmx280.BME280{Address: p.addr},
		}[p.driver]
		if err := m.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
	m.Start()
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	time.Sleep(time.Hour)
	early, goroutines := heap(), runtime.NumGoroutine()

	end := time.Now().Add(day - 2*time.Hour)
	for time.Now().Before(end) {
		time.Sleep(time.Duration(random.Int64N(int64(2 * time.Minute))))
		i := random.IntN(len(places))
		p := places[i]
		lasts := time.Duration(random.Int64N(int64(3 * time.Minute)))
		switch kind := random.IntN(7); {
		case kind == 0:
			p.bus.set(p.addr, func(i2c.Bus, uint16, []byte, []byte) error { return device.ErrNoAnswer })
		case kind == 1:
			p.bus.set(p.addr, func(i2c.Bus, uint16, []byte, []byte) error { time.Sleep(stuckTime); return device.ErrBusStuck })
		case kind == 2 && p.crc:
			noise := rand.New(rand.NewPCG(random.Uint64(), 0))
			p.bus.set(p.addr, func(bus i2c.Bus, addr uint16, w, r []byte) error {
				err := bus.Tx(addr, w, r)
				if len(r) > 0 { // up to eight bits beside each other, which CRC-8 finds whatever they are
					r[noise.IntN(len(r))] ^= byte(1 + noise.IntN(255))
				}
				return err
			})
		case kind == 3:
			p.bus.set(p.addr, func(_ i2c.Bus, _ uint16, _, r []byte) error {
				for i := range r {
					r[i] = 0xFF
				}
				return nil
			})
		case kind == 4: // a passing disturbance: every few transfers
			noise := rand.New(rand.NewPCG(random.Uint64(), 0))
			p.bus.set(p.addr, func(bus i2c.Bus, addr uint16, w, r []byte) error {
				if noise.IntN(3) == 0 {
					return device.ErrNoAnswer
				}
				return bus.Tx(addr, w, r)
			})
		case kind == 5: // it is exchanged, every other time so fast that nobody saw it go
			if random.IntN(2) == 0 {
				p.bus.Unplug(p.addr)
				time.Sleep(every + lasts)
			}
			swap(i)
		default: // the adapter is unplugged
			p.bus.setGone(true)
		}
		time.Sleep(lasts)
		p.bus.set(p.addr, nil)
		p.bus.setGone(false)
	}
	time.Sleep(time.Hour)
	if late := heap(); late > early+1<<20 {
		t.Errorf("the heap has %d kB after a day, %d kB after an hour", late>>10, early>>10)
	}
	if n := runtime.NumGoroutine(); n != goroutines {
		t.Errorf("%d goroutines after a day, %d after an hour", n, goroutines)
	}
	if active := board.Active(); len(active) > 0 {
		t.Errorf("an hour after the last fault there is still %v", active)
	}
	if err := m.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	for i, y := range tallies {
		t.Logf("%s at 0x%02x: %d good, %d failures, %d wrong, %v at most between two good readings", places[i].driver, places[i].addr, y.good, y.bad, y.wrong, y.longest.Round(time.Second))
		// Of the day's polls some are lost to faults of its own and of its bus.
		if share := float64(y.good) / (float64(day) / float64(every)); share < 0.6 || y.bad == 0 {
			t.Errorf("%s at 0x%02x: %.0f %% of all readings, %d failures", places[i].driver, places[i].addr, 100*share, y.bad)
		}
	}
}
