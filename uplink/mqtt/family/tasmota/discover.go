package tasmota

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// config is what a device says of itself at tasmota/discovery/MAC/config.
type config struct {
	IP        string         `json:"ip"`
	Name      string         `json:"dn"`
	Host      string         `json:"hn"`
	MAC       string         `json:"mac"`
	Model     string         `json:"md"`
	Offline   string         `json:"ofln"`
	Online    string         `json:"onln"`
	States    []string       `json:"state"` // off, on, toggle, hold
	Topic     string         `json:"t"`
	FullTopic string         `json:"ft"`
	Prefixes  []string       `json:"tp"` // cmnd, stat, tele
	Relays    []int          `json:"rl"`
	Light     int            `json:"lt_st"`
	DeepSleep int            `json:"dslp"` // seconds
	Options   map[string]int `json:"so"`
}

// What a relay is for, in config.Relays, and a light has, in config.Light.
const (
	isRelay   = 1
	isLight   = 2
	isShutter = 3

	coldWarm    = 2
	rgbColdWarm = 5
)

// maxConfig is how long a description may be; devices have less than 2 kB.
const maxConfig = 8 << 10

// maxWords is how long all words for states may be together.
const maxWords = 256

// What is held of devices whose sensors are told of before their config. It is no loss when there is more: the first
// SENSOR brings the same.
const (
	mostEarly     = 256
	mostEarlySize = 4 << 10
)

// discover takes what comes on tasmota/discovery/MAC/config and …/sensors.
func (f *tasmota) discover(rest string, m family.Message, to family.Sink) {
	mac, what, _ := strings.Cut(rest, "/")
	id := strings.ToLower(mac)
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 6 {
		return
	}
	switch {
	case what == "config" && len(m.Payload) == 0:
		to.Keep()
		if u := f.macs[id]; u != nil {
			f.forget(u)
			to.Gone(id, m.Topic+" was taken away")
		}
	case what == "config":
		f.configure(id, m, to)
	case what == "sensors" && len(m.Payload) == 0:
		to.Keep()
		delete(f.early, id)
	case what == "sensors":
		f.sensors(id, m, to)
	}
}

// configure takes in what a device is.
func (f *tasmota) configure(id string, m family.Message, to family.Sink) {
	var c config
	if len(m.Payload) > maxConfig || !jsonpath.Valid(m.Payload) || json.Unmarshal(m.Payload, &c) != nil {
		doubt(m, "is no description of a device", to)
		return
	}
	if why := c.check(id); why != "" {
		doubt(m, why, to)
		return
	}
	sum := sha256.Sum256(m.Payload)
	cmnd, stat, tele := fill(c.FullTopic, c.Prefixes[0], &c), fill(c.FullTopic, c.Prefixes[1], &c), fill(c.FullTopic, c.Prefixes[2], &c)
	u := f.units[cmnd]
	if u != nil && u.mac != "" && u.mac != id {
		to.Doubt(family.Problem{
			Kind:   "conflict",
			Text:   fmt.Sprintf("%s and %s both have the topic %s: the second is left out", u.mac, id, roster.Brief([]byte(c.Topic))),
			Remedy: "give one of them another topic, or take away " + roster.Brief([]byte(m.Topic)) + " if that device is no more",
		})
		return
	}
	if was := f.macs[id]; was != nil {
		if was.config == sum {
			return
		}
		f.forget(was) // what it had it may have no more
		u = f.units[cmnd]
	}
	if u == nil {
		if u = f.make(cmnd, c.Topic, strings.TrimSuffix(tele, "/"), to); u == nil {
			return
		}
	}
	u.mac, u.config, f.macs[id] = id, sum, u
	f.lead(u, tele, stat)
	n := f.roster.Note(u.member, m, to)
	n.Identify(id)
	if prefix, ok := f.layout.match(tele); !ok || prefix != "tele" {
		n.Filters(tele+"+", stat+"+")
	}
	u.describe(n, &c)
	n.End(true)
	if early := f.early[id]; early != nil {
		delete(f.early, id)
		f.list(u, family.Message{Topic: discovery + id + "/sensors", Payload: early}, to)
	}
}

