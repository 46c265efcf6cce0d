package device

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Update is what a new config asks of the devices that run.
type Update struct {
	Remove []string // their names
	Change []Spec   // of devices that are there
	Add    []Spec
}

// Remove puts a device into its safe state, closes it and forgets it. It returns when that is done
// or ctx ends; the device is forgotten either way.
func (m *Manager) Remove(ctx context.Context, name string) error {
	return m.Apply(ctx, Update{Remove: []string{name}})
}

// Apply makes an update and touches no other device. What goes and what changes is put into its safe
// state and closed first, so that wires may change hands; a device of which only Every or Timeout
// changes stays open. An output that changes is told again what was asked of it, once it has been closed. A
// bus whose last device goes is closed.
//
// What takes longer than ctx is named in the error and left behind; what cannot be done is named there,
// too. All the rest is done.
func (m *Manager) Apply(ctx context.Context, u Update) error {
	leaving, errs := m.release(u)
	was := make([]order, len(leaving))
	late := make([]bool, len(leaving))
	for i, l := range leaving {
		var in bool
		if was[i], in = l.asked(ctx); !in {
			late[i] = true
			errs = append(errs, fmt.Errorf("device %s was not closed in time: %s", l.name, l.owner.busyWith()))
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, l := range leaving {
		if l.heir == nil || m.devices[l.name] != l.heir || m.stopped {
			continue
		}
		l.heir.order = was[i]
		m.place(l.heir)
		m.hold(l.heir, was[i])
		if late[i] && m.started && l.heir.driver.Output {
			go m.handOver(l)
		}
	}
	for _, s := range u.Add {
		if err := m.add(s); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// handOver gives an heir, which is at work, what was asked of a device that took too long to close: once that is known,
// and unless something else was asked meanwhile.
func (m *Manager) handOver(l departure) {
	was, in := l.asked(m.ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !in || m.stopped:
	case m.devices[l.name] == l.heir:
		l.heir.owner.inherit(l.heir, was)
		m.hold(l.heir, was)
	case was.told:
		m.log.Warn("what was asked of an output before it changed is lost, for it changed again before it was closed", "device", l.name)
	}
}

// departure is a device on its way out.
type departure struct {
	name  string
	owner *owner
	gone  <-chan order
	heir  *managed // what takes its name, nil for none
}

// asked returns what was asked of the device when it has been closed; false if that takes longer than ctx.
func (l departure) asked(ctx context.Context) (order, bool) {
	select {
	case was := <-l.gone:
		return was, true
	case <-l.owner.done: // it told before it was done
		select {
		case was := <-l.gone:
			return was, true
		default:
			return order{}, true
		}
	case <-ctx.Done():
		return order{}, false
	}
}

// release takes what goes and what changes away from its owners.
func (m *Manager) release(u Update) (leaving []departure, errs []error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return nil, []error{errStopped}
	}
	for _, name := range u.Remove {
		dev := m.devices[name]
		if dev == nil {
			errs = append(errs, unknown(name))
			continue
		}
		delete(m.devices, name)
		leaving = m.depart(leaving, dev, nil)
	}
	for _, s := range u.Change {
		driver, err := driverOf(s)
		dev := m.devices[s.Name]
		switch {
		case err != nil:
			errs = append(errs, err)
		case dev == nil:
			errs = append(errs, unknown(s.Name))
		case dev.owner != nil && dev.alike(s):
			heir := newManaged(s, driver)
			dev.owner.revise(revision{dev, heir.spec.Every, heir.spec.Timeout})
		default:
			heir := newManaged(s, driver)
			m.devices[s.Name] = heir
			leaving = m.depart(leaving, dev, heir)
		}
	}
	return leaving, errs
}

// alike tells whether the device that s asks for is this one, perhaps at other times.
func (d *managed) alike(s Spec) bool {
	return d.spec.Driver == s.Driver && d.spec.Wire == s.Wire && reflect.DeepEqual(d.spec.Config, s.Config) &&
		d.spec.SafeAfter == s.SafeAfter && slices.Equal(d.spec.SafeWhen, s.SafeWhen)
}

// depart has the device's owner close it, and notes it if that is worth waiting for.
func (m *Manager) depart(leaving []departure, dev, heir *managed) []departure {
	switch {
	case dev.owner == nil: // it waits for the one before it, which another Apply closes
		if heir != nil {
			heir.order, heir.asked, heir.ordered = dev.order, dev.asked, dev.ordered
			m.place(heir)
		}
		return leaving
	case !m.started:
		dev.owner.leave(dev, heir != nil)
		if heir != nil {
			heir.asked, heir.ordered = dev.asked, dev.ordered
			m.place(heir)
		}
		return leaving
	}
	return append(leaving, departure{dev.spec.Name, dev.owner, dev.owner.leave(dev, heir != nil), heir})
}
