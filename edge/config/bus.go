package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"selvage/edge/device"
)

// Bus is one table [bus."/dev/i2c-1"]: over which pins an I²C bus runs.
type Bus struct {
	Name string // as the devices on it have it
	BusKeys
}

// BusKeys are the keys of every [bus."NAME"].
type BusKeys struct {
	_   struct{} `doc:"The pins of an I²C bus, called as the pins of devices are. With them a bus that a hanging chip holds is freed by clocks: a last resort before somebody has to switch the power off. The program must be root for it, except on a bus whose pins are no controller's, and the pins are given back to the bus."`
	SCL string   `doc:"the pin of the clock" example:"GPIO3"`
	SDA string   `doc:"the pin of the data" example:"GPIO2"`
}

func (p *planner) bus(name string, t *table) {
	b := Bus{Name: name}
	var fs fields
	v := reflect.ValueOf(&b.BusKeys).Elem()
	fs.add(v)
	p.doc.fill(t, fs)
	for _, pin := range []struct{ key, name, example string }{{"scl", b.SCL, "GPIO3"}, {"sda", b.SDA, "GPIO2"}} {
		switch e := t.get(pin.key); {
		case e == nil && !t.broken:
			p.doc.fault(t.at, fmt.Sprintf("[%s] needs %s", t.name(), pin.key), fmt.Sprintf("add %s = %q, or the pin it is", pin.key, pin.example))
		case e == nil || e.bad || e.value.kind == unread:
		case pin.name == "":
			p.doc.faultIn(e, pin.key+" is empty", fmt.Sprintf("write %q, or the pin it is", pin.example))
		default:
			p.hold(t, e, "pin "+pin.name, "give one of them another pin")
		}
	}
	p.buses[name] = t
	p.plan.Buses = append(p.plan.Buses, b)
}

// onBuses checks that there is a device on each bus that has a table.
func (p *planner) onBuses() {
	used := map[string]bool{}
	for _, t := range p.devices { // those with faults, too
		wire, name := t.get("bus"), t.get("driver")
		if wire == nil || wire.value.kind != text || name == nil {
			continue
		}
		if driver, known := device.Lookup(name.value.text); !known || driver.Wire == device.I2C {
			used[wire.value.text] = true
		}
	}
	names := slices.Sorted(maps.Keys(used))
	for name, t := range p.buses {
		if used[name] {
			continue
		}
		remedy := didYouMean(name, names)
		switch {
		case remedy != "":
		case len(names) == 0:
			remedy = "remove this table, or add a device on that bus"
		default:
			remedy = "devices are on " + brief(names)
		}
		p.doc.fault(t.at, fmt.Sprintf("no device is on the I²C bus %s", quoteShort(name)), remedy)
	}
}

// Lines are the pins of buses, by the names of these.
func (p *Plan) Lines() map[string]device.Lines {
	lines := map[string]device.Lines{}
	for _, b := range p.Buses {
		lines[b.Name] = device.Lines{SCL: b.SCL, SDA: b.SDA}
	}
	return lines
}
