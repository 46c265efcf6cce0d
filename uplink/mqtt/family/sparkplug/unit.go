package sparkplug

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/sparkplug"
)

// unit is what is born and dies: a device, or a node itself.
type unit struct {
	id, name string
	metrics  map[string]*metric
	aliases  map[uint64]*metric
	born     bool         // in the present session of its node
	away     bool         // as was told last
	known    *atomic.Bool // whether aliases mean what they did when it was described; commands ask
}

// metric is one as it was born.
type metric struct {
	name     string // with those of the templates it is in
	aliased  bool
	alias    uint64
	dataType sparkplug.DataType
	lane     string // "" if it is none of a quantity
	form     device.Form
	unit     device.Unit
	output   bool
}

func (u *unit) defined() bool { return u.metrics != nil }

// begin has aliases mean what the last birth says.
func (u *unit) begin(sure bool) {
	u.born = true
	u.known.Store(sure)
}

func (u *unit) end() {
	u.born = false
	if u.known != nil {
		u.known.Store(false)
	}
}

func (u *unit) leave(why string, to family.Sink) {
	if u.defined() && !u.away {
		u.away = true
		to.Report(u.id, family.Report{Presence: family.Away, Why: why})
	}
}

// define takes what a birth says that there is. It returns nil if there is too much.
func (h *Host) define(n *node, m message, to family.Sink) *unit {
	u := n.unit(m.Topic)
	fresh := u == nil
	if fresh {
		u = &unit{id: n.own.id + "/" + m.Device, name: m.Device}
	}
	metrics, aliases := metricsOf(m.Metrics)
	if fresh && h.devices >= maxDevices || h.metrics-len(u.metrics)+len(metrics) > maxMetrics {
		to.Doubt(family.Problem{Kind: "devices", Text: fmt.Sprintf("there are %d devices with %d metrics behind edge nodes, and no more are read: %s was left out",
			h.devices, h.metrics, u.id), Remedy: "let discover name the group that is meant"})
		return nil
	}
	if fresh {
		h.devices++
		n.devices[m.Device] = u
	}
	h.metrics += len(metrics) - len(u.metrics)
	u.end()
	u.metrics, u.aliases, u.known = metrics, aliases, new(atomic.Bool)
	to.Meet(h.describe(u, m))
	return u
}

// metricsOf reads the metrics of a birth, also those within templates, by their names and aliases.
func metricsOf(list []sparkplug.Metric) (byName map[string]*metric, byAlias map[uint64]*metric) {
	byName, byAlias = map[string]*metric{}, map[uint64]*metric{}
	var add func(list []sparkplug.Metric, path string)
	add = func(list []sparkplug.Metric, path string) {
		for _, m := range list {
			t, _ := m.Value.(*sparkplug.Template)
			if m.Name == "" || !utf8.ValidString(m.Name) || t != nil && t.IsDefinition {
				continue
			}
			m.Name = path + m.Name
			if len(m.Name) > maxName || byName[m.Name] != nil {
				continue
			}
			is := describeMetric(m, path == "")
			byName[m.Name] = is
			if m.HasAlias {
				byAlias[m.Alias] = is
			}
			if t != nil {
				add(t.Metrics, m.Name+"/")
			}
		}
	}
	add(list, "")
	nameLanes(byName)
	return byName, byAlias
}

// maxName is how long the name of a metric may be, with those of the templates it is in.
const maxName = 1024

func describeMetric(m sparkplug.Metric, top bool) *metric {
	is := &metric{name: m.Name, aliased: m.HasAlias, alias: m.Alias, dataType: m.DataType}
	form, ok := forms[m.DataType]
	if !ok || m.Name == sparkplug.BdSeq || strings.HasPrefix(m.Name, "Node Control/") || strings.HasPrefix(m.Name, "Device Control/") {
		return is
	}
	is.form, is.lane = form, family.LaneOf(m.Name)
	if form == device.Number {
		// Not of the specification, but what Ignition and the specification's authors call it.
		// https://github.com/eclipse-sparkplug/sparkplug/pull/546
		unit, _ := m.Properties.Of("engUnit").(string)
		is.unit = family.Unit(unit)
	}
	is.output = top && m.DataType != sparkplug.DateTime && m.DataType != sparkplug.UUID && writable(m)
	return is
}

