package aggregate

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// Config is one [agent."/…"] table of kind aggregate.
type Config struct {
	_     struct{}      `doc:"Shows the mean, least, greatest, sum and number of what several lanes read now." example:"/house/air"`
	Lanes []string      `toml:"lanes" doc:"the lanes: those of this host that match a pattern, each * of which is one segment, the last one the lane; or node URI and lane, with a blank between" example:"[\"/room/*/temperature\", \"/device/air temperature\"]"`
	Stale time.Duration `toml:"stale" doc:"a lane without a new reading for that long is left out; 0 for never"`
}

// Check names what is wrong with a table.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if len(c.Lanes) == 0 {
		fault("lanes", "there are no lanes to aggregate", `such as lanes = ["/room/*/temperature"]`)
	}
	for _, s := range c.Lanes {
		if _, err := parse(s); err != nil {
			fault("lanes", fmt.Sprintf("%q: %v", s, err), `write a pattern such as "/room/*/temperature", or node URI and lane such as "/device/air temperature"`)
		}
	}
	if c.Stale < 0 {
		fault("stale", "stale is a time of 0 or more", `such as "10m"`)
	}
}

// place is a lane, or a pattern of lanes if it has no lane.
type place struct{ node, lane string }

func parse(s string) (place, error) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		_, err := route.ParseGlob(s)
		return place{node: s}, err
	}
	p := place{strings.TrimSpace(s[:i]), s[i+1:]}
	if p.lane == "" {
		return p, errors.New("it names no lane")
	}
	return p, agent.CheckNode(p.node)
}
