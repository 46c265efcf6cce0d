package theengs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
)

// thing is a device that is heard, or a gateway.
type thing struct {
	device  family.Device
	named   bool                       // it has told its name
	fields  map[string]*device.Channel // by key; nil for what is left out
	lanes   map[string]bool
	hearers map[*gateway]bool // false for those that have given it up
	away    bool              // as was told last
	fresh   bool              // it is described anew
}

func newThing(d family.Device) *thing {
	return &thing{device: d, fields: map[string]*device.Channel{}, lanes: map[string]bool{}, hearers: map[*gateway]bool{}}
}

// names takes in how a device is called. A name comes with some messages only.
func (t *thing) names(object map[string]json.RawMessage) {
	d := &t.device
	name, model, brand := text(object["name"]), text(object["model"]), text(object["brand"])
	if d.Model == "" && model != "" {
		d.Model = strings.TrimPrefix(strings.TrimSpace(brand+" "+model), "GENERIC ")
		t.fresh = true
	}
	switch {
	case t.named || len(name) > maxName:
	case family.Slug(name) != "":
		t.named = true
		t.fresh = t.fresh || d.Name != name
		d.Name = name
	case d.Name == "" || t.fresh:
		d.Name = strings.TrimSpace(cmp.Or(model, "bluetooth") + " " + d.ID[len(d.ID)-4:])
	}
}

// value is one of a message.
type value struct {
	key    string
	raw    []byte
	quoted bool
	unit   string // as the message says, which is then in the key, too
}

// kind is what a key means.
type kind struct {
	lane string
	unit device.Unit
	most float64 // what is more cannot be, nor what is less than 0; 0 if there is no limit
}

// kinds are the keys of the decoder that have a unit.
var kinds = map[string]kind{
	"hum": {"humidity", "%", 100}, "batt": {"battery", "%", 100}, "moi": {"moisture", "%", 100}, "level": {"level", "%", 100},
	"volt": {"voltage", "V", 0}, "pres": {"pressure", "hPa", 0}, "lux": {"illuminance", "lx", 0},
	"fer": {"fertility", "uS/cm", 0}, "for": {"formaldehyde", "mg/m3", 0}, "co2": {"co2", "[ppm]", 0},
	"pm25": {"pm25", "ug/m3", 0}, "pm10": {"pm10", "ug/m3", 0}, "impedance": {"impedance", "Ohm", 0},
	"energy": {"energy", "kW.h", 0}, "litres": {"volume", "L", 0}, "lvl_cm": {"level-cm", "cm", 0},
	"accx": {"acceleration-x", "m/s2", 0}, "accy": {"acceleration-y", "m/s2", 0}, "accz": {"acceleration-z", "m/s2", 0},
	"bpm": {"heart-rate", "{bpm}", 0}, "act_bpm": {"activity-heart-rate", "{bpm}", 0},
	"weight": {"weight", "", 0}, "avg": {"average", "", 0}, "sum": {"sum", "", 0}, // whose unit is beside
	"gravity": {"gravity", "", 0}, "steps": {"steps", "", 0}, "shake": {"shake", "", 0}, "mov": {"movements", "", 0},
	"open": {lane: "open"}, "motion": {lane: "motion"}, "moving": {lane: "moving"}, "lowbatt": {lane: "low-battery"},
	"uptime": {"uptime", "s", 0}, "freemem": {"freemem", "By", 0}, "minmem": {"minmem", "By", 0}, // of gateways
	"rssi": {"rssi", "dB[mW]", 0}, "txpower": {"txpower", "dB[mW]", 0}, "tx": {"tx", "dB[mW]", 0}, "distance": {"distance", "m", 0},
}

// beside are the keys that say the unit of others.
var beside = map[string]string{"weight": "unit", "avg": "avgu", "sum": "sumu"}

// system are the keys that say something of a gateway. The rest of SYStoMQTT is how it is configured.
var system = set("uptime freemem minmem rssi tempc version")

// silent are keys that say who was heard and what was received, or by whom.
var silent = set(`id mac mac_type adv_type name brand model model_id manufacturer type cidc acts cont track prmac ctrl encr
	cipher ctr mic servicedata servicedatauuid manufacturerdata uuid mfid major minor rpi aem packet device modeltype beaconmodel
	unit avgu sumu origin presence hostname`)

