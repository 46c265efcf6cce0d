package cli

import (
	"bytes"
	"fmt"
	"strings"
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

// A flood is counted rather than printed, when it begins and when it ends.
func TestConditionsFlood(t *testing.T) {
	var out bytes.Buffer
	board := health.NewBoard()
	all := func(do func(code string)) {
		for i := range 167 {
			do(fmt.Sprintf("agent./note/%03d", i))
		}
	}
	c := &conditions{out: &out, board: board, shown: map[string]shown{}}
	command := "selvage get /host conditions"
	c.all.Store(&command)
	look := func() []string {
		c.look()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		out.Reset()
		return lines
	}
	all(func(code string) { board.Raise(health.Condition{Code: code, Text: "stopped"}) })
	lines := look()
	if n := len(lines); n != mostAtOnce+1 || lines[9] != "! /note/009  stopped" || lines[10] != "! and 157 more; see them all: "+command {
		t.Errorf("the beginning is %d lines: %q", n, lines)
	}

	// One that was only counted goes without a word of its own, one that was told does not.
	board.Clear("agent./note/100")
	if lines := look(); len(lines) != 1 || lines[0] != "+ and 1 more over" {
		t.Errorf("an untold end is %q", lines)
	}
	board.Clear("agent./note/003")
	if lines := look(); len(lines) != 1 || lines[0] != "+ /note/003  over after 0s: stopped" {
		t.Errorf("a told end is %q", lines)
	}
	all(board.Clear)
	if lines := look(); len(lines) != 10 || lines[8] != "+ /note/009  over after 0s: stopped" || lines[9] != "+ and 156 more over" {
		t.Errorf("the end is %d lines: %q", len(lines), lines)
	}

	// Ends are counted too where each beginning was told.
	for i := range 12 {
		board.Raise(health.Condition{Code: fmt.Sprintf("agent./late/%02d", i), Text: "stopped"})
		look()
	}
	for i := range 12 {
		board.Clear(fmt.Sprintf("agent./late/%02d", i))
	}
	if lines := look(); len(lines) != 11 || lines[9] != "+ /late/09  over after 0s: stopped" || lines[10] != "+ and 2 more over" {
		t.Errorf("the end is %d lines: %q", len(lines), lines)
	}
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
