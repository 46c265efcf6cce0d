// Package pwm is for outputs by pulse width, made by the processor's own hardware: dimmers, fans, valves,
// servos.
//
// Wiring: a pin with PWM hardware, on a Raspberry Pi GPIO12, 13, 18 or 19, by dtoverlay=pwm or
// dtoverlay=pwm-2chan in config.txt; the load by a transistor. With dtoverlay=pwm-gpio (kernel 6.11 and
// newer) the kernel makes it on any pin, less exactly. Range: 0 to 100 % of the period. To see what is
// there: ls -l /sys/class/pwm
//
// Source: Documentation/ABI/testing/sysfs-class-pwm and Documentation/driver-api/pwm.rst.
package pwm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

func init() { device.Register("pwm", Config{Frequency: 1000, Root: "/"}, Open) }

var class = sysfs.Class{What: "PWM chip", Glob: "sys/class/pwm/pwmchip*", Tool: "ls -l /sys/class/pwm"}

// Config is one [device.…] table of the host file.
type Config struct {
	_         struct{} `doc:"An output by pulse width, made by the processor's hardware: a dimmer, a fan, a valve." example:"fan"`
	Chip      string   `toml:"chip" doc:"the place of its PWM chip, such as fe20c000.pwm, for the numbers change; empty for the only one there is"`
	Output    int      `toml:"output" doc:"its number on the chip"`
	Frequency float64  `toml:"frequency" doc:"how often a second it is switched, in Hz: 50 for a servo, 25000 for a fan"`
	Safe      float64  `toml:"safe" doc:"its duty on start, on stop and when nobody commands it, in %"`
	Inverted  bool     `toml:"inverted" doc:"whether it is low while it is on"`
	Root      string   `toml:"root" doc:"the folder in which sys is found"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Output < 0 {
		fault("output", fmt.Sprintf("no output has the number %d", c.Output), "use 0 or more")
	}
	if !(c.Frequency >= 0.1 && c.Frequency <= 1e8) {
		fault("frequency", fmt.Sprintf("no chip switches with %v Hz", c.Frequency), "use 0.1 to 100000000")
	}
	if !(c.Safe >= 0 && c.Safe <= 100) {
		fault("safe", fmt.Sprintf("no duty is %v %%", c.Safe), "use 0 to 100")
	}
	sysfs.CheckRoot(c.Root, fault)
}

// Dev is one output of a PWM chip.
type Dev struct {
	c      Config
	chip   sysfs.Node
	dir    string // of the output
	period int64  // ns
	closed bool
}

// exportTries bounds the wait for the files of an output: udev gives a group the right to write them a
// moment after the kernel has made them.
const exportTries = 20

// Open has the kernel show the output. It does not set it yet: the manager writes the first state.
func Open(ctx context.Context, c Config) (*Dev, error) {
	chip, err := class.Find(c.Root, c.Chip)
	if err != nil {
		return nil, err
	}
	n, err := sysfs.Int(chip.File("npwm"))
	if err != nil {
		return nil, err
	}
	if int64(c.Output) >= n {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the PWM chip %s has no output %d", chip.Name, c.Output),
			Remedy: fmt.Sprintf("use 0 to %d", n-1),
		}
	}
	d := &Dev{c: c, chip: chip, dir: chip.File(fmt.Sprintf("pwm%d", c.Output)), period: int64(math.Round(1e9 / c.Frequency))}
	if err := d.export(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Dev) export(ctx context.Context) error {
	var err error
	if !sysfs.Exists(d.dir) {
		if err = sysfs.Write(d.chip.File("export"), strconv.Itoa(d.c.Output)); err != nil {
			return err
		}
	}
	for range exportTries {
		if _, err = sysfs.Int(filepath.Join(d.dir, "period")); err == nil {
			return ctx.Err()
		}
		if err := device.Wait(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return err
}

// Info tells chip and number.
func (d *Dev) Info() device.Info {
	wire := d.chip.Parent
	if wire == "" {
		wire = d.chip.Name
	}
	return device.Info{
		Driver: "pwm", Wire: wire, Address: strconv.Itoa(d.c.Output),
		Model: fmt.Sprintf("output by pulse width, %v Hz", d.c.Frequency),
	}
}

// Takes is a duty from 0 to 100 %.
func (d *Dev) Takes() device.Channel { return device.Channel{Unit: "%", Max: 100, Resolution: 0.01} }

// Out sets the duty. The period, which the kernel keeps above the duty at every moment, and the polarity,
// which it changes only while the output is off, are written when they are others.
func (d *Dev) Out(ctx context.Context, v device.Value) error {
	if d.closed {
		return errors.New("the output is closed")
	}
	if err := errors.Join(ctx.Err(), d.chip.Same()); err != nil {
		return err
	}
	if err := d.setPolarity(); err != nil {
		return err
	}
	now, err := sysfs.Int(d.file("period"))
	if err != nil {
		return err
	}
	if now != d.period {
		if now != 0 { // of a new output both are 0, and a duty cannot be written
			if err := sysfs.Write(d.file("duty_cycle"), "0"); err != nil {
				return err
			}
		}
		if err := sysfs.Write(d.file("period"), strconv.FormatInt(d.period, 10)); err != nil {
			return err
		}
	}
	duty := int64(math.Round(v.Number / 100 * float64(d.period)))
	if err := sysfs.Write(d.file("duty_cycle"), strconv.FormatInt(min(max(duty, 0), d.period), 10)); err != nil {
		return err
	}
	return d.want("enable", "1")
}

func (d *Dev) setPolarity() error {
	want := "normal"
	if d.c.Inverted {
		want = "inversed"
	}
	if !sysfs.Exists(d.file("polarity")) {
		if d.c.Inverted {
			return &device.Fault{
				Text:   fmt.Sprintf("the PWM chip %s cannot be inverted", d.chip.Name),
				Remedy: "leave out inverted, and turn the duties and the safe one round",
			}
		}
		return nil
	}
	now, err := sysfs.Text(d.file("polarity"))
	if err != nil || now == want {
		return err
	}
	if err := d.want("enable", "0"); err != nil {
		return err
	}
	return sysfs.Write(d.file("polarity"), want)
}

// want writes a file that has something else.
func (d *Dev) want(name, value string) error {
	now, err := sysfs.Text(d.file(name))
	if err != nil || now == value {
		return err
	}
	return sysfs.Write(d.file(name), value)
}

func (d *Dev) file(name string) string { return filepath.Join(d.dir, name) }

// Safe is the configured safe duty.
func (d *Dev) Safe() device.Value { return device.Of(d.c.Safe) }

// Close leaves the output as it is: the kernel goes on with it, also when the program has ended.
func (d *Dev) Close() error {
	d.closed = true
	return nil
}

var _ device.Output = (*Dev)(nil)
