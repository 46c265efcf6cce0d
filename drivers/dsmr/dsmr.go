// Package dsmr is for smart meters with a P1 port, as in the Netherlands, Belgium, Luxembourg, Sweden, Ireland and
// Hungary, and for others that send the same kind of telegram by themselves, such as EasyMeters.
//
// Wiring: a P1 cable (RJ12 to USB), or: pin 2 data request to pin 1, 5 V; pin 3 ground; pin 5 data through an inverter
// with a pull-up to our RX. A telegram comes each second (DSMR 5) or every ten (before).
//
// Source: Netbeheer Nederland, Dutch Smart Meter Requirements, P1 Companion Standard, version 5.0.2, 2016: telegram and
// CRC in section 6.2, objects in section 6.12; line settings of DSMR 2 and 3 as in version 3.0 (9600 baud, 7 bits, even
// parity, no CRC). Object codes: IEC 62056-61 (OBIS).
package dsmr

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"selvage/edge/device"
)

func init() { device.RegisterSerial("dsmr", Config{Baud: 115200}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_    struct{}          `doc:"A smart meter's P1 port: energy, power, voltage and current, and meters of gas, water and heat behind it." example:"meter"`
	Baud int               `toml:"baud" doc:"115200; 9600 for meters before DSMR 4, which also has 7 bits and even parity set"`
	OBIS map[string]string `toml:"obis" doc:"further objects by their OBIS code, and the names of their lanes" example:"{ \"1-0:15.8.0\" = \"energy-absolute\" }"`
}

var (
	laneName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	obisCode = regexp.MustCompile(`^\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}$`)
)

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Baud != 115200 && c.Baud != 9600 {
		fault("baud", fmt.Sprintf("no P1 port has %d baud", c.Baud), "use 115200, or 9600 for meters before DSMR 4")
	}
	for code, name := range c.OBIS {
		if !obisCode.MatchString(code) {
			fault("obis", fmt.Sprintf("%q is no OBIS code", code), `it looks like "1-0:1.8.1"`)
		}
		if !laneName.MatchString(name) {
			fault("obis", fmt.Sprintf("%q is no name for a lane", name), "it has small letters, digits and -, and begins with a letter")
		}
	}
}

// Within is longer than the ten seconds between two telegrams of a meter before DSMR 5.
func (Config) Within() time.Duration { return 12 * time.Second }

// longest is more than two telegrams, which have up to 2 kB with messages and the peaks of a year.
const longest = 8192

// Dev is one meter.
type Dev struct {
	port     device.Port
	info     device.Info
	checked  bool // its telegrams have a CRC
	sources  []source
	channels []device.Channel
}

// source is where a channel is in a telegram.
type source struct {
	code string
	at   int // which of its values
	unit string
}

// Open waits for a telegram, which shows what this meter tells.
func Open(ctx context.Context, port device.Port, c Config) (*Dev, error) {
	mode := device.Mode{Baud: c.Baud, Data: 8, Parity: "none", Stop: 1}
	if c.Baud == 9600 {
		mode.Data, mode.Parity = 7, "even"
	}
	if err := port.SetMode(mode); err != nil {
		return nil, err
	}
	d := &Dev{port: port}
	t, err := d.next(ctx)
	if err != nil {
		return nil, err
	}
	d.checked = t.checked
	d.info = device.Info{Driver: "dsmr", Wire: port.String(), Model: t.id, Serial: t.serial()}
	d.find(t, c.OBIS)
	if len(d.channels) == 0 {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the meter %s on %s sends telegrams with nothing in them that is known", t.id, port),
			Remedy: "name the objects that matter under obis; some meters tell more after their PIN was entered",
		}
	}
	return d, nil
}

// Info tells the meter's identification and equipment identifier.
func (d *Dev) Info() device.Info { return d.info }

// Channels are what the first telegram had.
func (d *Dev) Channels() []device.Channel { return d.channels }

// Read waits for the next telegram.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	t, err := d.next(ctx)
	if err != nil {
		return nil, err
	}
	return d.decode(t), nil
}

// next waits for a telegram that begins after now.
func (d *Dev) next(ctx context.Context) (t telegram, err error) {
	if err := ctx.Err(); err != nil {
		return t, err
	}
	if err := d.port.ResetInputBuffer(); err != nil {
		return t, err
	}
	_, err = device.Receive(ctx, d.port, "telegram of a P1 port", longest, func(came []byte) (whole []byte) {
		t, whole = telegramIn(came, d.checked)
		return whole
	})
	return t, err
}

// Close has nothing to do: the meter goes on talking.
func (d *Dev) Close() error { return nil }

