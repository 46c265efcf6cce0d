package twin

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"selvage/edge/device"
)

// calibration is what the lane calibrate takes.
type calibration struct {
	Channel string   `recon:"channel"` // may be left out where there is one
	Offset  *float64 `recon:"offset"`
	Scale   *float64 `recon:"scale"`
	Reads   *float64 `recon:"reads"` // what is true now
	Reset   bool     `recon:"reset"`
}

// correction is an entry of the lane calibration, under the channel's name.
type correction struct {
	Scale  float64   `recon:"scale"`
	Offset float64   `recon:"offset"`
	At     time.Time `recon:"at"`           // when it was found out
	Of     string    `recon:"of,omitempty"` // the serial number of the device that it is true of, if it has one
}

func (c correction) calibration() device.Calibration {
	return device.Calibration{Scale: c.Scale, Offset: c.Offset}
}

// calibrate has the readings of a channel corrected from the next one on: {channel:temperature,offset:-0.4},
// {channel:temperature,scale:1.02}, {channel:temperature,reads:21.7}, {channel:temperature,reset:true}. What is not
// given of offset and scale stays; reads finds the offset. It goes on top of what the config adjusts, and is kept.
func (t *Twin) calibrate(o calibration) error {
	name, err := t.numeric(o.Channel)
	if err != nil {
		return err
	}
	c := t.channel(name)
	judge := t.appoint(name, c)
	if o.Reset {
		if o.Offset != nil || o.Scale != nil || o.Reads != nil {
			return errors.New("reset goes alone")
		}
		judge.Recalibrate(device.Calibration{})
		t.corrects.Remove(name)
		return nil
	}
	now := device.Calibration{Scale: 1, Offset: judge.Calibration.Offset}
	if judge.Calibration.Scale != 0 {
		now.Scale = judge.Calibration.Scale
	}
	for _, n := range []*float64{o.Offset, o.Scale, o.Reads} {
		if n != nil && (math.IsNaN(*n) || math.IsInf(*n, 0)) {
			return errors.New("offset, scale and reads are numbers of ordinary size")
		}
	}
	if o.Scale != nil {
		if now.Scale = *o.Scale; now.Scale == 0 {
			return errors.New("a scale of 0 makes every reading the same")
		}
	}
	switch {
	case o.Offset != nil && o.Reads != nil:
		return errors.New("reads finds the offset, so give one of them")
	case o.Reads != nil:
		if t.known.State != OK || c.came.Bad() || c.came.Form != device.Number {
			return fmt.Errorf("%s has no reading now to compare with; try again when it has", name)
		}
		now.Offset = 0
		// Binary fractions leave dust behind the ninth decimal, which nobody wants to see in the lane.
		now.Offset = math.Round((*o.Reads-now.Of(judge.Base().Of(c.came.Value)))*1e9) / 1e9
	case o.Offset != nil:
		now.Offset = *o.Offset
	case o.Scale == nil:
		return errors.New("want an offset, a scale, what it reads now, or reset: {channel:temperature,reads:21.7}")
	}
	judge.Recalibrate(now)
	t.corrects.Set(name, correction{now.Scale, now.Offset, t.agent.Now().Time(), t.info.Get().Serial})
	return nil
}

// Value returns what the number is that the device gives for a channel, by all that is known better. It is called in a
// turn of the twin.
func (t *Twin) Value(channel string, v float64) float64 {
	if c := t.channels[channel]; c != nil && c.judge != nil {
		return c.judge.Value(v)
	}
	return v
}

// numeric finds the channel that somebody speaks of, which has numbers.
func (t *Twin) numeric(name string) (string, error) {
	var can []string
	for _, c := range t.has {
		if c.Form == device.Number {
			can = append(can, c.Name)
		}
	}
	switch {
	case len(t.has) == 0:
		return "", errors.New("what it measures is not known before it has been opened")
	case len(can) == 0:
		return "", errors.New("it measures no numbers, so there is nothing to calibrate")
	case name == "" && len(can) == 1:
		return can[0], nil
	}
	for _, c := range can {
		if c == name {
			return name, nil
		}
	}
	if name == "" {
		return "", fmt.Errorf("want a channel: %s", strings.Join(can, ", "))
	}
	return "", fmt.Errorf("there is no channel %.40s with numbers; there are %s", name, strings.Join(can, ", "))
}

// recallCorrections has what was found out about this device count, and nothing that was about another one.
func (t *Twin) recallCorrections() {
	if t.corrects == nil {
		return
	}
	for name, c := range t.corrects.All() {
		var is device.Calibration
		if t.isOf(c) {
			is = c.calibration()
		}
		t.appoint(name, t.channel(name)).Calibration = is
	}
}

// isOf tells whether a correction is true of the device that is there.
func (t *Twin) isOf(c correction) bool {
	return c.Of == "" || c.Of == t.info.Get().Serial
}

// leftAside tells whether a correction is of another device.
func (t *Twin) leftAside() bool {
	if t.corrects == nil {
		return false
	}
	for _, c := range t.corrects.All() {
		if !t.isOf(c) {
			return true
		}
	}
	return false
}
