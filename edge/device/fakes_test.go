package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"selvage/edge/clock"
	"selvage/edge/health"
)

// wires are the buses and pins of the test at hand. Every bubble makes its own.
var wires struct {
	sync.Mutex
	buses map[string]*fakeBus
	pins  map[string]*fakePin
}

func init() {
	RegisterBus("test", Wires{
		I2C: func(_ context.Context, name string) (i2c.BusCloser, error) {
			wires.Lock()
			defer wires.Unlock()
			if b := wires.buses[name]; b != nil {
				b.opened++
				return b, nil
			}
			return nil, &Fault{Text: "there is no bus " + name, Remedy: "plug it in"}
		},
		Pin: func(_ context.Context, name string) (gpio.PinIO, error) {
			wires.Lock()
			defer wires.Unlock()
			if p := wires.pins[name]; p != nil {
				return p, nil
			}
			return nil, &Fault{Text: "there is no pin " + name, Remedy: "look again"}
		},
	})
	RegisterI2C("test-chip", chipConfig{Address: 0x40}, openChip)
	RegisterPin("test-relay", relayConfig{}, openRelay)
	RegisterPin("test-contact", struct{}{}, openContact)
}

// fakeBus has a behaviour per address; an address without one does not acknowledge.
type fakeBus struct {
	name   string
	opened int
	rescue func() error // nil = there is no way
	over   Lines        // that it was rescued by

	mu     sync.Mutex
	closed int
	chips  map[uint16]func() error
}

func plug(name string, chips map[uint16]func() error) *fakeBus {
	b := &fakeBus{name: name, chips: chips}
	wires.Lock()
	defer wires.Unlock()
	if wires.buses == nil {
		wires.buses = map[string]*fakeBus{}
	}
	wires.buses[name] = b
	return b
}

func unplug(name string) {
	wires.Lock()
	defer wires.Unlock()
	delete(wires.buses, name)
}

func (b *fakeBus) set(addr uint16, chip func() error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.chips[addr] = chip
}

func (b *fakeBus) String() string                  { return b.name }
func (b *fakeBus) SetSpeed(physic.Frequency) error { return nil }

func (b *fakeBus) Recover(_ context.Context, over Lines) error {
	b.over = over
	if b.rescue == nil {
		return errors.ErrUnsupported
	}
	return b.rescue()
}

func (b *fakeBus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed++
	return nil
}

func (b *fakeBus) Tx(addr uint16, _, _ []byte) error {
	b.mu.Lock()
	chip := b.chips[addr]
	b.mu.Unlock()
	if chip == nil {
		return ErrNoAnswer
	}
	return chip()
}

func well() error { return nil }

// slowly fails as a held clock line does: after the kernel's time-out.
func slowly() error {
	time.Sleep(300 * time.Millisecond)
	return ErrBusStuck
}

type chipConfig struct {
	Address uint16
	Takes   time.Duration // one measurement
}

type chip struct {
	bus   i2c.Bus
	addr  uint16
	takes time.Duration
}

func openChip(_ context.Context, bus i2c.Bus, c chipConfig) (*chip, error) {
	d := &chip{bus, c.Address, c.Takes}
	return d, d.ask()
}

func (d *chip) ask() error {
	if err := d.bus.Tx(d.addr, nil, nil); err != nil {
		return Unanswered(d.bus, d.addr, err)
	}
	return nil
}

func (d *chip) Info() Info { return Info{Address: fmt.Sprintf("0x%02x", d.addr)} }
func (d *chip) Close() error {
	return nil
}
func (d *chip) Channels() []Channel {
	return []Channel{{Name: "temperature", Unit: "Cel", Min: -40, Max: 125, Resolution: 0.1}}
}
func (d *chip) Read(ctx context.Context) (Sample, error) {
	if d.takes > 0 {
		if err := Wait(ctx, d.takes); err != nil {
			return nil, err
		}
	}
	if err := d.ask(); err != nil {
		return nil, err
	}
	return Sample{{Channel: "temperature", Value: 21.4321}}, nil
}

type fakePin struct {
	gpio.PinIO
	mu    sync.Mutex
	wrote []gpio.Level
	level gpio.Level
	fail  error
}

func plugPin(name string) *fakePin {
	p := &fakePin{}
	wires.Lock()
	defer wires.Unlock()
	if wires.pins == nil {
		wires.pins = map[string]*fakePin{}
	}
	wires.pins[name] = p
	return p
}

func (p *fakePin) Out(l gpio.Level) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.wrote, p.level = append(p.wrote, l), l
	return nil
}

func (p *fakePin) Read() gpio.Level {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.level
}

func (p *fakePin) set(level gpio.Level, fail error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.level, p.fail = level, fail
}

type relayConfig struct{ Safe bool }

type relay struct {
	pin  gpio.PinIO
	safe bool
}

func openRelay(_ context.Context, pin gpio.PinIO, c relayConfig) (*relay, error) {
	return &relay{pin, c.Safe}, nil
}

func (r *relay) Info() Info     { return Info{} }
func (r *relay) Close() error   { return nil }
func (r *relay) Takes() Channel { return Channel{Form: Boolean} }
func (r *relay) Safe() Value    { return On(r.safe) }
func (r *relay) Out(_ context.Context, v Value) error {
	return r.pin.Out(gpio.Level(v.Bool()))
}

type contact struct{ pin gpio.PinIO }

func openContact(_ context.Context, pin gpio.PinIO, _ struct{}) (*contact, error) {
	return &contact{pin}, nil
}

func (c *contact) Info() Info          { return Info{} }
func (c *contact) Close() error        { return nil }
func (c *contact) Channels() []Channel { return []Channel{{Name: "active", Form: Boolean}} }
func (c *contact) Read(context.Context) (Sample, error) {
	return Sample{{Channel: "active", Value: Flag(bool(c.pin.Read()))}}, nil
}

// bench is a manager whose reports are kept.
type bench struct {
	*Manager
	t      *testing.T
	health *health.Board

	mu      sync.Mutex
	reports map[string][]Report
}

func newBench(t *testing.T, specs ...Spec) *bench {
	t.Helper()
	b := &bench{t: t, health: health.NewBoard(), reports: map[string][]Report{}}
	b.Manager = NewManager(Options{
		Clock:  clock.New("boot", func() bool { return true }),
		Health: b.health,
		Log:    slog.New(slog.DiscardHandler),
		Report: func(r Report) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.reports[r.Device] = append(b.reports[r.Device], r)
		},
	})
	for _, s := range specs {
		if err := b.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// stop ends the manager inside its bubble.
func (b *bench) stop() {
	b.t.Helper()
	if err := b.Stop(context.Background()); err != nil {
		b.t.Error(err)
	}
}

// take returns the reports of a device since it was last asked.
func (b *bench) take(device string) []Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.reports[device]
	delete(b.reports, device)
	return r
}

// readings counts the successful measurements among reports, failures the others.
func readings(rs []Report) (n int) {
	for _, r := range rs {
		if r.Err == nil && len(r.Readings) > 0 {
			n++
		}
	}
	return n
}

func failures(rs []Report) (n int) {
	for _, r := range rs {
		if r.Err != nil {
			n++
		}
	}
	return n
}

func (b *bench) condition(code string) health.Condition {
	for _, c := range b.health.Active() {
		if c.Code == code {
			return c
		}
	}
	return health.Condition{}
}

var errLine = errors.New("the line is busy")