// check says what is wrong with a description.
func (c *config) check(id string) string {
	switch {
	case strings.ToLower(c.MAC) != id:
		return "describes another device"
	case c.Topic == "" || len(c.Prefixes) < 3 || !strings.Contains(c.FullTopic, prefixToken):
		return "does not say what its topics are"
	case c.Prefixes[0] == c.Prefixes[1] || c.Prefixes[0] == c.Prefixes[2] || c.Prefixes[1] == c.Prefixes[2]:
		return "has one prefix for two things"
	case len(c.Relays) > 32:
		return "has too many relays"
	case len(c.Online)+len(c.Offline)+len(strings.Join(c.States, "")) > maxWords:
		return "has words for states that are too long"
	}
	tele := fill(c.FullTopic, c.Prefixes[2], c)
	if len(tele) > 256 || strings.ContainsAny(tele+strings.Join(c.Prefixes, ""), "+#\x00") {
		return "has no topics that can be"
	}
	return ""
}

// describe notes what the device is and which outputs it has.
func (u *unit) describe(n *roster.Note, c *config) {
	n.Name(called(c.Name, c.Topic))
	if len(c.Model) <= mostName {
		n.Model(c.Model)
	}
	if len(c.States) >= 2 && c.States[0] != c.States[1] && c.States[0] != "" && c.States[1] != "" {
		u.off, u.on = c.States[0], c.States[1]
	}
	if c.Online != c.Offline && c.Online != "" && c.Offline != "" {
		u.online, u.offline = c.Online, c.Offline
	}
	u.sleeps = c.DeepSleep > 0
	u.shutters = map[int]bool{}
	for i, what := range c.Relays {
		switch what {
		case isShutter:
			u.shutters[i+1] = true
		case isRelay:
			n.Output(u.switching(i+1, ""))
		case isLight:
			n.Output(u.switching(i+1, ""))
			if c.Light > 0 {
				n.Output(u.dimmer())
			}
			if c.Light == coldWarm || c.Light == rgbColdWarm {
				ct := u.colour()
				if c.Options["82"] != 0 { // SetOption82: as much as Alexa knows
					ct.Takes.Min, ct.Takes.Max = 200, 380
				}
				n.Output("CT", ct)
			}
		}
	}
}

// sensors takes in which channels a device has.
func (f *tasmota) sensors(id string, m family.Message, to family.Sink) {
	to.Keep()
	switch u := f.macs[id]; {
	case u != nil:
		f.list(u, m, to)
	case len(f.early) < mostEarly && len(m.Payload) <= mostEarlySize:
		f.early[id] = bytes.Clone(m.Payload)
	}
}

// list notes the channels; their values are those of when the device was started.
func (f *tasmota) list(u *unit, m family.Message, to family.Sink) {
	m.Replayed = true
	n := f.roster.Note(u.member, m, to)
	if o, ok := object(m, to)["sn"].(map[string]any); ok {
		u.sense(n, o)
	}
	n.End(false)
}

// switching is the output of a relay, by the key that tells its state or without one.
func (u *unit) switching(relay int, key string) (source string, o family.Output) {
	source = fmt.Sprintf("POWER%d", relay)
	if relay > 1 {
		o.Name = fmt.Sprintf("power%d", relay)
	}
	if key == "" {
		key = source
	}
	o.Takes = device.Channel{Form: device.Boolean}
	topic, on, off := u.cmnd+key, u.on, u.off
	o.Command = func(v device.Value) (family.Publication, error) {
		payload := off
		if v.Bool() {
			payload = on
		}
		return family.Publication{Topic: topic, Payload: []byte(payload), QoS: 1}, nil
	}
	return source, o
}
