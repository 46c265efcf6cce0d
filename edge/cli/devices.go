package cli

import (
	"cmp"
	"context"

	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/host"
	"selvage/edge/twin"
)

// devices ties the devices to their twins.
type devices struct {
	manager *device.Manager
	twins   map[string]*twinHandle // complete before the first report
	first   chan device.Report     // the first report of each device
	opened  []device.Report        // those of them that say what was found
	ctx     context.Context        // ends when reports are no more taken
}

type twinHandle struct {
	*twin.Twin
	turns *host.Handle
	heard bool // only the owner's goroutine asks
}

func (d *devices) add(h *host.Host, plan []config.Device) error {
	var faults config.Faults
	for _, p := range plan {
		t := twin.New(d.twinOf(p.Spec))
		turns, err := h.Add(t.Node, host.Things, t.Kind(), nil)
		if err == nil {
			d.twins[p.Name] = &twinHandle{Twin: t, turns: turns}
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

func (d *devices) twinOf(s device.Spec) twin.Options {
	o := twin.Options{Node: twin.Node(s.Name), Info: twin.Info{Driver: s.Driver}}
	if driver, _ := device.Lookup(s.Driver); driver.Output {
		o.Switch = func(on bool) error { return d.manager.Out(s.Name, on) }
	} else {
		o.Every = cmp.Or(s.Every, device.DefaultEvery)
	}
	return o
}

// report hands a device's report to its twin. It waits while the twin's mailbox is full, and with it
// the device's bus.
func (d *devices) report(r device.Report) {
	t := d.twins[r.Device]
	_ = t.turns.Do(d.ctx, func() { t.Report(r) }) // fails only when the host is stopping
	if !t.heard {
		t.heard = true
		d.first <- r // has room for one of each device
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