// forms are the types that are quantities.
var forms = map[sparkplug.DataType]device.Form{
	sparkplug.Int8: device.Number, sparkplug.Int16: device.Number, sparkplug.Int32: device.Number, sparkplug.Int64: device.Number,
	sparkplug.UInt8: device.Number, sparkplug.UInt16: device.Number, sparkplug.UInt32: device.Number, sparkplug.UInt64: device.Number,
	sparkplug.Float: device.Number, sparkplug.Double: device.Number, sparkplug.Boolean: device.Boolean,
	sparkplug.String: device.Text, sparkplug.Text: device.Text, sparkplug.UUID: device.Text, sparkplug.DateTime: device.Text,
}

// writable is explained in the package's comment.
func writable(m sparkplug.Metric) bool {
	readOnly, said := m.Properties.Of("readOnly").(bool)
	switch {
	case said:
		return !readOnly
	case m.Properties.Of("writable") == true:
		return true
	}
	return strings.HasPrefix(m.Name, "Outputs/")
}

// nameLanes gives metrics lanes of different names, and the same ones whichever order they are in.
func nameLanes(all map[string]*metric) {
	taken := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		if m.lane == "" {
			continue
		}
		lane := m.lane
		for i := 2; taken[lane]; i++ {
			lane = m.lane + "-" + strconv.Itoa(i)
		}
		m.lane = lane
		taken[lane] = true
	}
}

// describe is what people see of a unit.
func (h *Host) describe(u *unit, m message) family.Device {
	d := family.Device{ID: u.id, Name: u.name, Address: m.Topic.String()}
	if m.Device == "" {
		d.Model = modelOf(m.Metrics)
	}
	for _, name := range slices.Sorted(maps.Keys(u.metrics)) {
		is := u.metrics[name]
		if is.lane == "" {
			continue
		}
		d.Channels = append(d.Channels, device.Channel{Name: is.lane, Unit: is.unit, Form: is.form})
		if is.output {
			takes := device.Channel{Form: is.form, Unit: is.unit}
			if r, ok := ranges[is.dataType]; ok {
				takes.Min, takes.Max, takes.Resolution = r[0], r[1], 1
			}
			d.Outputs = append(d.Outputs, family.Output{Name: is.lane, Takes: takes, Command: h.commander(u, m.Topic, is)})
		}
	}
	slices.SortFunc(d.Channels, func(a, b device.Channel) int { return cmp.Compare(a.Name, b.Name) })
	return d
}

// modelOf reads what the example of the specification for the birth of a node has.
func modelOf(metrics []sparkplug.Metric) string {
	parts := map[string]string{}
	for _, m := range metrics {
		if v, ok := m.Value.(string); ok && len(v) <= 100 && utf8.ValidString(v) {
			parts[m.Name] = v
		}
	}
	return strings.TrimSpace(parts["Properties/Hardware Make"] + " " + parts["Properties/Hardware Model"])
}

var ranges = map[sparkplug.DataType][2]float64{
	sparkplug.Int8: {-1 << 7, 1<<7 - 1}, sparkplug.Int16: {-1 << 15, 1<<15 - 1}, sparkplug.Int32: {-1 << 31, 1<<31 - 1},
	sparkplug.UInt8: {0, 1<<8 - 1}, sparkplug.UInt16: {0, 1<<16 - 1}, sparkplug.UInt32: {0, 1<<32 - 1},
}

// commander makes commands for a metric. They have its alias only as long as that is known to be its own.
func (h *Host) commander(u *unit, birth sparkplug.Topic, is *metric) func(device.Value) (family.Publication, error) {
	t, known := birth, u.known
	t.Verb = sparkplug.NCMD
	if t.Device != "" {
		t.Verb = sparkplug.DCMD
	}
	return func(v device.Value) (family.Publication, error) {
		var err error
		now := uint64(max(h.present.Load(), 0))
		command := sparkplug.Metric{Name: is.name, Timestamp: now, DataType: is.dataType}
		if command.Value, err = sparkplug.Write(is.dataType, plain(v)); err != nil {
			return family.Publication{}, fmt.Errorf("metric %s for %s: %w", is.name, t, err)
		}
		if is.aliased && known.Load() {
			command.HasAlias, command.Alias = true, is.alias
		}
		p := sparkplug.Payload{Timestamp: now, Metrics: []sparkplug.Metric{command}}
		return family.Publication{Topic: t.String(), Payload: p.Encode()}, nil
	}
}

func plain(v device.Value) any {
	switch v.Form {
	case device.Boolean:
		return v.Number != 0
	case device.Text:
		return v.Text
	}
	return v.Number
}
