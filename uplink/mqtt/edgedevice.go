package mqtt

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"selvage/edge/device"
	"selvage/edge/route"
	"selvage/edge/twin"
	"selvage/uplink/mqtt/sparkplug"
)

const (
	outputName = "set"      // the metric of an output, and the lane that takes its commands
	writable   = "writable" // a property; see family/sparkplug
	engUnit    = "engUnit"  // likewise

	// mostText is how long a text may be. A birth has all metrics in one message.
	mostText = 4096
	// metricSize is more than a metric takes beside its name, its unit and a text.
	metricSize = 256
)

// edgeDevice is an agent as a device of Sparkplug.
type edgeDevice struct {
	node  route.NodeURI
	name  string
	info  *twin.Info // of a twin, once it is known
	away  bool       // its status says so
	takes twin.Takes
	state device.Reading // of the output

	metrics map[string]sparkplug.Metric // with the quality as their first property
	size    int                         // that they may come to take
	changed map[string]bool             // since they were told
	anew    bool                        // there are others, or they are described otherwise
}

func newEdgeDevice(node route.NodeURI) *edgeDevice {
	return &edgeDevice{node: node, name: topicPart(nameOf(node)), metrics: map[string]sparkplug.Metric{}, changed: map[string]bool{}}
}

// hold takes in what a metric is. It returns false if there is no room for it.
func (d *edgeDevice) hold(m sparkplug.Metric) bool {
	was, had := d.metrics[m.Name]
	if had && was.DataType == m.DataType && slices.Equal(was.Properties[1:], m.Properties[1:]) {
		d.metrics[m.Name], d.changed[m.Name] = m, true
		return true
	}
	d.drop(m.Name)
	if d.size+sizeOf(m) > maxPacket {
		return false
	}
	d.metrics[m.Name], d.anew = m, true
	d.size += sizeOf(m)
	return true
}

func (d *edgeDevice) drop(name string) {
	if m, had := d.metrics[name]; had {
		delete(d.metrics, name)
		delete(d.changed, name)
		d.size -= sizeOf(m)
		d.anew = true
	}
}

func sizeOf(m sparkplug.Metric) int {
	size := metricSize + len(m.Name)
	if unit, ok := m.Properties.Of(engUnit).(string); ok {
		size += len(unit)
	}
	if m.DataType == sparkplug.String {
		size += mostText
	}
	return size
}

// isEmpty reports whether nothing is known of it.
func (d *edgeDevice) isEmpty() bool {
	return len(d.metrics) == 0 && d.info == nil && !d.away && d.takes.Form == "" && d.state.IsZero()
}

// all are the metrics of a birth.
func (d *edgeDevice) all() (all []sparkplug.Metric) {
	for _, name := range slices.Sorted(maps.Keys(d.metrics)) {
		all = append(all, d.metrics[name])
	}
	return all
}

// changes are those that were told otherwise, without what their birth has said.
func (d *edgeDevice) changes() (all []sparkplug.Metric) {
	for _, name := range slices.Sorted(maps.Keys(d.changed)) {
		m := d.metrics[name]
		m.Properties = m.Properties[:1]
		all = append(all, m)
	}
	clear(d.changed)
	return all
}

// metricOf is a lane's value as a metric. What nobody has read yet is none: it has no type.
func (d *edgeDevice) metricOf(name string, r device.Reading) sparkplug.Metric {
	m := sparkplug.Metric{Name: name}
	if r.At.Wall != 0 {
		m.Timestamp = sparkplug.Millis(r.At.Time())
	}
	quality := sparkplug.QualityGood
	switch {
	case r.Bad(), len(r.Text) > mostText, math.IsNaN(r.Value), math.IsInf(r.Value, 0):
		was, had := d.metrics[name]
		if !had {
			return sparkplug.Metric{}
		}
		m.DataType = was.DataType
		m.Properties = append(qualityOf(sparkplug.QualityBad), was.Properties[1:]...)
		return m
	case r.Quality != device.Good:
		quality = sparkplug.QualityStale
	}
	m.DataType, m.Value = typed(r)
	m.Properties = describe(quality, r.Form, r.Unit)
	return m
}

// output is the metric that is commanded. Its value is what the output does, as far as that is known.
func (d *edgeDevice) output() sparkplug.Metric {
	form, ok := formOf(d.takes.Form)
	if !ok {
		d.drop(outputName)
		return sparkplug.Metric{}
	}
	m := sparkplug.Metric{Name: outputName}
	quality := sparkplug.QualityGood
	m.DataType, m.Value = typed(device.Reading{Form: form, Value: d.state.Value, Text: d.state.Text})
	if d.state.IsZero() || d.state.Form != form || len(d.state.Text) > mostText {
		quality, m.Value = sparkplug.QualityBad, nil
	}
	m.Properties = append(describe(quality, form, d.takes.Unit), sparkplug.Property{Name: writable, DataType: sparkplug.Boolean, Value: true})
	return m
}

// typed is a reading's value and its type, as family/sparkplug reads them.
func typed(r device.Reading) (sparkplug.DataType, sparkplug.Value) {
	switch r.Form {
	case device.Boolean:
		return sparkplug.Boolean, r.Value != 0
	case device.Text:
		return sparkplug.String, r.Text
	}
	return sparkplug.Double, r.Value
}

func qualityOf(quality int) sparkplug.Properties {
	return sparkplug.Properties{{Name: sparkplug.Quality, DataType: sparkplug.Int32, Value: uint32(quality)}}
}

func describe(quality int, form device.Form, unit device.Unit) sparkplug.Properties {
	p := qualityOf(quality)
	if symbol := unit.Symbol(); form == device.Number && symbol != "" {
		p = append(p, sparkplug.Property{Name: engUnit, DataType: sparkplug.String, Value: symbol})
	}
	return p
}

// bodyOf is what a command says to an output, as Recon and for people.
func bodyOf(c sparkplug.Command) (body []byte, text string, err error) {
	var v device.Value
	switch value := c.Value.(type) {
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, fmt.Sprint(value), fmt.Errorf("%v is no number", value)
		}
		v, text = device.Of(value), strconv.FormatFloat(value, 'g', -1, 64)
	case bool:
		v, text = device.On(value), strconv.FormatBool(value)
	case string:
		v, text = device.Words(value), shorten([]byte(value))
	default:
		return nil, "", fmt.Errorf("a value of type %s is none for an output", c.Type)
	}
	body, err = v.AppendRecon(nil)
	return body, text, err
}
