package rule

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"selvage/edge/agent"
)

// Config is one [agent."/…"] table of kind rule.
type Config struct {
	_         struct{}          `doc:"Sends a command when a condition over lanes begins to hold, and another when it ends." example:"/rule/vent"`
	Lanes     map[string]string `toml:"lanes" doc:"the lanes that the condition speaks of: a name, and node URI and lane with a blank between" example:"{ t = \"/device/air temperature\", h = \"/device/air humidity\" }"`
	Own       map[string]any    `toml:"own" doc:"lanes of its own, which anybody may set and conditions may speak of: a name, and what it holds at first, which says of what type it is" example:"{ mode = \"home\" }"`
	When      string            `toml:"when" doc:"the condition" example:"t > 26 and h < 60 for 5m"`
	Then      *Action           `toml:"then" doc:"What to send when the condition begins to hold."`
	Otherwise *Action           `toml:"otherwise" doc:"What to send when the condition ceases to hold; may be left out."`
}

// Action is a command.
type Action struct {
	Send  string `toml:"send" doc:"node URI and lane to command, with a blank between" example:"/device/vent set"`
	Value any    `toml:"value" doc:"what to send: a number, true, false or a text; a lane that takes no value is sent none" example:"true"`
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	names := c.names()
	if len(names) == 0 {
		fault("lanes", "a condition speaks of one lane at least", `such as lanes = { t = "/device/air temperature" }`)
		return // for the condition it would be said again
	}
	for _, name := range names {
		first, own := c.Own[name]
		key := "lanes." + name
		if own {
			key = "own." + name
		}
		if !isName.MatchString(name) || slices.Contains(words, name) {
			fault(key, fmt.Sprintf("%q cannot be a name in a condition", name), "names are letters, digits and _, other than "+strings.Join(words, ", "))
		}
		if own {
			c.checkOwn(name, first, fault)
			continue
		}
		if _, _, err := reference(c.Lanes[name]); err != nil {
			fault("lanes."+name, err.Error(), `write node URI and lane, such as "/device/air temperature"`)
		}
	}
	_, err := compile(c.When, names)
	if wrong := (*SyntaxError)(nil); errors.As(err, &wrong) {
		remedy := wrong.Remedy
		if remedy == "" {
			remedy = "a condition is like: t > 26 and h < 60 for 5m"
		}
		fault("when", "the condition, "+wrong.Error(), remedy)
	}
	if c.Then == nil {
		fault("then", "nothing is sent when the condition holds", `add then = { send = "/device/vent set", value = true }`)
	}
}

// names lists the lanes that the condition may speak of.
func (c Config) names() []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(c.Lanes)), maps.Keys(c.Own))
	slices.Sort(all)
	return slices.Compact(all)
}

func (c Config) checkOwn(name string, first any, fault func(key, problem, remedy string)) {
	if _, ok := c.Lanes[name]; ok {
		fault("own."+name, fmt.Sprintf("lanes has a %s, too", name), "give one of them another name")
	}
	if name == "state" || name == "why" {
		fault("own."+name, fmt.Sprintf("each rule has a lane %s", name), "give this one another name")
	}
	agent.CheckValueAt(fault, "own."+name, first)
}

var isName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Check names what is wrong with a table.
func (a Action) Check(fault func(key, problem, remedy string)) {
	if _, _, err := reference(a.Send); err != nil {
		fault("send", err.Error(), `write node URI and lane, such as "/device/vent set"`)
	}
	agent.CheckValueAt(fault, "value", a.Value)
}

func (a Action) send(from *agent.Agent) error {
	node, lane, err := reference(a.Send)
	if err != nil {
		return err
	}
	return from.Send(node, lane, a.Value)
}

// reference reads "/device/air temperature".
func reference(s string) (node, lane string, err error) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", "", fmt.Errorf("%q names no lane", s)
	}
	node, lane = strings.TrimSpace(s[:i]), s[i+1:]
	if lane == "" {
		return "", "", fmt.Errorf("%q names no lane", s)
	}
	if err := agent.CheckNode(node); err != nil {
		return "", "", fmt.Errorf("%q: %w", node, err)
	}
	return node, lane, nil
}
