package schedule

import (
	"fmt"
	"time"

	"selvage/edge/agent"
)

// Config is one [agent."/…"] table of kind schedule.
type Config struct {
	_    struct{}      `doc:"Sends commands at times of the day." example:"/schedule"`
	Zone string        `toml:"zone" doc:"the time zone of its times" default:"the machine's" example:"Europe/Berlin"`
	Late time.Duration `toml:"late" doc:"how late a command may still be sent that was due while the host was off"`
	At   map[string]At `toml:"at" doc:"One command and its time." example:"morning"`
}

// At is one table [agent."/…".at.NAME].
type At struct {
	Time  string   `toml:"time" doc:"hour, minute and maybe second: 06:30" example:"06:30"`
	Days  []string `toml:"days" doc:"on which days: mon, tue, wed, thu, fri, sat, sun" default:"every day" example:"[\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]"`
	Node  string   `toml:"node" doc:"node URI of the agent to command" example:"/room/air"`
	Lane  string   `toml:"lane" doc:"the lane of that node" example:"target"`
	Value any      `toml:"value" doc:"what to send: a number, true, false or a text; a lane that takes no value is sent none" example:"21.0"`
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if _, err := location(c.Zone); err != nil {
		fault("zone", fmt.Sprintf("the time zone %q is not known: %v", c.Zone, err), `write it like "Europe/Berlin" or "UTC"; a system without the package tzdata knows only UTC`)
	}
	if c.Late < pause {
		fault("late", fmt.Sprintf("late is %v at least: times are kept to the second, restarts are not", pause), `"1h" is a common one`)
	}
	if len(c.At) == 0 {
		fault("at", "there is nothing to send", `add a table such as [agent."/schedule".at.morning]`)
	}
}

// Check names what is wrong with a table.
func (at At) Check(fault func(key, problem, remedy string)) {
	if _, err := parseTime(at.Time); err != nil {
		fault("time", err.Error(), `write it like "06:30", or "06:30:15"`)
	}
	if _, err := parseDays(at.Days); err != nil {
		fault("days", err.Error(), `there are "mon", "tue", "wed", "thu", "fri", "sat" and "sun"`)
	}
	agent.CheckNodeAt(fault, "node", at.Node, "to command", "/room/air")
	if at.Lane == "" {
		fault("lane", "it is not said which lane to command", `add one, such as lane = "target"`)
	}
	agent.CheckValueAt(fault, "value", at.Value)
}

func (at At) parse(zone *time.Location) (e entry, err error) {
	e.At = at
	e.zone = zone
	if e.seconds, err = parseTime(at.Time); err != nil {
		return e, err
	}
	e.days, err = parseDays(at.Days)
	return e, err
}
