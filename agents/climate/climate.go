// Package climate holds a room near a target temperature with one relay.
//
//	[agent."/room/air"]
//	kind     = "climate"
//	sensor   = "/device/air"
//	heater   = "/device/heater"
//	target   = 21.0          # °C
//	band     = 0.5           # heats below 20.5, stops above 21.5
//	min_on   = "2m"          # spares a relay, a burner or a compressor
//	min_off  = "5m"
//	patience = "1m"          # without a reading for that long,
//	safe     = "off"         # the heater is off
//
// Its lanes: temperature, the reading it goes by; target, which takes commands and is remembered; heating.
//
// The least times hold whatever the reading or the target, and count from the start of the host as well, since what
// was before is not known. When readings fail, safe = "off" does not wait for them: heat is not left on unseen.
package climate

import (
	"fmt"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
)

func init() {
	agent.Register("climate", Config{Target: 21, Band: 0.5, Patience: time.Minute, Safe: "off"}, setup)
}

// Config is one [agent."/…"] table of kind climate.
type Config struct {
	_        struct{}      `doc:"Holds a room near a target temperature with one relay." example:"/room/air"`
	Sensor   string        `toml:"sensor" doc:"node URI of the twin to follow, which has a lane temperature" example:"/device/air"`
	Heater   string        `toml:"heater" doc:"node URI of the output to switch" example:"/device/heater"`
	Target   float64       `toml:"target" doc:"°C to start with; the lane target changes it"`
	Band     float64       `toml:"band" doc:"°C either side of the target before it switches"`
	MinOn    time.Duration `toml:"min_on" doc:"how long the heater stays on at least"`
	MinOff   time.Duration `toml:"min_off" doc:"how long the heater stays off at least"`
	Patience time.Duration `toml:"patience" doc:"without a reading for that long, the heater goes to its safe state"`
	Safe     string        `toml:"safe" doc:"what the heater does without readings: off, or on against frost"`
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
	for key, least := range map[string]time.Duration{"min_on": c.MinOn, "min_off": c.MinOff} {
		if least < 0 || least > 24*time.Hour {
			fault(key, key+" is a time from 0 to a day", `"2m" is a common one for a burner`)
		}
	}
	if c.Patience <= 0 {
		fault("patience", "patience is a time above zero", `"1m" is a common one`)
	}
	if c.Safe != "off" && c.Safe != "on" {
		fault("safe", fmt.Sprintf("%q is no state of a heater", c.Safe), `"off", or "on" where frost does more harm than heat`)
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
	switched := a.Now()
	heat.OnSet(func(was, on bool) error {
		if was != on {
			switched = a.Now()
		}
		return a.Send(c.Heater, "set", on)
	})

	cancel := func() {} // the look that is due next
	var look func()
	look = func() {
		on, next := c.decide(temp.Get(), target.Get(), heat.Get(), switched.Age(a.Now()), temp.Get().At.Age(a.Now()))
		if on != heat.Get() {
			heat.Set(on)
		}
		if cancel(); next > 0 {
			cancel = a.After(next, look)
		}
	}
	agent.Link(a, c.Sensor, "temperature", func(now device.Reading) { temp.Set(now); look() })
	target.OnSet(func(_, now float64) error {
		if err := inRange(now); err != nil {
			return err
		}
		look()
		return nil
	})
	cancel = a.After(c.Patience, look) // a sensor may come a moment after its agents
	a.OnStop(func() {
		if safe := c.Safe == "on"; safe != heat.Get() {
			heat.Set(safe)
		}
	})
	return nil
}

// decide says how the heater should be, given how it is, for how long, and how old the reading is; and when to
// look again if nothing else happens, 0 for never.
func (c Config) decide(now device.Reading, target float64, on bool, since, age time.Duration) (want bool, next time.Duration) {
	blind := now.Bad() || age >= c.Patience
	switch {
	case blind && c.Safe == "off":
		return false, 0
	case blind:
		want = true
	case now.Value > target+c.Band:
		want = false
	case now.Value < target-c.Band:
		want = true
	default:
		want = on
	}
	if !blind {
		next = c.Patience - age
	}
	least := c.MinOff
	if on {
		least = c.MinOn
	}
	if wait := least - since; want != on && wait > 0 {
		if want = on; next == 0 || wait < next {
			next = wait
		}
	}
	return want, next
}
