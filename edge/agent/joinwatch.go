package agent

import (
	"fmt"

	"selvage/edge/route"
)

// Watch has fn run as a turn for each lane of an agent of this host that a pattern matches, such as
// "/device/*/*", where each * stands for one segment, the last of which is the lane: for those there are,
// for those that will be, and, with there false, for those whose agent is no more. The agent's own lanes
// are left out. It is for setup, and ends with the agent.
func (a *Agent) Watch(pattern string, fn func(node route.NodeURI, lane route.LaneName, there bool)) error {
	return a.watch(pattern, func(node route.NodeURI, lane route.LaneName, _ LaneKind, there bool) { fn(node, lane, there) })
}

// watch is Watch that tells of what kind a lane is.
func (a *Agent) watch(pattern string, fn func(node route.NodeURI, lane route.LaneName, kind LaneKind, there bool)) error {
	glob, err := route.ParseGlob(pattern)
	if err != nil {
		return fmt.Errorf("agent %s: %w", a.uri, err)
	}
	known := map[laneAt]bool{}
	over := false
	cancel := a.rt.Watch(func(node route.NodeURI, lane route.LaneName, kind LaneKind, there bool) {
		if node == a.uri || !glob.MatchLane(node, lane) {
			return
		}
		a.rt.Wake(func() {
			at := laneAt{node, lane}
			if over || known[at] == there {
				return
			}
			if known[at] = true; !there {
				delete(known, at)
			}
			fn(node, lane, kind, there)
		})
	})
	a.opens(func() { over = true; cancel() })
	return nil
}
