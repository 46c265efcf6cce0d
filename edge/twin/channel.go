package twin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/health"
)

// channel is one quantity that the device measures.
type channel struct {
	lane  *agent.ValueLane[device.Reading]
	judge *device.Judge  // nil where nothing is known better than the device does
	came  device.Reading // the last as the device gave it, since the twin was started
}

// channel returns a channel, whose lane is made on the first reading or from what is remembered.
func (t *Twin) channel(name string) *channel {
	c := t.channels[name]
	if c == nil {
		c = &channel{lane: agent.Value(t.agent, name, device.Reading{}).ReadOnly()}
		t.channels[name] = c
		if _, ok := t.Adjust[name]; ok {
			t.appoint(name, c)
		}
	}
	return c
}

// appoint gives a channel somebody who knows better.
func (t *Twin) appoint(name string, c *channel) *device.Judge {
	if c.judge == nil {
		c.judge = &device.Judge{Adjust: t.Adjust[name]}
		c.judge.Recall(c.lane.Get())
		c.judge.Channel, _ = t.spec(name)
	}
	return c.judge
}

// spec is what the device says of a channel.
func (t *Twin) spec(name string) (device.Channel, bool) {
	i := slices.IndexFunc(t.has, func(c device.Channel) bool { return c.Name == name })
	if i < 0 {
		return device.Channel{}, false
	}
	return t.has[i], true
}

// judged returns what a reading of the device is, with all that is known better.
func (c *channel) judged(r device.Reading) device.Reading {
	c.came = r
	if c.judge == nil {
		return r
	}
	return c.judge.Of(r, time.Now())
}

// opened takes in what the device measures.
func (t *Twin) opened(has []device.Channel) {
	t.has = has
	for _, s := range has {
		if c := t.channel(s.Name); c.judge != nil {
			c.judge.Channel = s
		}
	}
	t.carry(has)
	t.checkAdjust()
}

// checkAdjust finds tables of the config that speak of channels which the device does not have. Nobody knows before
// it is opened.
func (t *Twin) checkAdjust() {
	if len(t.Adjust) == 0 {
		return
	}
	name, code := t.name(), t.code("adjust")
	for _, of := range slices.Sorted(maps.Keys(t.Adjust)) {
		c, ok := t.spec(of)
		a := t.Adjust[of]
		why := ""
		switch {
		case !ok:
			why = fmt.Sprintf("%s has no channel %s", name, of)
		case c.Form != device.Number && a != (device.Adjust{Stuck: a.Stuck}):
			why = fmt.Sprintf("the channel %s of %s is no number, so it has nothing but stuck", of, name)
		default:
			continue
		}
		t.agent.Health().Raise(health.Condition{
			Code: code, Text: why, Severity: health.Warning,
			Remedy: fmt.Sprintf("change [device.%s.adjust.%s]; its channels are %s", name, of, strings.Join(t.names(), ", ")),
		})
		return
	}
	t.agent.Health().Clear(code)
}

// names are the channels that the device has.
func (t *Twin) names() []string {
	names := make([]string, len(t.has))
	for i, c := range t.has {
		names[i] = c.Name
	}
	return names
}
