package cli

import (
	"cmp"
	"context"
	"reflect"
	"sync"

	"selvage/edge/agent"
	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/host"
	"selvage/edge/twin"
)

// devices ties the devices to their twins.
type devices struct {
	host    *host.Host
	manager *device.Manager
	first   chan device.Report // the first report of each device there is at the start
	opened  []device.Report    // those of them that say what was found
	ctx     context.Context    // ends when reports are no more taken

	mu    sync.RWMutex
	twins map[string]*twinHandle
}

type twinHandle struct {
	*twin.Twin
	kind    agent.Kind
	options twin.Options
	turns   *host.Handle
	heard   bool // only the owner's goroutine asks
}

func (d *devices) add(plan []config.Device) error {
	var faults config.Faults
	for _, p := range plan {
		err := d.addTwin(p, nil)
		if err == nil {
			err = d.manager.Add(p.Spec)
		}
		if err != nil {
			faults = append(faults, p.Pos.Fault("", err.Error(), ""))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// addTwin makes a device's twin, in the place of an agent if there is one that makes way.
func (d *devices) addTwin(p config.Device, place *host.Handle) error {
	o := d.twinOf(p.Spec)
	t := &twinHandle{Twin: twin.New(o), options: o, turns: place}
	t.kind = t.Twin.Kind()
	var err error
	if place != nil {
		err = d.host.Replace(o.Node, t.kind, nil)
	} else {
		t.turns, err = d.host.Add(o.Node, host.Things, t.kind, nil)
	}
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.twins[p.Name] = t
	return nil
}

func (d *devices) twin(name string) *twinHandle {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.twins[name]
}

// change makes what changes about the devices so, and returns what could not be done. taking gives
// away agents that make way for twins.
func (d *devices) change(ctx context.Context, c config.Set[config.Device], taking func(*config.Device) *host.Handle) (left []undone) {
	var u device.Update
	for _, p := range c.Changed {
		t, o := d.twin(p.Name), d.twinOf(p.Spec)
		if !t.suits(o) {
			if err := d.host.Replace(o.Node, t.kind, o); err != nil {
				left = append(left, undone{p.Pos, err})
				continue
			}
			t.options = o
		}
		t.expect(ctx)
		u.Change = append(u.Change, p.Spec)
	}
	for _, p := range c.Added {
		if err := d.addTwin(p, taking(&p)); err != nil {
			left = append(left, undone{p.Pos, err})
			continue
		}
		d.twin(p.Name).expect(ctx)
		u.Add = append(u.Add, p.Spec)
	}
	for _, p := range c.Removed {
		u.Remove = append(u.Remove, p.Name)
	}
	left = append(left, undone{err: d.manager.Apply(ctx, u)})
	for _, p := range c.Removed {
		d.mu.Lock()
		delete(d.twins, p.Name)
		d.mu.Unlock()
		left = append(left, undone{err: d.host.Remove(ctx, twin.Node(p.Name))})
	}
	return left
}

// expect tells a twin that who answers next is the one that the config asks for now.
func (t *twinHandle) expect(ctx context.Context) {
	_ = t.turns.Do(ctx, t.Expect) // fails only when the host is stopping
}

// suits tells whether the twin is right for a device as o says.
func (t *twinHandle) suits(o twin.Options) bool {
	return t.options.Info == o.Info && t.options.Every == o.Every && (t.options.Set == nil) == (o.Set == nil) &&
		reflect.DeepEqual(t.options.Adjust, o.Adjust)
}

func (d *devices) twinOf(s device.Spec) twin.Options {
	o := twin.Options{Node: twin.Node(s.Name), Info: twin.Info{Driver: s.Driver, Wire: s.Wire}}
	driver, _ := device.Lookup(s.Driver)
	if driver.Output {
		o.Set = func(v device.Value) error { return d.manager.Out(s.Name, v) }
	} else {
		o.Every = cmp.Or(s.Every, device.DefaultEvery)
	}
	if driver.Sensor {
		o.Adjust, o.Calibrates = s.Adjust, true
	}
	return o
}

// report hands a device's report to its twin. It waits while the twin's mailbox is full, and with it
// the device's bus.
func (d *devices) report(r device.Report) {
	t := d.twin(r.Device)
	if t == nil {
		return // a driver came back that was left behind
	}
	_ = t.turns.Do(d.ctx, func() { t.Report(r) }) // fails only when the host is stopping
	if !t.heard {
		t.heard = true
		select {
		case d.first <- r:
		default: // has room for all that the start waits for
		}
	}
}

// await gives every device time for its first attempt, so that who connects at once finds the
// lanes of what is there. A device that takes longer holds up nobody.
func (d *devices) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range d.twins {
		select {
		case r := <-d.first:
			if r.Opened != nil {
				d.opened = append(d.opened, r)
			}
		case <-ctx.Done():
			return
		}
	}
}
