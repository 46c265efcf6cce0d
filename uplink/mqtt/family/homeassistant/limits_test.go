package homeassistant

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
)

// quietly is a Sink that counts.
type quietly struct{ met, gone, doubts, reports int }

func (q *quietly) Meet(family.Device)           { q.met++ }
func (q *quietly) Report(string, family.Report) { q.reports++ }
func (q *quietly) Gone(string, string)          { q.gone++ }
func (q *quietly) Publish(family.Publication)   {}
func (q *quietly) Doubt(family.Problem)         { q.doubts++ }
func (q *quietly) Keep()                        {}

// TestManyEntities has more entities than are taken, of one device and of many.
func TestManyEntities(t *testing.T) {
	for _, c := range []struct {
		device string
		wanted int
	}{
		{`{"ids":"all"}`, maxParts},
		{`{"ids":"device %d"}`, maxEntities},
	} {
		f, q := New("").(*discovery), &quietly{}
		for i := range c.wanted + 10 {
			of := c.device
			if strings.Contains(of, "%d") {
				of = fmt.Sprintf(of, i)
			}
			f.Take(family.Message{
				Topic:   fmt.Sprintf("homeassistant/sensor/x%d/config", i),
				Payload: fmt.Appendf(nil, `{"stat_t":"s","unit_of_meas":"W","uniq_id":"%d","dev":%s}`, i, of),
			}, q)
		}
		if len(f.entities) != c.wanted || len(f.configs) != c.wanted || q.doubts != 10 {
			t.Errorf("%s: %d entities, %d configs, %d doubts; want %d and 10", c.device, len(f.entities), len(f.configs), q.doubts, c.wanted)
		}
		for i := range c.wanted + 10 {
			f.Take(family.Message{Topic: fmt.Sprintf("homeassistant/sensor/x%d/config", i)}, q)
		}
		if n := len(f.entities) + len(f.configs) + len(f.uniques) + len(f.things) + len(f.topics) + f.weight; n != 0 {
			t.Errorf("%s: when all are gone, %d things are left", c.device, n)
		}
	}
}

// TestManyTemplates has configs that would take much memory.
func TestManyTemplates(t *testing.T) {
	f, q := New("").(*discovery), &quietly{}
	template := "{{ value " + strings.Repeat("| lower ", 1500) + "}}"
	for i := range 350 {
		f.Take(family.Message{
			Topic:   fmt.Sprintf("homeassistant/sensor/x%d/config", i),
			Payload: fmt.Appendf(nil, `{"stat_t":"s","val_tpl":%q}`, template),
		}, q)
	}
	if f.weight > maxWeight || q.doubts == 0 || q.doubts+len(f.entities) != 350 {
		t.Errorf("%d entities weigh %d bytes, with %d doubts", len(f.entities), f.weight, q.doubts)
	}
}

