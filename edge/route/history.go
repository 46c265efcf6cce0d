package route

import "strings"

// history ends the name of the lane that shows the history of another: "temperature/history".
const history = "/history"

// HistoryLane returns the name of the lane that shows the history of a lane.
func HistoryLane(of LaneName) LaneName { return of + history }

// HistoryOf is the reverse of HistoryLane. No other lane has a name that ends so, so who may do something with a
// lane can be asked by the name of either.
func HistoryOf(lane LaneName) (of LaneName, ok bool) {
	name, ok := strings.CutSuffix(string(lane), history)
	return LaneName(name), ok && name != ""
}
