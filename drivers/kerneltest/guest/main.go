// The guest is the first and only program of a Linux kernel in an emulated board. It loads the modules
// beside it, runs devices by the real drivers and their manager, writes what they report on the console,
// and does so until its time is over or it is switched off. It expects two files beside it: modules.txt,
// names of modules in order, and devices.txt, one device a line:
//
//	NAME DRIVER WIRE EVERY
//
// With a file called adapter there is a simulated board, too, on a USB adapter of the kernel's, and another adapter that
// knows SMBus commands only. A file taken.txt has pins that somebody else has, PATH LINE WHO, and scan.txt has buses
// that are scanned before anything else is done with them.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	_ "selvage/drivers/bmx280"
	_ "selvage/drivers/bus"
	_ "selvage/drivers/gpio"
	"selvage/drivers/sim"
	_ "selvage/drivers/thermal"
	"selvage/drivers/tmp102"
	"selvage/edge/device"
)

func say(format string, args ...any) { fmt.Printf("GUEST "+format+"\n", args...) }

func main() {
	if err := run(); err != nil {
		say("failed: %v", err)
	}
	say("done")
	time.Sleep(100 * time.Millisecond) // the console empties
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // a board that cannot switch itself off; the first program must not end
}

func run() error {
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"debugfs", "/sys/kernel/debug"}} {
		_ = os.MkdirAll(m.at, 0o755)
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if err := loadModules(); err != nil {
		return err
	}
	var misbehaves *sim.Board
	if _, err := os.Stat("/adapter"); err == nil {
		board := sim.NewBoard("usb")
		board.Plug(0x76, sim.NewBME280(sim.Steady(21.5), sim.Steady(45), sim.Steady(1013)))
		if err := plugAdapters(board.Bus()); err != nil {
			return err
		}
		misbehaves = board
	}
	var u unix.Utsname
	_ = unix.Uname(&u)
	say("runs on %s", unix.ByteSliceToString(u.Release[:]))
	if err := eachLine("/taken.txt", take); err != nil {
		return err
	}
	if err := eachLine("/scan.txt", scan); err != nil {
		return err
	}
	if misbehaves != nil {
		go misbehave(misbehaves)
	}
	m := device.NewManager(device.Options{Report: report, Log: slog.New(slog.DiscardHandler)})
	err := eachLine("/devices.txt", func(f []string) error {
		if len(f) != 4 {
			return fmt.Errorf("devices.txt: %q", f)
		}
		every, err := time.ParseDuration(f[3])
		if err != nil {
			return err
		}
		driver, config, err := configOf(f[1])
		if err != nil {
			return err
		}
		return m.Add(device.Spec{Name: f[0], Driver: driver, Wire: f[2], Every: every, Config: config})
	})
	if err != nil {
		return err
	}
	m.Start()
	time.Sleep(10 * time.Minute) // the test switches the board off long before
	return m.Stop(context.Background())
}

// report writes what a device's owner found out, and when by the kernel's clock, in milliseconds.
func report(r device.Report) {
	at := strconv.FormatInt(time.Since(began).Milliseconds(), 10)
	if o := r.Opened; o != nil {
		say("%s %s opened %s %s", at, r.Device, o.Info.Driver, o.Info.Model)
	}
	for _, n := range r.Readings {
		say("%s %s %s = %v (%v)", at, r.Device, n.Channel, n.Reading, n.Reading.Quality)
	}
	if r.State != nil {
		say("%s %s state %v", at, r.Device, r.State)
	}
	if r.Err != nil {
		say("%s %s error: %v", at, r.Device, r.Err)
	}
}

var began = time.Now()

// loadModules loads them in the order of the list, in which every module stands behind those it needs.
func loadModules() error {
	return eachLine("/modules.txt", func(f []string) error {
		file, err := os.Open("/modules/" + f[0])
		if err != nil {
			return err
		}
		defer file.Close()
		if err := unix.FinitModule(int(file.Fd()), strings.Join(f[1:], " "), 0); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("module %s: %w", f[0], err)
		}
		return nil
	})
}

func eachLine(name string, do func(fields []string) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) > 0 {
			if err := do(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// configOf returns the config of a device that needs other than its driver's defaults: the name of the
// driver is DRIVER, DRIVER@ADDRESS or clear@SCL,SDA.
func configOf(driver string) (name string, config any, err error) {
	name, address, ok := strings.Cut(driver, "@")
	if !ok {
		return name, nil, nil
	}
	if name == "clear" {
		scl, sda, _ := strings.Cut(address, ",")
		return name, clearConfig{device.Lines{SCL: scl, SDA: sda}}, nil
	}
	a, err := strconv.ParseUint(address, 0, 8)
	if name != "lm75" || err != nil {
		return name, nil, fmt.Errorf("devices.txt: no such device: %s", driver)
	}
	return name, tmp102.LM75{Address: uint16(a), Bits: 9}, nil
}
