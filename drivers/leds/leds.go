// Package leds is for lamps whose brightness the Linux kernel sets: status LEDs and the backlight of a
// display.
//
// Wiring: none for the board's own LEDs, ACT and PWR on a Raspberry Pi; others by an overlay such as
// dtoverlay=gpio-led,gpio=17,label=alarm. Range: 0 to 100 %, in as many steps as the lamp has: many only
// know off and on. To see what is there: ls /sys/class/leds /sys/class/backlight
//
// Sources: Documentation/ABI/testing/sysfs-class-led and Documentation/ABI/stable/sysfs-class-backlight.
package leds

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

func init() {
	device.Register("led", LEDConfig{Root: "/"}, OpenLED)
	device.Register("backlight", BacklightConfig{Safe: 100, Root: "/"}, OpenBacklight)
}

var (
	leds       = sysfs.Class{What: "LED", Glob: "sys/class/leds/*", Tool: "ls /sys/class/leds"}
	backlights = sysfs.Class{What: "backlight", Glob: "sys/class/backlight/*", Tool: "ls /sys/class/backlight"}
)

// LEDConfig is one [device.…] table with driver = "led".
type LEDConfig struct {
	_    struct{} `doc:"An LED of the board, or another that the kernel has as one." example:"alarm"`
	LED  string   `toml:"led" doc:"its name as the kernel has it, such as ACT; empty for the only one there is"`
	Safe float64  `toml:"safe" doc:"its brightness on start, on stop and when nobody commands it, in %"`
	Root string   `toml:"root" doc:"the folder in which sys is found"`
}

// BacklightConfig is one [device.…] table with driver = "backlight".
type BacklightConfig struct {
	_         struct{} `doc:"The backlight of a display." example:"screen"`
	Backlight string   `toml:"backlight" doc:"its name as the kernel has it, such as 10-0045; empty for the only one there is"`
	Safe      float64  `toml:"safe" doc:"its brightness on start, on stop and when nobody commands it, in %"`
	Root      string   `toml:"root" doc:"the folder in which sys is found"`
}

// Check names what cannot work.
func (c LEDConfig) Check(fault func(key, problem, remedy string)) { check(c.Safe, c.Root, fault) }

// Check names what cannot work.
func (c BacklightConfig) Check(fault func(key, problem, remedy string)) {
	check(c.Safe, c.Root, fault)
}

func check(safe float64, root string, fault func(key, problem, remedy string)) {
	if !(safe >= 0 && safe <= 100) {
		fault("safe", fmt.Sprintf("nothing shines with %v %%", safe), "use 0 to 100")
	}
	sysfs.CheckRoot(root, fault)
}

// Lamp is an LED or a backlight.
type Lamp struct {
	driver string
	node   sysfs.Node
	safe   float64
	most   int64
	closed bool
}

// OpenLED finds an LED. It does not switch it yet: the manager writes the first state.
func OpenLED(ctx context.Context, c LEDConfig) (*Lamp, error) {
	return open(ctx, "led", leds, c.Root, c.LED, c.Safe)
}

// OpenBacklight finds a backlight. It does not set it yet: the manager writes the first state.
func OpenBacklight(ctx context.Context, c BacklightConfig) (*Lamp, error) {
	return open(ctx, "backlight", backlights, c.Root, c.Backlight, c.Safe)
}

func open(ctx context.Context, driver string, class sysfs.Class, root, name string, safe float64) (*Lamp, error) {
	n, err := class.Find(root, name)
	if err != nil {
		return nil, err
	}
	most, err := sysfs.Int(n.File("max_brightness"))
	if err != nil {
		return nil, err
	}
	if most < 1 {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the %s %s has no brightness to set", class.What, n.Name),
			Remedy: "its kernel driver allows none: see dmesg",
		}
	}
	return &Lamp{driver: driver, node: n, safe: safe, most: most}, ctx.Err()
}

// Info tells the name and the steps of the lamp.
func (l *Lamp) Info() device.Info {
	return device.Info{
		Driver: l.driver, Wire: l.node.Name, Address: l.node.Parent,
		Model: fmt.Sprintf("%s with %d steps", l.node.Class.What, l.most),
	}
}

// Takes is a brightness from 0 to 100 %.
func (l *Lamp) Takes() device.Channel {
	return device.Channel{Unit: "%", Max: 100, Resolution: 100 / float64(l.most)}
}

// Out sets the brightness to the nearest step; whatever is above 0 shines. An LED that shows something
// else by itself, such as the card's activity, stops that.
func (l *Lamp) Out(ctx context.Context, v device.Value) error {
	if l.closed {
		return errors.New("the lamp is closed")
	}
	if err := errors.Join(ctx.Err(), l.node.Same()); err != nil {
		return err
	}
	if trigger := l.node.File("trigger"); sysfs.Exists(trigger) {
		// "none [mmc0] timer": the one in brackets is at work.
		if now, err := sysfs.Text(trigger); err != nil {
			return err
		} else if !strings.Contains(now, "[none]") {
			if err := sysfs.Write(trigger, "none"); err != nil {
				return err
			}
		}
	}
	if err := sysfs.Write(l.node.File("brightness"), strconv.FormatInt(l.steps(v.Number), 10)); err != nil {
		return err
	}
	if power := l.node.File("bl_power"); sysfs.Exists(power) {
		state := "0" // FB_BLANK_UNBLANK
		if v.Number <= 0 {
			state = "4" // FB_BLANK_POWERDOWN, for many shine a little at 0
		}
		return sysfs.Write(power, state)
	}
	return nil
}

// steps turns percents into the kernel's steps.
func (l *Lamp) steps(percent float64) int64 {
	n := int64(math.Round(percent / 100 * float64(l.most)))
	if n == 0 && percent > 0 {
		n = 1
	}
	return min(max(n, 0), l.most)
}

// Safe is the configured safe brightness.
func (l *Lamp) Safe() device.Value { return device.Of(l.safe) }

// Close leaves the lamp as it is.
func (l *Lamp) Close() error {
	l.closed = true
	return nil
}

var _ device.Output = (*Lamp)(nil)