// TestIdentities has what devices call themselves.
func TestIdentities(t *testing.T) {
	for device, want := range map[string]string{
		`{"ids":"zigbee2mqtt_0x00124b0022F1A2B3"}`:                              "0x00124b0022f1a2b3 homeassistant/zigbee2mqtt_0x00124b0022F1A2B3",
		`{"ids":["A1"],"cns":[["mac","02:00:00:00:00:AB"]]}`:                    "0200000000ab homeassistant/A1",
		`{"ids":"OMG-0200000000AB"}`:                                            "0200000000ab homeassistant/OMG-0200000000AB",
		`{"ids":"02-00-00-00-00-ab"}`:                                           "0200000000ab homeassistant/02-00-00-00-00-ab",
		`{"ids":"gateway_0200000000ab_sensor1"}`:                                "homeassistant/gateway_0200000000ab_sensor1",
		`{"ids":"a0200000000ab"}`:                                               "homeassistant/a0200000000ab",
		`{"ids":["x","y","x"]}`:                                                 "homeassistant/x homeassistant/y",
		`{"cns":[["mac","02:00:00:00:00:ab"],["zigbee","0x00124b0022f1a2b3"]]}`: "0x00124b0022f1a2b3 0200000000ab",
		`{"cns":[["upnp","uuid-1"],["mac"],"x"]}`:                               "homeassistant/uuid-1",
		`{"ids":{}}`: "",
	} {
		c, err := parseConfig([]byte(`{"device":` + device + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(identities(c.object("device", deviceAbbreviations)), " "); got != want {
			t.Errorf("%s is %q, want %q", device, got, want)
		}
	}
}

// FuzzTake takes messages, one on each line, and commands whatever it has met.
func FuzzTake(f *testing.F) {
	for _, r := range published(f, "homeassistant_discovery", "esphome", "tasmota", "zigbee2mqtt") {
		f.Add(r.Topic + "\t" + r.Payload + "\n" + r.Topic + "\t1")
	}
	for component := range components {
		f.Add("homeassistant/" + component + `/a/b/config	{"~":"x","name":"N","stat_t":"~/s","cmd_t":"~/c","pos_t":"~/s","set_pos_t":"~/p","temp_cmd_t":"~/t","temp_stat_t":"~/s","bri_cmd_t":"~/b","bri_stat_t":"~/s","avty_t":"~/a","dev":{"ids":["0x00124b0022f1a2b3"],"cns":[["mac","02:00:00:00:00:01"]]}}` +
			"\nx/a\tonline\nx/s\tON\nx/s\t{\"state\":\"OFF\",\"brightness\":3}\nx/s\t21.5")
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, all := newNotes(t), New("")
		for line := range strings.SplitSeq(text, "\n") {
			topic, payload, _ := strings.Cut(line, "\t")
			n.now = family.Message{Topic: topic, Payload: []byte(payload)}
			all.Take(n.now, n)
		}
		for id, d := range n.devices {
			names := map[string]bool{}
			for _, c := range d.Channels {
				if names[c.Name] || c.Name == "" {
					t.Errorf("%s has the channel %q twice, or without a name", id, c.Name)
				}
				names[c.Name] = true
			}
			clear(names)
			for _, o := range d.Outputs {
				if names[o.Name] {
					t.Errorf("%s has the output %q twice", id, o.Name)
				}
				names[o.Name] = true
				command(t, o)
			}
		}
		for topic, payload := range n.kept {
			all.Take(family.Message{Topic: topic, Payload: payload, Replayed: true}, n)
		}
	})
}

// command gives an output what it takes.
func command(t *testing.T, o family.Output) {
	for _, v := range []device.Value{device.On(true), device.On(false), device.Of(o.Takes.Min), device.Of(o.Takes.Max), device.Words("x")} {
		v, err := o.Takes.Fit(v)
		if err != nil {
			continue
		}
		if p, err := o.Command(v); err == nil && !usable(p.Topic) {
			t.Errorf("the topic of a command is %q", p.Topic)
		}
	}
}

// FuzzNumber has a sensor of a number without a template: what it takes for one is one.
func FuzzNumber(f *testing.F) {
	for _, payload := range []string{"21.5", " -3 ", "1e3", "nan", "0x10", "1,5", "", "None", "unavailable", "1_000", "Inf", "٣"} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		n, all := newNotes(t), New("")
		n.say(all, `homeassistant/sensor/a/config {"stat_t":"s","unit_of_meas":"W"}`)
		n.say(all, "s "+payload)
		for _, r := range n.readings {
			if v, err := strconv.ParseFloat(strings.TrimSpace(payload), 64); r.Quality == device.Good && (err != nil || v != r.Value || math.IsNaN(v) || math.IsInf(v, 0)) {
				t.Errorf("%q is %v", payload, r)
			}
		}
	})
}

// TestKeptEvent has an event that the broker kept: it is over.
func TestKeptEvent(t *testing.T) {
	n, f := newNotes(t), New("")
	n.say(f, `homeassistant/event/a/config {"stat_t":"e","uniq_id":"u"}`)
	for _, kept := range []bool{true, false} {
		f.Take(family.Message{Topic: "e", Payload: []byte(`{"event_type":"press"}`), Retained: kept}, n)
	}
	if len(n.readings) != 1 || n.readings[0].Text != "press" {
		t.Errorf("events: %+v", n.readings)
	}
}

// BenchmarkShared has 20 entities of one device on one topic.
func BenchmarkShared(b *testing.B) {
	f, q := New(""), &quietly{}
	var payload []byte
	for i := range 20 {
		f.Take(family.Message{
			Topic:   fmt.Sprintf("homeassistant/sensor/x/e%d/config", i),
			Payload: fmt.Appendf(nil, `{"name":"E%d","stat_t":"s","unit_of_meas":"W","val_tpl":"{{ value_json.e%d }}","dev":{"ids":"d"}}`, i, i),
		}, q)
		payload = fmt.Appendf(payload, `,"e%d":%d.5`, i, i)
	}
	payload = append(append([]byte("{"), payload[1:]...), '}')
	for b.Loop() {
		f.Take(family.Message{Topic: "s", Payload: payload}, q)
	}
	if q.reports != b.N {
		b.Errorf("%d reports of %d messages", q.reports, b.N)
	}
}
