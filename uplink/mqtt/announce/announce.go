// Package announce describes our own agents to Home Assistant, by MQTT discovery.
//
// Each entity has a config of its own on PREFIX/COMPONENT/selvage-HOST/NODE__LANE/config. Configs of whole devices are
// only understood since Home Assistant 2024.11, those of entities by every version; what belongs to one device comes
// together in it by its identifiers. Keys and device classes that are newer than 2023.1 are not used either, since one
// that is not known there makes the whole config invalid; but for origin, which is passed over
// (https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery).
package announce

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"selvage/edge/device"
)

// Host is who announces.
type Host struct {
	Name    string
	Version string
	Prefix  string // of all configs: "homeassistant"
	Status  string // topic that says online or offline of us, for all
}

// Thing is an agent of ours: to Home Assistant a device.
type Thing struct {
	Node     string // its URI
	Name     string // for people
	Model    string // with its maker; may be empty
	Status   string // topic that says online or offline of it; may be empty
	Channels []Channel
	Output   *Output // nil if it is none
}

// Channel is something that a thing tells.
type Channel struct {
	Name  string // of its lane
	Form  device.Form
	Unit  device.Unit
	Topic string
}

// Output is what a thing is told, and does.
type Output struct {
	Form     device.Form
	Unit     device.Unit
	Min, Max float64 // both 0 for no bounds
	Step     float64
	Choices  []string // of texts
	State    string   // topic
	Command  string   // topic
}

// Config is what is to be published, to be kept, for one entity.
type Config struct {
	Topic   string
	Payload []byte
}

// Words of Home Assistant, where nothing else is said.
const (
	Online  = "online"
	Offline = "offline"
	On      = "ON"
	Off     = "OFF"
)

// MaxState is how long a state may be, in characters.
const MaxState = 255

// entity is a config's payload.
type entity struct {
	Name              string         `json:"name"`
	UniqueID          string         `json:"unique_id"`
	StateTopic        string         `json:"state_topic"`
	CommandTopic      string         `json:"command_topic,omitempty"`
	DeviceClass       string         `json:"device_class,omitempty"`
	StateClass        string         `json:"state_class,omitempty"`
	UnitOfMeasurement string         `json:"unit_of_measurement,omitempty"`
	Min               *float64       `json:"min,omitempty"`
	Max               *float64       `json:"max,omitempty"`
	Step              float64        `json:"step,omitempty"`
	Options           []string       `json:"options,omitempty"`
	QoS               int            `json:"qos"`
	Availability      []availability `json:"availability,omitempty"`
	AvailabilityMode  string         `json:"availability_mode,omitempty"`
	Device            described      `json:"device"`
	Origin            origin         `json:"origin"`
}

type availability struct {
	Topic string `json:"topic"`
}

type described struct {
	Identifiers []string `json:"identifiers"`
	Name        string   `json:"name"`
	Model       string   `json:"model,omitempty"`
}

type origin struct {
	Name      string `json:"name"`
	SWVersion string `json:"sw_version,omitempty"`
}

// Configs describes a thing, in the order of the topics.
func (h Host) Configs(t Thing) []Config {
	var all []Config
	for _, c := range t.Channels {
		e := entity{Name: title(c.Name), StateTopic: c.Topic}
		all = append(all, h.config(t, c.Name, e.measures(c), e))
	}
	if t.Output != nil {
		e := entity{StateTopic: t.Output.State, CommandTopic: t.Output.Command}
		all = append(all, h.config(t, "set", e.takes(t.Output), e))
	}
	slices.SortFunc(all, func(a, b Config) int { return cmp.Compare(a.Topic, b.Topic) })
	return all
}

func (h Host) config(t Thing, lane, component string, e entity) Config {
	device := "selvage/" + h.Name + t.Node
	e.UniqueID = device + "/" + lane
	e.QoS = 1
	for _, topic := range []string{h.Status, t.Status} {
		if topic != "" {
			e.Availability = append(e.Availability, availability{topic})
		}
	}
	if len(e.Availability) > 0 {
		e.AvailabilityMode = "all"
	}
	e.Device = described{[]string{device}, t.Name, t.Model}
	e.Origin = origin{"selvage", h.Version}
	return Config{
		Topic:   fmt.Sprintf("%s/%s/%s/%s/config", h.Prefix, component, h.id(), identifier(strings.TrimPrefix(t.Node, "/")+"/"+lane)),
		Payload: e.json(),
	}
}

func (e entity) json() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(e) // numbers are finite, and all else can be encoded
	return bytes.TrimSpace(b.Bytes())
}

func (h Host) id() string { return "selvage-" + identifier(h.Name) }

// Owns reports whether a topic is that of a config by this host: it is none to find a device by.
func (h Host) Owns(topic string) bool {
	rest, ok := strings.CutPrefix(topic, h.Prefix+"/")
	_, rest, found := strings.Cut(rest, "/")
	return ok && found && strings.HasPrefix(rest, h.id()+"/") && strings.HasSuffix(rest, "/config")
}

// identifier writes a text with what Home Assistant allows in a topic of configs, letters, digits, _ and -, so that no
// two texts are the same.
func identifier(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '/':
			b.WriteString("__")
		case c == '-', c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String()
}

// title is the name of a lane for people: "soil-moisture" is "Soil moisture".
func title(lane string) string {
	words := strings.Join(wordsOf(lane), " ")
	if words == "" {
		return lane
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

func wordsOf(lane string) []string {
	return strings.FieldsFunc(lane, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
}

// What a number is offered that has no bounds, and what step where none is known. Home Assistant would take 1 to 100
// and 1 (https://www.home-assistant.io/integrations/number.mqtt/); its least step is a thousandth.
const (
	noBound   = 1e6
	someStep  = 0.1
	leastStep = 0.001
)

// takes describes an output and returns the component for it.
func (e *entity) takes(o *Output) (component string) {
	switch {
	case o.Form == device.Boolean:
		e.Name = "Switch"
		return "switch"
	case o.Form == device.Text && len(o.Choices) > 0:
		e.Name, e.Options = "Choice", o.Choices
		return "select"
	case o.Form == device.Text:
		e.Name = "Text"
		return "text"
	}
	e.Name = "Level"
	least, most := o.Min, o.Max
	if !(least < most) {
		least, most = -noBound, noBound
	}
	e.Min, e.Max = &least, &most
	if e.Step = max(o.Step, leastStep); o.Step == 0 {
		e.Step = someStep
	}
	e.UnitOfMeasurement = kindOf(o.Unit).spelling
	return "number"
}