// objects are the OBIS codes that have a lane, in the order of the lanes.
var objects = [...]struct{ code, name string }{
	{"1-0:1.7.0", "power-import"}, {"1-0:2.7.0", "power-export"},
	{"1-0:21.7.0", "power-import-l1"}, {"1-0:41.7.0", "power-import-l2"}, {"1-0:61.7.0", "power-import-l3"},
	{"1-0:22.7.0", "power-export-l1"}, {"1-0:42.7.0", "power-export-l2"}, {"1-0:62.7.0", "power-export-l3"},
	{"1-0:1.8.0", "energy-import"}, {"1-0:1.8.1", "energy-import-1"}, {"1-0:1.8.2", "energy-import-2"},
	{"1-0:1.8.3", "energy-import-3"}, {"1-0:1.8.4", "energy-import-4"},
	{"1-0:2.8.0", "energy-export"}, {"1-0:2.8.1", "energy-export-1"}, {"1-0:2.8.2", "energy-export-2"},
	{"1-0:2.8.3", "energy-export-3"}, {"1-0:2.8.4", "energy-export-4"},
	{"1-0:3.7.0", "reactive-power-import"}, {"1-0:4.7.0", "reactive-power-export"},
	{"1-0:3.8.0", "reactive-energy-import"}, {"1-0:4.8.0", "reactive-energy-export"},
	{"1-0:32.7.0", "voltage-l1"}, {"1-0:52.7.0", "voltage-l2"}, {"1-0:72.7.0", "voltage-l3"},
	{"1-0:31.7.0", "current-l1"}, {"1-0:51.7.0", "current-l2"}, {"1-0:71.7.0", "current-l3"},
	{"1-0:14.7.0", "frequency"},
	{"1-0:1.4.0", "power-average"}, // of this quarter of an hour, in Belgium
	{"0-0:96.14.0", "tariff"},
	{"0-0:96.7.21", "power-failures"}, {"0-0:96.7.9", "long-power-failures"},
}

// media are what meters on the meter's M-Bus count, by their type (EN 13757-3, device type identification).
var media = map[int]string{2: "electricity", 3: "gas", 4: "heat", 6: "warm-water", 7: "water", 10: "cooling", 12: "heat"}

// units are the units of telegrams: what we call them, and the power of ten that makes it so.
var units = map[string]struct {
	unit device.Unit
	ten  string
}{
	"": {"1", ""}, "kW": {"W", "e3"}, "W": {"W", ""}, "kWh": {"kW.h", ""}, "Wh": {"kW.h", "e-3"},
	"kvar": {"V.A{reactive}", "e3"}, "var": {"V.A{reactive}", ""}, "kvarh": {"kV.A.h{reactive}", ""}, "varh": {"kV.A.h{reactive}", "e-3"},
	"V": {"V", ""}, "A": {"A", ""}, "Hz": {"Hz", ""}, "m3": {"m3", ""}, "dm3": {"m3", "e-3"}, "GJ": {"GJ", ""}, "MJ": {"GJ", "e-3"}, "kW.h": {"kW.h", ""},
}

// find looks for what a telegram has.
func (d *Dev) find(t telegram, further map[string]string) {
	taken := map[string]bool{}
	add := func(name, code string, at int) {
		text, unit, ok := t.value(code, at)
		if _, err := number(text, unit); !ok || err != nil || taken[name] {
			return
		}
		taken[name] = true
		d.sources = append(d.sources, source{code, at, unit})
		c := device.Channel{Name: name, Unit: units[unit].unit}
		if c.Unit == "" {
			c.Unit = device.Unit(unit)
		}
		d.channels = append(d.channels, c)
	}
	for _, o := range objects {
		add(o.name, o.code, 0)
	}
	count := map[string]int{}
	for n := 1; n <= 4; n++ { // the P1 port has four channels for M-Bus
		kind, _, _ := t.value(fmt.Sprintf("0-%d:24.1.0", n), 0)
		medium, _ := strconv.Atoi(kind)
		name, known := media[medium]
		if !known {
			continue
		}
		for _, where := range []struct {
			object string
			at     int
		}{{"24.2.1", 1}, {"24.2.3", 1}, {"24.3.0", 6}} { // behind the time; behind five others and in the next line
			code := fmt.Sprintf("0-%d:%s", n, where.object)
			if _, _, ok := t.value(code, where.at); ok {
				if count[name]++; count[name] > 1 {
					name = fmt.Sprintf("%s-%d", name, count[name])
				}
				add(name, code, where.at)
				break
			}
		}
	}
	for _, l := range t.lines {
		if name := further[l.code]; name != "" {
			add(name, l.code, len(l.values)-1) // behind a time, if there is one
		}
	}
}

// decode takes the channels out of a telegram.
func (d *Dev) decode(t telegram) device.Sample {
	s := make(device.Sample, len(d.channels))
	for i, from := range d.sources {
		s[i].Channel = d.channels[i].Name
		text, unit, ok := t.value(from.code, from.at)
		if !ok || unit != from.unit {
			s[i].Err = fmt.Errorf("this telegram has no %s in %s", from.code, from.unit)
			continue
		}
		s[i].Value, s[i].Err = number(text, unit)
	}
	return s
}

// number reads a value and brings it to our unit.
func number(text, unit string) (float64, error) {
	for _, c := range text {
		if c != '.' && c != '-' && (c < '0' || c > '9') {
			return 0, fmt.Errorf("%q is no number", text)
		}
	}
	return strconv.ParseFloat(text+units[unit].ten, 64)
}

// serial is the equipment identifier, which most meters send as digits of the codes of its letters.
func (t telegram) serial() string {
	for _, code := range []string{"0-0:96.1.1", "0-0:96.1.0", "0-0:42.0.0", "0-0:96.1.255", "1-0:0.0.0"} {
		text, _, ok := t.value(code, 0)
		if !ok || strings.Trim(text, "0") == "" {
			continue
		}
		b, err := hex.DecodeString(text)
		if err == nil && len(b) >= 8 && !strings.ContainsFunc(string(b), func(r rune) bool { return r < ' ' || r > '~' }) {
			return string(b)
		}
		return text
	}
	return ""
}

var _ device.Sensor = (*Dev)(nil)