func set(keys string) map[string]bool {
	all := map[string]bool{}
	for key := range strings.FieldsSeq(keys) {
		all[key] = true
	}
	return all
}

// measured tells whether a key is of something that a sensor measures.
func measured(key string) bool {
	switch key {
	case "rssi", "txpower", "tx", "distance":
		return false
	}
	_, known := kinds[key]
	return known || strings.HasPrefix(key, "tempc") || strings.HasPrefix(key, "tempf")
}

// values lists what a message says, by key: only those keys, or with nil all that are not silent.
func values(object map[string]json.RawMessage, only map[string]bool) (all []value) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		raw := []byte(text(object[key]))
		if len(raw) == 0 || len(key) > maxName || silent[key] || only != nil && !only[key] {
			continue
		}
		if suffix, ok := strings.CutPrefix(key, "tempf"); ok && object["tempc"+suffix] != nil {
			continue
		}
		v := value{key: key, raw: raw, quoted: object[key][0] == '"'}
		if by := beside[key]; by != "" {
			v.unit = text(object[by])
		}
		if key == "pres" && text(object["model_id"]) == "TPMS" { // the one decoder with another unit
			v.unit = "bar"
		}
		if v.unit != "" {
			v.key += " " + v.unit // a scale that is switched to pounds says another quantity
		}
		all = append(all, v)
	}
	return all
}

// learn makes a channel of a key that was not met before.
func (t *thing) learn(v value, to family.Sink) {
	if _, known := t.fields[v.key]; known {
		return
	}
	if len(t.fields) >= maxFields {
		to.Doubt(family.Problem{
			Kind: "keys", Text: fmt.Sprintf("%s says more than %d things, and %.40q was left out", t.device.Address, maxFields, v.key),
			Remedy: "see who else publishes there",
		})
		return
	}
	c := channel(v)
	t.fields[v.key] = nil
	if t.lanes[c.Name] {
		return
	}
	t.fields[v.key] = &c
	t.lanes[c.Name] = true
	t.device.Channels = append(slices.Clone(t.device.Channels), c) // the sink may keep what it was given
	t.fresh = true
}

// channel describes what a key says.
func channel(v value) device.Channel {
	key := strings.TrimSuffix(v.key, " "+v.unit)
	k, known := kinds[key]
	if suffix, ok := strings.CutPrefix(key, "tempc"); ok {
		k, known = kind{lane: family.LaneOf("temperature", suffix), unit: "Cel"}, true
	} else if suffix, ok := strings.CutPrefix(key, "tempf"); ok {
		k, known = kind{lane: family.LaneOf("temperature f", suffix), unit: "[degF]"}, true
	}
	c := device.Channel{Name: family.LaneOf(cmp.Or(k.lane, key), v.unit)}
	_, isNumber := jsonpath.Number(v.raw)
	switch s := string(v.raw); {
	case isNumber && (known || !v.quoted): // some send "52.6"
		c.Unit, c.Max = cmp.Or(family.Unit(v.unit), k.unit), k.most
	case !v.quoted && (s == "true" || s == "false"):
		c.Form = device.Boolean
	default:
		c.Form = device.Text
	}
	return c
}

// maxText is the length of a text in bytes.
const maxText = 4 << 10

const absoluteZero = -273.15 // °C

// read makes a reading of a value.
func read(c *device.Channel, v value) device.Reading {
	r := device.Reading{Form: c.Form}
	number, ok := jsonpath.Number(v.raw)
	s := string(v.raw)
	switch c.Form {
	case device.Text:
		r.Text, ok = s, len(s) <= maxText
	case device.Boolean:
		r.Value = device.Flag(s == "true" || s == "1")
		ok = s == "true" || s == "false" || s == "1" || s == "0"
	default:
		if s == "true" || s == "false" { // as newer decoders say what older ones said as 1 and 0
			number, ok = device.Flag(s == "true"), true
		}
		r.Value, r.Unit = number, c.Unit
		ok = ok && !math.IsInf(number, 0) && (c.Unit != "Cel" || number >= absoluteZero)
		if c.Max > 0 && (number < 0 || number > c.Max) {
			r.Quality, r.Reason = device.Uncertain, fmt.Sprintf("outside 0 to %v", c.Max)
		}
	}
	if !ok {
		return device.Reading{Quality: device.Bad, Reason: fmt.Sprintf("%.40q is no %v, or none that can be", s, c.Form)}
	}
	return r
}
