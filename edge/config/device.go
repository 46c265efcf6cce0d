package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"selvage/edge/device"
	"selvage/edge/route"
)

// deviceKeys are the keys of every [device.NAME], whatever its driver. Bus and pin belong to
// drivers on such a wire; another driver may have keys of its own under these names.
type deviceKeys struct {
	_       struct{}      `doc:"A device, which appears as the agent /device/NAME. Its driver says which further keys it takes."`
	Driver  string        `doc:"what is built in for such a device"`
	Bus     string        `doc:"the I²C or SPI bus it is on, or sim:NAME for a simulated one"`
	Port    string        `doc:"the serial port it is on, or tcp://HOST:PORT for one behind a network"`
	Pin     string        `doc:"the GPIO pin it is on, or sim:NAME/GPIO17 for a simulated one"`
	Adapter string        `doc:"the Bluetooth adapter it is heard through, or sim:hci0 for a simulated one"`
	Every   time.Duration `doc:"the time between two measurements"`
	Timeout time.Duration `doc:"how long one measurement, or one setting, may take" unset:"1s, or what the driver knows to be needed,"`

	SafeWhen  []string      `toml:"safe-when" doc:"what makes an output go to its safe state when it is lost or in trouble, until it is told again: uplink.NAME, agent./URI, device.NAME" example:"-"`
	SafeAfter time.Duration `toml:"safe-after" doc:"how long an output does what it was told if it is not told again; then it is safe" unset:"for ever" example:"15m"`

	Adjust map[string]device.Adjust `doc:"What is known better than the device does about one of its channels. Doubted values are kept, as uncertain." example:"CHANNEL"`
}

func (p *planner) device(name string, t *table) {
	p.devices[name] = t
	p.nameRight("a device", name, t, "air")
	driver, known := device.Lookup(p.nameOf(t, "driver", device.Names(), ""))

	var keys deviceKeys
	var fs fields
	config := copyOf(driver.Defaults)
	if known {
		fs.add(reflect.ValueOf(&keys).Elem(), otherKeys(driver)...)
		fs.add(config)
		p.foreignWire(t, driver, fs)
	} else {
		fs.add(reflect.ValueOf(&keys).Elem())
		fs.loose = true // what else it takes is not known
	}
	p.doc.fill(t, fs)
	p.doc.settle(fs)
	p.atLeast(t, "every", keys.Every, "10s")
	p.atLeast(t, "timeout", keys.Timeout, "2s")
	p.atLeast(t, "safe-after", keys.SafeAfter, "15m")
	if e := t.get("safe-when"); e != nil && !e.bad {
		p.losses = append(p.losses, e)
	}
	if !known {
		return
	}
	p.doc.check(config, t)
	wire := map[string]string{"bus": keys.Bus, "port": keys.Port, "pin": keys.Pin, "adapter": keys.Adapter}[driver.Wire.Key()]
	if driver.Wire != device.NoWire {
		p.wired(t, driver.Name, driver.Wire, wire, addressIn(config))
	}
	p.plan.Devices = append(p.plan.Devices, Device{
		Spec: device.Spec{
			Name: name, Driver: driver.Name, Wire: wire, Every: keys.Every, Timeout: keys.Timeout, Config: config.Interface(),
			Adjust: keys.Adjust, SafeWhen: keys.SafeWhen, SafeAfter: keys.SafeAfter,
		},
		Pos: p.pos(t),
	})
}

// lost checks that what outputs are to be safe for is there. It runs when all tables have been read.
func (p *planner) lost() {
	for _, e := range p.losses {
		for _, v := range e.value.items {
			sort, name, _ := strings.Cut(v.text, ".")
			switch {
			case sort == "uplink" && p.uplinks[name] != nil, sort == "device" && p.devices[name] != nil:
			case sort == "agent" && p.mayBe(route.NodeURI(name)), sort == "bus" && name != "":
			case sort == "uplink" || sort == "device":
				p.doc.fault(v.at, fmt.Sprintf("there is no table [%s]", v.text), "name one that there is")
			case sort == "agent":
				p.doc.fault(v.at, "there is no agent "+quoteShort(name), "name one by its URI: \"agent./room/air\"")
			default:
				p.doc.fault(v.at, fmt.Sprintf("%s is nothing that can be lost", quoteShort(v.text)), `write "uplink.NAME", "agent./URI" or "device.NAME"`)
			}
		}
	}
}

