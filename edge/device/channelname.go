package device

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// TwinLanes are the lanes that a device's twin may have beside those of its channels.
var TwinLanes = []string{"status", "info", "state", "desired", "set", "takes", "calibrate", "calibration", "totals"}

var channelName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// CheckChannel says what is wrong with a name that a config gives a channel, for a driver whose channels are in its
// config. Nothing is wrong with an empty problem.
func CheckChannel(name string) (problem, remedy string) {
	switch {
	case !channelName.MatchString(name):
		return fmt.Sprintf("%q is no name for a lane", name), "it has small letters, digits and -, and begins with a letter"
	case slices.Contains(TwinLanes, name):
		return fmt.Sprintf("a channel cannot be called %s, for every device has a lane of that name", name),
			"call it something else; the lanes are " + strings.Join(TwinLanes, ", ")
	}
	return "", ""
}
