package cli

import (
	"time"

	"selvage/edge/config"
	"selvage/edge/route"
	"selvage/edge/store"
)

// rules are what the tables [history] say: of those that a lane matches the first one counts.
func rules(tables []config.History) store.Rules {
	return func(node route.NodeURI, lane route.LaneName) (store.Keep, bool) {
		for i := range tables {
			if h := &tables[i]; h.Lanes.MatchLane(node, lane) {
				return store.Keep{
					For: h.Keep, Points: h.Points, Bytes: int64(h.Bytes),
					Rolled: []time.Duration{h.Minutes, h.Hours, h.Days},
				}, true
			}
		}
		return store.Keep{}, false
	}
}
