package rule

import (
	"fmt"

	"selvage/edge/agent"
	"selvage/edge/device"
)

// own makes a lane of the rule's own, of the type of what it holds at first.
func (r *rule) own(i int, name string, first any) error {
	switch v := first.(type) {
	case string:
		hold(r, i, name, v, func(s string) device.Reading { return device.Reading{Form: device.Text, Text: s} })
	case int64:
		holdNumber(r, i, name, float64(v))
	case float64:
		holdNumber(r, i, name, v)
	case bool:
		hold(r, i, name, v, func(b bool) device.Reading { return device.Reading{Form: device.Boolean, Value: device.Flag(b)} })
	default:
		return fmt.Errorf("%s cannot begin with a %T", name, first)
	}
	return nil
}

func holdNumber(r *rule, i int, name string, first float64) {
	hold(r, i, name, first, func(f float64) device.Reading { return device.Reading{Value: f, Unit: "1"} })
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
