package sparkplug

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/sparkplug"
)

// tell reports what the metrics of a message are. It returns false if there is one that was not born.
func (h *Host) tell(n *node, u *unit, m message, to family.Sink) (all bool) {
	t := telling{unit: u, sure: n.sure && !n.past(m), birth: m.Verb == sparkplug.DBIRTH || m.Verb == sparkplug.NBIRTH, all: true}
	t.metrics(m.Metrics, "", sparkplug.Metric{Timestamp: m.Timestamp})
	if t.birth {
		t.report.Presence = family.There
	}
	if t.birth || len(t.report.Readings) > 0 || len(t.report.States) > 0 {
		u.away = false
		to.Report(u.id, t.report)
	}
	if t.undated {
		undated(m, to)
	}
	return t.all
}

// late reports what was once, of a unit that is away and stays so.
func (h *Host) late(u *unit, m message, to family.Sink) {
	if u == nil || m.Verb == sparkplug.DBIRTH || m.Verb == sparkplug.DDEATH {
		return
	}
	t := telling{unit: u, once: true}
	t.metrics(m.Metrics, "", sparkplug.Metric{Timestamp: m.Timestamp})
	if len(t.report.Readings) > 0 {
		u.away = true
		t.report.Presence, t.report.Why = family.Away, "it has not been born; what it says is of the past"
		to.Report(u.id, t.report)
	}
}

func undated(m message, to family.Sink) {
	to.Doubt(family.Problem{Kind: "time", Text: "what came on " + m.Topic.String() + " as historical has no time since 2001, and was left out",
		Remedy: "see whether the clock of the edge node is set"})
}

// telling makes a report of metrics.
type telling struct {
	*unit
	sure   bool // aliases mean what they meant at birth
	birth  bool
	once   bool // only what is historical counts
	report family.Report

	all     bool // metrics were born
	undated bool // a historical one has no time
}

// metrics takes a list of them, path being the name of the template it is in, and outer what counts for all of it.
func (t *telling) metrics(list []sparkplug.Metric, path string, outer sparkplug.Metric) {
	for _, m := range list {
		if m.Timestamp == 0 {
			m.Timestamp = outer.Timestamp
		}
		m.IsHistorical = m.IsHistorical || outer.IsHistorical
		template, _ := m.Value.(*sparkplug.Template)
		switch is, named := t.find(m, path); {
		case template != nil && template.IsDefinition:
		case is == nil:
			t.all = false
		case template != nil:
			t.metrics(template.Metrics, is.name+"/", m)
		case is.lane != "" && (m.IsHistorical || !t.once):
			t.metric(is, m, named)
		}
	}
}

// find returns the metric as it was born, or nil if none was born that could be it. named tells whether its name says
// so, which no loss of messages can make wrong.
func (t *telling) find(m sparkplug.Metric, path string) (is *metric, named bool) {
	named = m.Name != ""
	if named {
		is = t.unit.metrics[path+m.Name]
	}
	if m.HasAlias {
		byAlias := t.aliases[m.Alias]
		if named && byAlias != is && t.sure {
			return nil, false
		}
		if !named {
			is = byAlias
		}
	}
	if is == nil || m.DataType != sparkplug.Unknown && m.DataType != is.dataType {
		return nil, false
	}
	return is, named
}

func (t *telling) metric(is *metric, m sparkplug.Metric, named bool) {
	if m.IsNull && t.birth { // it has none yet
		return
	}
	r := read(is, m)
	if r.Quality == device.Good && !t.sure && !named {
		r.Quality, r.Reason = device.Uncertain, "it has no name, and messages of its edge node were missed: it may be of another metric"
	}
	r.At = moment(m.Timestamp)
	if m.IsHistorical && r.At.IsZero() {
		t.undated = true
		return
	}
	t.report.Readings = append(t.report.Readings, device.NamedReading{Channel: is.lane, Reading: r})
	if is.output && !m.IsHistorical && r.Quality == device.Good {
		t.report.States = append(t.report.States, family.State{Output: is.lane, Value: device.Value{Form: r.Form, Number: r.Value, Text: r.Text}})
	}
}

// moment is when a value was measured. A zero stamp stands for the time it came: a clock that shows a time before 2001
// was never set, and one after 2262 has no stamp.
func moment(millis uint64) clock.Stamp {
	if millis < 1e12 || millis > math.MaxInt64/1_000_000 {
		return clock.Stamp{}
	}
	return clock.At(time.UnixMilli(int64(millis)))
}

// read makes a reading of a value.
func read(is *metric, m sparkplug.Metric) device.Reading {
	r := device.Reading{Form: is.form, Unit: is.unit}
	bad := func(why string) device.Reading {
		return device.Reading{Quality: device.Bad, Reason: is.name + ": " + why}
	}
	if m.IsNull {
		return bad("the edge node has no value for it (null)")
	}
	v, err := sparkplug.Read(is.dataType, m.Value)
	if err != nil {
		return bad(err.Error())
	}
	switch v := v.(type) {
	case int64:
		r.Value = float64(v)
	case uint64:
		r.Value = float64(v)
	case float64:
		r.Value = v
	case bool:
		r.Value = device.Flag(v)
	case string:
		r.Text = v
	case time.Time:
		r.Text = v.Format(time.RFC3339Nano)
	}
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || !utf8.ValidString(r.Text) {
		return bad("its value is not a number, or no UTF-8")
	}
	switch q := m.Properties.Of(sparkplug.Quality).(type) { // tck-id-payloads-propertyset-quality-value-value
	case int64:
		switch q {
		case sparkplug.QualityGood:
		case sparkplug.QualityBad:
			return bad("the edge node says that its quality is bad (0)")
		case sparkplug.QualityStale:
			r.Quality, r.Reason = device.Uncertain, "the edge node says that it is stale (500)"
		default:
			r.Quality, r.Reason = device.Uncertain, fmt.Sprintf("the edge node says that its quality is %d, which Sparkplug does not have", q)
		}
	}
	return r
}
