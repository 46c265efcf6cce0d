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
	known := map[laneAt]LaneKind{}
	run := a.run.Load()
	nodes := func(node route.NodeURI) bool { return node != a.uri && glob.MatchNode(node) }
	cancel := a.rt.Watch(nodes, func(node route.NodeURI, lane route.LaneName) {
		if !glob.MatchLane(node, lane) {
			return
		}
		a.rt.Wake(Mail{Run: run, Do: func() {
			at := laneAt{node, lane}
			was, knew := known[at]
			is, there := a.rt.IsThere(node, lane) // now: news of two agents at one place may overtake each other
			if knew == there && was == is {
				return
			}
			if knew {
				delete(known, at)
				fn(node, lane, was, false)
			}
			if there {
				known[at] = is
				fn(node, lane, is, true)
			}
		}})
	})
	a.opens("Watch", cancel)
	return nil
}