// wireKeys are the keys that name a wire.
var wireKeys = []string{"bus", "port", "pin", "adapter"}

// otherWires are those that mean nothing to a driver on the given wire.
func otherWires(wire device.Kind) []string {
	return slices.DeleteFunc(slices.Clone(wireKeys), func(key string) bool { return key == wire.Key() })
}

// safeKeys are those of outputs.
var safeKeys = []string{"safe-when", "safe-after"}

// otherKeys are those of every device that mean nothing to a driver.
func otherKeys(driver device.Driver) []string {
	keys := otherWires(driver.Wire)
	if !driver.Sensor {
		keys = append(keys, "adjust")
	}
	if !driver.Output {
		keys = append(keys, safeKeys...)
	}
	return keys
}

// foreignWire speaks of a wire given to a driver that is on none or on one of another kind,
// which deserves better words than an unknown key.
func (p *planner) foreignWire(t *table, driver device.Driver, fs fields) {
	on := "needs no wire"
	if driver.Wire != device.NoWire {
		on = "is on " + driver.Wire.Noun()
	}
	for _, key := range wireKeys {
		e := t.get(key)
		if _, ok := fs.value[key]; ok || e == nil {
			continue
		}
		e.bad = true
		p.doc.fault(e.at, fmt.Sprintf("%s %s, so it has no %s", driver.Name, on, key), "remove this line")
	}
}

// wired checks that a device has a wire and that no other device has the same.
func (p *planner) wired(t *table, driver string, kind device.Kind, wire, address string) {
	key, example := kind.Key(), kind.Example()
	e := t.get(key)
	switch {
	case e == nil && !t.broken:
		p.doc.fault(t.at, fmt.Sprintf("%s needs %s", driver, kind.Noun()), fmt.Sprintf("add %s = %q, or the %s it is on", key, example, key))
	case e == nil || e.bad || e.value.kind == unread:
	case wire == "":
		p.doc.faultIn(e, fmt.Sprintf("%s is empty", key), fmt.Sprintf("write %q, or the %s it is on", example, key))
	default:
		p.claim(t, e, kind, wire, address)
	}
}

// claim notes that a device has a wire, or an address on one. I²C chips whose address is not
// configured are not compared: there may be any number of them behind one bus.
func (p *planner) claim(t *table, e *entry, kind device.Kind, wire, address string) {
	key := kind.Key()
	what := key + " " + wire
	switch {
	case kind == device.I2C && address == "":
		return
	case address != "":
		what = "address " + address + " on " + wire
		if given := t.get("address"); given != nil {
			if e = given; e.bad || e.value.kind == unread {
				return
			}
		}
	}
	first, taken := p.wires[what]
	if !taken {
		p.wires[what] = t
		return
	}
	remedy := "give one of them another " + key
	if address != "" {
		remedy = "give one of them another address or another " + key
	}
	p.doc.fault(e.value.at, fmt.Sprintf("%s is taken by [%s] on line %d", what, first.name(), p.doc.lineNumber(first.at.start)), remedy)
}

// addressIn returns the address on a bus in a driver's config, "" when it has none. All drivers keep it under the key
// address; a chip whose pins are devices each has the key output or input, too.
func addressIn(config reflect.Value) (text string) {
	var fs fields
	fs.add(config)
	a, ok := fs.value["address"]
	switch {
	case ok && a.CanUint():
		text = fmt.Sprintf("%#x", a.Uint())
	case ok && a.CanInt():
		text = fmt.Sprintf("%#x", a.Int())
	case ok && a.Type() == reflect.TypeFor[device.RadioAddress]() && !a.IsZero():
		text = fmt.Sprint(a.Interface())
	}
	for _, key := range []string{"output", "input"} {
		if pin, ok := fs.value[key]; ok && text != "" {
			text += fmt.Sprintf(" pin %v", pin)
		}
	}
	return text
}

// shortest is below what any driver measures in. A device that is read more often would only keep
// its bus and this machine busy.
const shortest = 10 * time.Millisecond

// atLeast refuses a duration that is given and too short.
func (p *planner) atLeast(t *table, key string, d time.Duration, example string) {
	if e := t.get(key); e != nil && !e.bad && e.value.kind == text && d < shortest {
		p.doc.faultIn(e, fmt.Sprintf("%s is at least %v, got %s", key, shortest, quoteShort(e.value.text)), fmt.Sprintf("write a duration such as %q", example))
	}
}
