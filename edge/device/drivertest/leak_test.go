package drivertest

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"selvage/edge/device"
)

// A goroutine that a driver leaves behind ends the rule's bubble with a panic that says so.
func TestLeavesNothingBehind(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "blocked goroutines remain") {
			t.Errorf("a driver that leaves a goroutine behind: %s", p)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		d, _ := device.Lookup("sloppy")
		closesTwice(t, newRig(t, Case{Driver: "sloppy", Config: config{Leaves: true}, Bus: five}, d))
	})
}
