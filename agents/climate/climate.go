// Package climate holds a room near a target temperature with one relay.
package climate

import (
	"fmt"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
)

func init() {
	agent.Register("climate", Config{Target: 21, Band: 0.5, Patience: time.Minute}, setup)
}

// Config is one [agent."/…"] table of kind climate.
type Config struct {
	Sensor   string        `toml:"sensor"`   // node URI of the twin to follow; it has a lane temperature
	Heater   string        `toml:"heater"`   // node URI of the output to switch
	Target   float64       `toml:"target"`   // °C to start with; the lane target changes it
	Band     float64       `toml:"band"`     // °C either side of the target
	Patience time.Duration `toml:"patience"` // without a reading for that long, the heater goes off
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	for key, node := range map[string]string{"sensor": c.Sensor, "heater": c.Heater} {
		if err := agent.CheckNode(node); err != nil {
			fault(key, fmt.Sprintf("%s %q: %v", key, node, err), `give its node URI, such as "/device/air", or "warp://HOST:PORT/device/air" on another host`)
		}
	}
	if err := inRange(c.Target); err != nil {
		fault("target", err.Error(), "21.0 is a common one")
	}
	if !(c.Band > 0 && c.Band <= 10) {
		fault("band", "the band is in °C, above 0 and up to 10", "0.5 is a common one")
	}
	if c.Patience <= 0 {
		fault("patience", "patience is a time above zero", `"1m" is a common one`)
	}
}

func inRange(target float64) error {
	if !(target >= -50 && target <= 120) { // this way round, not a number is refused too
		return fmt.Errorf("a target of %g °C is outside -50 to 120", target)
	}
	return nil
}

func setup(a *agent.Agent, c Config) error {
	temp := agent.Value(a, "temperature", device.Reading{}).ReadOnly()
	target := agent.Value(a, "target", c.Target)
	heat := agent.Value(a, "heating", false).Transient().ReadOnly()

	control := func() {
		now, on := temp.Get(), heat.Get()
		switch {
		case now.Bad() || now.At.Age(a.Now()) > c.Patience || now.Value > target.Get()+c.Band:
			on = false // no reading is no reason to heat
		case now.Value < target.Get()-c.Band:
			on = true
		}
		if on != heat.Get() {
			heat.Set(on)
		}
	}
	agent.Link(a, c.Sensor, "temperature", temp.Set)
	temp.OnSet(func(_, _ device.Reading) error { control(); return nil })
	target.OnSet(func(_, now float64) error {
		if err := inRange(now); err != nil {
			return err
		}
		control()
		return nil
	})
	heat.OnSet(func(_, on bool) error { return a.Send(c.Heater, "set", on) })
	a.Every(c.Patience, control)
	a.OnStop(func() {
		if heat.Get() {
			heat.Set(false)
		}
	})
	return nil
}
