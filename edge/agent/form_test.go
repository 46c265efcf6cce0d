package agent

import (
	"errors"
	"math"
	"testing"

	"selvage/edge/recon"
)

// degrees is a type of which not all values have a form, and which has begun to print when that shows.
type degrees float64

func (d degrees) AppendRecon(dst []byte) ([]byte, error) {
	if math.IsNaN(float64(d)) {
		return append(dst, "@part("...), errors.New("no temperature")
	}
	return recon.Append(dst, recon.Float(float64(d))), nil
}

func (d *degrees) LoadRecon(v recon.Value) error {
	f, ok := v.Float()
	if *d = degrees(f); !ok {
		return errors.New("want a temperature")
	}
	return nil
}

// A value without a form is refused where it is stored or sent, and what has one is kept.
func TestNoForm(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[degrees]
	var m *MapLane[string, degrees]
	a := o.add("/a", func(a *Agent) { x, m = Value(a, "x", degrees(0)), Map[string, degrees](a, "m") })
	o.do(a, func() { x.Set(21); m.Set("k", 21) })
	a.Save(new(kept))
	o.do(a, func() { x.Set(degrees(math.NaN())); m.Set("k", degrees(math.NaN())) })
	var k kept
	a.Save(&k)
	want(t, "saved", k.rows, nil)
	want(t, "conditions", o.conditions(), []string{"lane./a.m", "lane./a.x"})
	want(t, "x", texts(x.Lane.Read()), []string{"21"})
}

// Where nobody needed its form when it was set, nothing is shown for it rather than half of it.
func TestHalfForm(t *testing.T) {
	o := newLoop(t)
	var x *ValueLane[degrees]
	var m *MapLane[string, degrees]
	var d *DemandLane[degrees]
	none := degrees(math.NaN())
	a := o.add("/a", func(a *Agent) {
		x, m = Value(a, "x", degrees(0)).Transient(), Map[string, degrees](a, "m").Transient()
		d = Demand(a, "d", func() degrees { return none })
	})
	o.do(a, func() { x.Set(none); m.Set("k", none); d.Expect() })
	want(t, "value", texts(x.Lane.Read()), []string{""})
	want(t, "map", texts(m.Lane.Read()), []string{"@update(key:k)"})
	want(t, "demand", texts(d.Lane.Read()), []string{""})
}
