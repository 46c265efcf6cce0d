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
// Its lanes: temperature, the reading it goes by, in °C, K or °F; target, which takes commands and is remembered; heating.
//
// The least times hold whatever the reading or the target, and count from the start of the host as well: what was before
// is not known, and the heater is told to be off then. When readings fail, safe = "off" does not wait for them: heat is
// not left on unseen. A reading that is no temperature counts as failed.
package climate

import (
	"errors"
	"fmt"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/health"
)

// retry is until a heater is told again that could not be.
const retry = 10 * time.Second

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
	agent.CheckNodeAt(fault, "sensor", c.Sensor, "to follow", "/device/air")
	agent.CheckNodeAt(fault, "heater", c.Heater, "to switch", "/device/heater")
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
	began := a.Now()
	switched := began
	var heard clock.Stamp // when the reading was true by this host's clock; zero before the first since the start

	told := false // the heater, what heat holds; before this agent started it may have been on
	tell := func(on bool) {
		err := a.Send(c.Heater, "set", on)
		if told = err == nil; !told {
			a.Health().Raise(health.Condition{
				Code: code(a, "heater"), Text: fmt.Sprintf("%s cannot switch %s: %v", a.URI(), c.Heater, err),
				Remedy: "it is tried again; see what there is with: selvage ls", Severity: health.Failure, After: retry,
			})
			return
		}
		a.Health().Clear(code(a, "heater"))
		if on != heat.Get() {
			switched = a.Now()
			heat.Set(on)
		}
	}

	cancel := func() {} // the look that is due next
	var look func()
	look = func() {
		now := a.Now()
		celsius, err := inCelsius(temp.Get())
		age := heard.Age(now)
		on, next := heat.Get(), c.Patience-began.Age(now)
		if !heard.IsZero() || next <= 0 { // a sensor may come a moment after its agents
			on, next = c.decide(celsius, err != nil || age >= c.Patience, target.Get(), on, switched.Age(now), age)
		}
		if on != heat.Get() || !told {
			tell(on)
		}
		if !told && (next == 0 || next > retry) {
			next = retry
		}
		if cancel(); next > 0 {
			cancel = a.After(next, look)
		}
	}
	agent.Link(a, c.Sensor, "temperature", func(now device.Reading) {
		// The clock of another host, or of another boot, tells no age here. What comes again as it was, after
		// a link was lost or a restart, is no news.
		switch at := a.Now(); {
		case now.At.Boot == at.Boot:
			heard = now.At
		case now.At.IsZero() || !same(now.At, temp.Get().At):
			heard = at
		}
		temp.Set(now)
		doubt(a, c, now)
		look()
	})
	target.OnSet(func(_, now float64) error {
		if err := inRange(now); err != nil {
			return err
		}
		look()
		return nil
	})
	look()
	a.OnStop(func() {
		if safe := c.Safe == "on"; safe != heat.Get() || !told {
			tell(safe)
		}
	})
	a.OnClose(func() {
		a.Health().Clear(code(a, "heater"))
		a.Health().Clear(code(a, "sensor"))
	})
	return nil
}

// same reports whether two times are one, which may have been stored or come over the network: then it is in
// milliseconds.
func same(a, b clock.Stamp) bool {
	if a.Wall != 0 {
		return a.Wall/1e6 == b.Wall/1e6
	}
	return b.Wall == 0 && a.Boot == b.Boot && a.Mono/1e6 == b.Mono/1e6
}

func code(a *agent.Agent, of string) string { return fmt.Sprintf("climate.%s.%s", a.URI(), of) }

// doubt shows that a good reading is none to go by.
func doubt(a *agent.Agent, c Config, now device.Reading) {
	_, err := inCelsius(now)
	if err == nil || now.Bad() { // why it is bad the sensor says
		a.Health().Clear(code(a, "sensor"))
		return
	}
	a.Health().Raise(health.Condition{
		Code: code(a, "sensor"), Text: fmt.Sprintf("%s cannot go by %s temperature: %v", a.URI(), c.Sensor, err),
		Remedy:   "name as sensor an agent whose lane temperature is a number in Cel, K or [degF]; until then the heater is " + c.Safe,
		Severity: health.Failure,
	})
}

// inCelsius is a reading in °C, which one without a unit is taken for.
func inCelsius(r device.Reading) (float64, error) {
	switch {
	case r.Bad():
		return 0, errors.New(r.String())
	case r.Form != device.Number:
		return 0, fmt.Errorf("%q is no number", r)
	}
	switch r.Unit {
	case "Cel", "", "1":
		return r.Value, nil
	case "K":
		return r.Value - 273.15, nil
	case "[degF]":
		return (r.Value - 32) * 5 / 9, nil
	}
	return 0, fmt.Errorf("%v is no temperature", r)
}

// decide says how the heater should be, given how it is, for how long, and how old the reading is, or that there is
// none to go by; and when to look again if nothing else happens, 0 for never.
func (c Config) decide(celsius float64, blind bool, target float64, on bool, since, age time.Duration) (want bool, next time.Duration) {
	switch {
	case blind && c.Safe == "off":
		return false, 0
	case blind:
		want = true
	case celsius > target+c.Band:
		want = false
	case celsius < target-c.Band:
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
