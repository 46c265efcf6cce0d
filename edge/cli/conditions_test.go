package cli

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/health"
)

func TestConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		board := health.NewBoard()
		c := showConditions(&out, board)
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := out.String(); got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
			out.Reset()
		}
		air := health.Condition{Code: "device.air", Text: "no answer at 0x44 on /dev/i2c-1", Remedy: "check its wires"}
		board.Raise(air)
		expect("! air     no answer at 0x44 on /dev/i2c-1\n          check its wires\n")
		board.Raise(air)
		time.Sleep(time.Second)
		expect("")

		air.Text = "a wrong checksum"
		board.Raise(air)
		expect("") // too soon for other words
		time.Sleep(time.Minute)
		air.Text = "a short on SDA"
		board.Raise(air)
		expect("! air     a short on SDA\n          check its wires\n")
		time.Sleep(time.Minute)

		board.Raise(health.Condition{Code: "store.commit", Text: "the disk\x1b[2J is full"})
		time.Sleep(settle)
		expect("! store   the disk\uFFFD[2J is full\n")
		board.Clear("store.commit")
		time.Sleep(settle)
		expect("+ store   over after 0s: the disk\uFFFD[2J is full\n")

		board.Raise(health.Condition{Code: "lane./room/air.target", Text: "blip"})
		board.Clear("lane./room/air.target")
		time.Sleep(settle)
		expect("")

		board.Clear("device.air")
		c.stop()
		expect("+ air     over after 2m1s: a short on SDA\n")
		board.Raise(air)
		expect("")
	})
}

func TestLabel(t *testing.T) {
	tests := []struct{ code, want string }{
		{"device.air", "air"},
		{"bus./dev/i2c-1", "/dev/i2c-1"},
		{"agent./room/air", "/room/air"},
		{"lane./room/air.target", "/room/air"},
		{"link./room/air./device/air.temperature", "/room/air"},
		{"store.commit", "store"},
		{"web.listen", "web"},
		{"odd", "odd"},
	}
	for _, tt := range tests {
		if got := label(tt.code); got != tt.want {
			t.Errorf("label(%q) = %q, want %q", tt.code, got, tt.want)
		}
	}
}
