package rule

import (
	"fmt"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/recon"
)

// own makes a lane of the rule's own, of the type of what it holds at first.
func (r *rule) own(i int, name, first string) error {
	v, err := recon.ParseString(first)
	if err != nil {
		return err
	}
	switch kindOf(v) {
	case text:
		s, _ := v.Text()
		hold(r, i, name, s, func(s string) device.Reading { return device.Reading{Form: device.Text, Text: s} })
	case number:
		f, _ := v.Float()
		hold(r, i, name, f, func(f float64) device.Reading { return device.Reading{Value: f, Unit: "1"} })
	case boolean:
		b, _ := v.Bool()
		hold(r, i, name, b, func(b bool) device.Reading { return device.Reading{Form: device.Boolean, Value: device.Flag(b)} })
	default:
		return fmt.Errorf("%s cannot begin with %s", name, v)
	}
	return nil
}

// kindOf says what a lane that holds v is in conditions.
func kindOf(v recon.Value) kind {
	if _, ok := v.Text(); ok {
		return text
	}
	if _, ok := v.Bool(); ok {
		return boolean
	}
	if _, ok := v.Float(); ok {
		return number
	}
	return unknown
}

func hold[T any](r *rule, i int, name string, first T, read func(T) device.Reading) {
	take := func(v T) {
		now := read(v)
		now.At = r.agent.Now()
		r.take(i, now)
	}
	l := agent.Value(r.agent, name, first)
	l.OnSet(func(_, now T) error {
		take(now)
		r.look()
		return nil
	})
	take(l.Get())
}
