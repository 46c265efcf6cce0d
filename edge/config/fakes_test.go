package config_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/route"
	"selvage/uplink"
)

// The drivers and kinds of this test binary. Names and keys are those of the real ones where the
// sample speaks of them; none of them is ever opened.
func init() {
	device.RegisterI2C("sht4x", chip{Address: 0x44}, openI2C[chip])
	device.RegisterI2C("bme280", chip{Address: 0x76}, openI2C[chip])
	device.RegisterPin("gpio-out", relay{Safe: "off"}, openPin[relay])
	device.Register("system", struct{}{}, open[struct{}])
	device.Register("meter", meter{Baud: 9600}, open[meter])
	agent.Register("climate", climate{Target: 21, Band: 0.5, Every: 10 * time.Second}, setup[climate])
	uplink.Register("mqtt", mqtt{Discover: []string{"homeassistant"}, Map: map[string]mapping{"replaced": {Device: "/device/replaced"}}}, openUplink[mqtt])
	uplink.Register("warp", warp{Backlog: 1000}, openUplink[warp])
	agent.Register("all-types", types{Kept: "kept", Place: place{Room: "hall", Floor: 1}, Names: []string{"replaced"}}, setup[types])
}

type chip struct {
	Address uint16
	Heater  bool
}

func (c chip) Check(fault func(key, problem, remedy string)) {
	if c.Address == 0x40 {
		fault("address", "an SHT4x does not answer at 0x40", "use 0x44, 0x45 or 0x46")
	}
}

type relay struct {
	Safe string
}

// Check tells a level that is missing from one that is wrong.
func (r relay) Check(fault func(key, problem, remedy string)) {
	if r.Safe != "on" && r.Safe != "off" {
		fault("safe", fmt.Sprintf("safe is %q", r.Safe), `write "on" or "off"`)
	}
}

// meter has a key bus of its own, which is no I²C bus.
type meter struct {
	Bus  string
	Baud int
}

type climate struct {
	Sensor string
	Heater string
	Target float64
	Band   float64
	Every  time.Duration
}

func (c *climate) Check(fault func(key, problem, remedy string)) {
	if c.Sensor == "" {
		fault("sensor", "climate needs a sensor to follow", `add sensor = "/device/…"`)
	}
	if c.Band < 0 {
		fault("band", "band cannot be below 0", "")
	}
}

type types struct {
	Kept     string
	Flag     bool
	Tiny     int8
	Big      int64
	Unsigned uint8
	Ratio    float32
	Wait     time.Duration
	Peer     netip.Addr
	Names    []string
	Levels   []float64
	Limits   map[string]float64
	Place    place
	Rules    []rule `toml:"rule"`
	Maybe    *int
	Hidden   string `toml:"-"`
}

// Check speaks of keys below the table's own.
func (t types) Check(fault func(key, problem, remedy string)) {
	for name, limit := range t.Limits {
		if limit == 0 {
			fault("limits."+name, "a limit cannot be 0", "")
		}
	}
	if t.Place.Room == "attic" && t.Place.Floor != 2 {
		fault("place.floor", "the attic is on floor 2", "")
	}
}

type place struct {
	Room  string
	Floor int
}

type rule struct {
	When string
	Then []string
}

func (r rule) Check(fault func(key, problem, remedy string)) {
	if r.When == "" {
		fault("when", "a rule needs a when", "")
	}
}

// mqtt makes twins: of any name where it discovers, else those of its maps.
type mqtt struct {
	URL      string
	Discover []string
	Map      map[string]mapping
}

type mapping struct {
	Device  string
	Wait    time.Duration
	Channel map[string]channel
}

type channel struct {
	Unit   string
	Factor float64
}

func (m mqtt) Makes(node route.NodeURI) bool {
	for _, mapping := range m.Map {
		fixed, _, wild := strings.Cut(mapping.Device, "{")
		if wild && strings.HasPrefix(string(node), fixed) || string(node) == mapping.Device {
			return true
		}
	}
	return len(m.Discover) > 0
}

// Check speaks of a key whose name has dots.
func (m *mqtt) Check(fault func(key, problem, remedy string)) {
	for topic, mapping := range m.Map {
		if strings.Contains(mapping.Device, "{") && !strings.Contains(topic, "{") {
			fault("map."+topic+".device", "its topic names nothing to put here", "")
		}
	}
}

func (m mapping) Check(fault func(key, problem, remedy string)) {
	if m.Device == "" {
		fault("device", "a map needs a device", `add device = "/device/{name}"`)
	}
	if m.Wait < 0 {
		fault("wait", "wait cannot be below 0", "")
	}
}

func (c *channel) Check(fault func(key, problem, remedy string)) {
	if c.Unit == "furlong" {
		fault("unit", "furlong is no unit", "")
	}
}

type warp struct {
	URL     string
	As      route.NodeURI
	Send    []string
	Backlog int
}

func (w warp) Check(fault func(key, problem, remedy string)) {
	if !strings.HasPrefix(w.URL, "warp") {
		fault("url", "a peer's url starts with warp:// or warps://", `write url = "warps://hub.example"`)
	}
}

func openUplink[C any](*uplink.Line, C) (uplink.Uplink, error) {
	return nil, errors.New("never opened")
}

type fake struct{}

func (fake) Info() device.Info                               { return device.Info{} }
func (fake) Close() error                                    { return nil }
func (fake) Channels() []device.Channel                      { return nil }
func (fake) Read(ctx context.Context) (device.Sample, error) { return nil, nil }

type out struct{}

func (out) Info() device.Info                       { return device.Info{} }
func (out) Close() error                            { return nil }
func (out) Takes() device.Channel                   { return device.Channel{Form: device.Boolean} }
func (out) Safe() device.Value                      { return device.On(false) }
func (out) Out(context.Context, device.Value) error { return nil }

func open[C any](context.Context, C) (fake, error)               { return fake{}, nil }
func openI2C[C any](context.Context, i2c.Bus, C) (fake, error)   { return fake{}, nil }
func openPin[C any](context.Context, gpio.PinIO, C) (out, error) { return out{}, nil }
func setup[C any](*agent.Agent, C) error                         { return nil }
