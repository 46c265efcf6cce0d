package agent

import "selvage/edge/route"

func (r *loopRuntime) Watch(func(route.NodeURI) bool, func(route.NodeURI, route.LaneName)) (cancel func()) {
	return func() {}
}
func (r *loopRuntime) IsThere(route.NodeURI, route.LaneName) (LaneKind, bool) { return 0, false }
func (r *loopRuntime) Gone(*Lane)                                             {}
func (r *loopRuntime) Past(lane route.LaneName, newest int) (Past, error) {
	return r.loop.past(lane, newest)
}
