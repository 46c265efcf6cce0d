package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"selvage/edge/clock"
	"selvage/edge/health"
)

// stopWithin bounds Stop: a driver that does not return is left behind and named.
const stopWithin = time.Second

// Options is what a Manager works with. Only Report is needed.
type Options struct {
	Clock  *clock.Clock  // clock.System() when nil
	Health *health.Board // where bus and device conditions go
	Log    *slog.Logger  // slog.Default() when nil

	// Report receives what the owners find out. It is called by owner goroutines, for one device
	// never twice at a time, and while it waits that device's whole bus waits.
	Report func(Report)

	// LastGood, if given, is asked for the last good reading of a device in place of what its driver said: a twin may
	// know better. It is called by owner goroutines.
	LastGood func(device string) (Reading, bool)
}

// Manager runs the devices of one host. Everything on one bus or port has one owner goroutine, and only
// this touches the bus; pins of one scheme share an owner, a device without a wire has its own.
type Manager struct {
	clock  *clock.Clock
	health *health.Board
	log    *slog.Logger
	report func(Report)
	good   func(device string) (Reading, bool)

	ctx    context.Context
	cancel context.CancelFunc

	ears ears

	mu      sync.Mutex
	owners  map[string]*owner
	devices map[string]*managed
	lines   map[string]Lines // of buses
	started bool
	stopped bool
	watched sync.WaitGroup // the watch over what makes outputs safe
}

// NewManager returns a manager that does nothing until Start.
func NewManager(o Options) *Manager {
	m := &Manager{
		clock: o.Clock, health: o.Health, log: o.Log, report: o.Report,
		owners: map[string]*owner{}, devices: map[string]*managed{},
	}
	if m.good = o.LastGood; m.good == nil {
		m.good = func(string) (Reading, bool) { return Reading{}, false }
	}
	if m.clock == nil {
		m.clock = clock.System()
	}
	if m.health == nil {
		m.health = health.NewBoard()
	}
	if m.log == nil {
		m.log = slog.Default()
	}
	if m.report == nil {
		m.report = func(Report) {}
	}
	to := m.report
	m.report = func(r Report) {
		m.ears.tell(r.Device, Heard{Report: &r})
		to(r)
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// Add takes a device in charge, before or after Start. It fails for what can never work: a driver
// nobody registered, a name that is taken, a missing bus or pin name. Hardware that is not there is
// no error; it is waited for.
func (m *Manager) Add(s Spec) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.add(s)
}

func (m *Manager) add(s Spec) error {
	d, err := driverOf(s)
	switch {
	case err != nil:
		return err
	case m.stopped:
		return errStopped
	case m.devices[s.Name] != nil:
		return fmt.Errorf("device %s: the name is taken", s.Name)
	}
	dev := newManaged(s, d)
	m.devices[s.Name] = dev
	m.place(dev)
	return nil
}

// driverOf finds a device's driver, and what can never work.
func driverOf(s Spec) (Driver, error) {
	d, ok := Lookup(s.Driver)
	var err error
	switch {
	case s.Name == "":
		err = errors.New("a device has no name")
	case !ok:
		err = fmt.Errorf("device %s: no driver is called %q; there are %s", s.Name, s.Driver, strings.Join(Names(), ", "))
	case d.Wire != NoWire && s.Wire == "":
		err = fmt.Errorf("device %s: the driver %s needs %s, such as %s = %q", s.Name, s.Driver, d.Wire.Noun(), d.Wire.Key(), d.Wire.Example())
	}
	return d, err
}

// place gives a device to the owner of its wire, which is made if there is none. m.mu is held.
func (m *Manager) place(dev *managed) {
	key := ownerOf(dev.spec, dev.driver)
	o := m.owners[key]
	if o == nil {
		o = newOwner(m, key, dev.driver.Wire, dev.spec.Wire)
		m.owners[key] = o
		if m.started {
			go o.run(m.ctx)
		}
	}
	dev.owner = o
	o.join(dev)
}

// ownerOf returns the key of the goroutine that owns a device.
func ownerOf(s Spec, d Driver) string {
	switch d.Wire {
	case NoWire:
		return "device " + s.Name
	case Pin:
		scheme, _ := wiresFor(s.Wire)
		return "pins " + scheme
	}
	return string(d.Wire) + " " + s.Wire
}

// Start begins to open and read the devices.
func (m *Manager) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started || m.stopped {
		return
	}
	m.started = true
	for _, o := range m.owners {
		go o.run(m.ctx)
	}
	m.watched.Go(m.watch)
}

// Out asks for an output to be set. It never waits: the owner sets it as soon as the bus is
// free and reports the state then. Of several requests the newest counts, and one that failed is
// repeated until it succeeds or another takes its place. What the output does not take is refused; before it has been
// opened nobody knows what it takes, and what turns out wrong then is logged and forgotten.
func (m *Manager) Out(device string, v Value) error {
	return m.order(device, order{value: v, told: true, at: time.Now()})
}

// MakeSafe takes back what Out asked: the output goes to its safe state and stays there. It is for
// when whoever commands the output is lost.
func (m *Manager) MakeSafe(device string) error { return m.order(device, order{}) }

func (m *Manager) order(name string, w order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dev := m.devices[name]
	switch {
	case m.stopped:
		return errStopped
	case dev == nil:
		return unknown(name)
	case !dev.driver.Output:
		return fmt.Errorf("device %s cannot be set: the driver %s only measures", name, dev.driver.Name)
	case dev.owner == nil:
		dev.asked, dev.ordered = &w, true
	default:
		if err := dev.owner.order(dev, w); err != nil {
			return err
		}
	}
	m.hold(dev, w)
	return nil
}

// Stop puts every output into its safe state, closes devices and buses and waits for the owners. It
// takes at most a second, or as long as ctx allows if that is shorter; then it names the drivers that
// hang. It may be called twice.
func (m *Manager) Stop(ctx context.Context) error {
	m.mu.Lock()
	m.stopped = true
	var running []*owner
	if m.started {
		for _, o := range m.owners {
			running = append(running, o)
		}
	}
	m.mu.Unlock()
	m.cancel()
	m.watched.Wait() // it never waits for anybody

	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	var hung []string
	for _, o := range running {
		select {
		case <-o.done:
			continue
		default:
		}
		select {
		case <-o.done:
		case <-ctx.Done():
			hung = append(hung, o.busyWith())
		}
	}
	if len(hung) > 0 {
		slices.Sort(hung)
		return fmt.Errorf("devices did not stop in time: %s", strings.Join(hung, "; "))
	}
	return nil
}

var errStopped = errors.New("devices are stopped")

func unknown(name string) error { return fmt.Errorf("no device is called %q", name) }
