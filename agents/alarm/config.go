package alarm

import (
	"fmt"
	"strings"
	"time"

	"selvage/edge/agent"
)

// Config is one [agent."/…"] table of kind alarm.
type Config struct {
	_         struct{}             `doc:"Watches lanes, keeps the list of what is out of bounds, and sends somebody there." example:"/alarms"`
	From      map[string]string    `toml:"from" doc:"other agents of this kind whose alarms are listed here, too: a name to put before theirs, and the node URI" example:"{ cellar = \"/cellar/alarms\" }"`
	Patience  time.Duration        `toml:"patience" doc:"how long a responder may be out of reach before others are sent in its place"`
	Watch     map[string]Watch     `toml:"watch" doc:"One alarm; its name is its key in the list." example:"hot"`
	Responder map[string]Responder `toml:"responder" doc:"Somebody who is sent to one alarm at a time, the most urgent first." example:"robot"`
}

// Responder is one table [agent."/…".responder.NAME].
type Responder struct {
	Node  string   `toml:"node" doc:"node URI of the agent that does it" example:"/robot"`
	Lane  string   `toml:"lane" doc:"its value lane that takes and shows the name of the alarm it is sent to" example:"job"`
	Idle  string   `toml:"idle" doc:"what that lane shows when it is free" default:"none"`
	Takes []string `toml:"takes" doc:"the names of the alarms that it can do something about, without that of an agent before them" default:"all"`
}

// Watch is one table [agent."/…".watch.NAME]: an alarm, with the bounds it has.
type Watch struct {
	Node       string        `toml:"node" doc:"node URI of the agent to follow" example:"/device/air"`
	Lane       string        `toml:"lane" doc:"its lane, of readings" example:"temperature"`
	Above      *float64      `toml:"above" doc:"alarm above this value, in the unit of the lane" example:"30.0"`
	Below      *float64      `toml:"below" doc:"alarm below this value, in the unit of the lane" example:"5.0"`
	Stale      time.Duration `toml:"stale" doc:"alarm without a good reading for that long"`
	Change     float64       `toml:"change" doc:"alarm when the value moves by more than that, up or down, within the time of within"`
	Within     time.Duration `toml:"within" doc:"the time that change is about"`
	Hysteresis float64       `toml:"hysteresis" doc:"how far inside its bound, in the unit of the lane, a value must be again for the alarm to be over"`
	Delay      time.Duration `toml:"delay" doc:"how long a bound must be crossed before there is an alarm"`
	Latch      bool          `toml:"latch" doc:"whether it stays in the list until it is acknowledged"`
	Severity   string        `toml:"severity" doc:"warning or failure" default:"warning"`
	Text       string        `toml:"text" doc:"what people should read before the cause"`
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if len(c.Watch)+len(c.From) == 0 {
		fault("watch", "there is nothing to watch", `add a table such as [agent."/alarms".watch.hot], or from = { … }`)
	}
	for name, node := range c.From {
		agent.CheckNodeAt(fault, "from."+name, node, "of an agent of this kind", "/cellar/alarms")
		if name == "" || strings.Contains(name, "/") {
			fault("from."+name, fmt.Sprintf("%q cannot stand before the names of alarms", name), "take one without a /")
		}
	}
	if c.Patience <= 0 {
		fault("patience", "patience is a time above zero", `"1m" is a common one`)
	}
	for name := range c.Watch {
		if name == "*" {
			fault("watch.*", `"*" is no name for an alarm: it acknowledges all`, "give it another name")
		}
		if before, _, ok := strings.Cut(name, "/"); ok && c.From[before] != "" {
			fault("watch."+name, fmt.Sprintf("%q is how alarms of %s are called here", name, c.From[before]), "give it another name")
		}
	}
}

// Check names what is wrong with a table.
func (r Responder) Check(fault func(key, problem, remedy string)) {
	agent.CheckNodeAt(fault, "node", r.Node, "of the agent that is sent", "/robot")
	if r.Lane == "" {
		fault("lane", "it is not said which lane takes the alarm", `add one, such as lane = "job"`)
	}
}

// Check names what is wrong with a table.
func (w Watch) Check(fault func(key, problem, remedy string)) {
	agent.CheckNodeAt(fault, "node", w.Node, "to follow", "/device/air")
	if w.Lane == "" {
		fault("lane", "it is not said which lane to follow", `add one, such as lane = "temperature"`)
	}
	if w.Above == nil && w.Below == nil && w.Stale == 0 && w.Change == 0 {
		fault("node", "it has no bound", "add one or more of above, below, stale and change")
	}
	if w.Above != nil && w.Below != nil && *w.Above-w.Hysteresis <= *w.Below+w.Hysteresis {
		fault("above", "between above and below there is no value, hysteresis taken off, at which the alarm is over", "above must be the greater one; to be warned inside of a range, make two alarms")
	}
	if !(w.Change >= 0) || (w.Change > 0) != (w.Within > 0) {
		fault("change", "change and within go together, both above zero", `such as change = 3.0 and within = "1m"`)
	}
	if !(w.Hysteresis >= 0) || w.Change > 0 && w.Hysteresis >= w.Change {
		fault("hysteresis", "a hysteresis is 0 or more, and less than change", "0.5 is a common one for °C")
	}
	for key, d := range map[string]time.Duration{"stale": w.Stale, "within": w.Within, "delay": w.Delay} {
		if d < 0 {
			fault(key, key+" is a time of 0 or more", `such as "10m"`)
		}
	}
	if w.Severity != "" && w.Severity != "warning" && w.Severity != "failure" {
		fault("severity", fmt.Sprintf("%q is no severity", w.Severity), `"warning" or "failure"`)
	}
}
