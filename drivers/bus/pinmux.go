package bus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"selvage/edge/device"
)

// debugfs is where the kernel tells which of its functions each pin of the machine has, and lets root set it
// (Documentation/driver-api/pin-control.rst, "Debugfs files"). There is no other way to give a pin back to a controller
// while its driver runs: taken as a GPIO, it stays one (pinctrl-bcm2835.c, bcm2835_pmx_gpio_disable_free).
const debugfs = "/sys/kernel/debug"

// mux is a pin and what is connected to it, as a line of the file pinmux-pins has it.
type mux struct {
	controller      string // its folder
	pin             string // "pin 2 (gpio2)"
	owner           string // whose function it has, "fe804000.i2c"; "" for nobody's
	gpio            string // who has it as a GPIO, "pinctrl-bcm2711:514"; "" for nobody
	function, group string // "alt0", "gpio2"
}

// readMuxes reads all pins. They are none, without an error, on a machine that has no such choice.
func readMuxes(root string) (map[string]mux, error) {
	entries, err := os.ReadDir(root)
	if err == nil && len(entries) == 0 {
		err = fs.ErrNotExist // not mounted
	}
	if err != nil {
		return nil, noMuxes(root, err)
	}
	files, _ := filepath.Glob(filepath.Join(root, "pinctrl", "*", "pinmux-pins"))
	pins := map[string]mux{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, noMuxes(file, err)
		}
		for s := bufio.NewScanner(bytes.NewReader(content)); s.Scan(); {
			if m, ok := parseMux(s.Text()); ok {
				m.controller = filepath.Dir(file)
				pins[m.controller+" "+m.pin] = m
			}
		}
		// Looked for before anything is taken that could not be put back.
		f, err := os.OpenFile(filepath.Join(filepath.Dir(file), "pinmux-select"), os.O_WRONLY, 0)
		if err != nil {
			return nil, noMuxes(file, err)
		}
		_ = f.Close() // nothing was written
	}
	return pins, nil
}

func noMuxes(path string, err error) error {
	f := &device.Fault{Text: "the bus's pins could not be given back to it", Err: err}
	switch {
	case errors.Is(err, fs.ErrPermission):
		f.Remedy = "only root may use " + debugfs + "; without it, free the bus by switching the sensors' power off and on"
	case errors.Is(err, fs.ErrNotExist) && filepath.Base(path) == "pinmux-pins":
		f.Remedy = "this takes Linux 5.13 or newer"
	case errors.Is(err, fs.ErrNotExist):
		f.Remedy = "mount -t debugfs none " + debugfs
	default:
		f.Remedy = "look at it with: ls -l " + path
	}
	return f
}

// parseMux reads a line as pinmux_pins_show in drivers/pinctrl/pinmux.c writes it, where a pin may be a GPIO and have a
// function at the same time:
//
//	pin 2 (gpio2): fe804000.i2c (GPIO UNCLAIMED) function alt0 group gpio2
//	pin 17 (gpio17): (MUX UNCLAIMED) pinctrl-bcm2711:529
//
// and where it may not:
//
//	pin 4 (A4): device 1e78a080.i2c function I2C3 group I2C3
//	pin 40 (F0): GPIO 1e780000.gpio:552
//	pin 41 (F1): UNCLAIMED
func parseMux(line string) (m mux, ok bool) {
	m.pin, line, ok = strings.Cut(line, "): ")
	if !ok || !strings.HasPrefix(m.pin, "pin ") {
		return mux{}, false
	}
	m.pin += ")"
	line, set, _ := strings.Cut(line, " function ")
	line = strings.TrimSuffix(line, " (HOG)") // held by the pin controller itself
	m.function, m.group, _ = strings.Cut(strings.TrimSpace(set), " group ")
	if owner, isDevice := strings.CutPrefix(line, "device "); isDevice {
		m.owner = strings.TrimSpace(owner)
		return m, true
	}
	if gpio, isGPIO := strings.CutPrefix(line, "GPIO "); isGPIO {
		m.gpio = strings.TrimSpace(gpio)
		return m, true
	}
	if owner, _, free := strings.Cut(line, "(GPIO UNCLAIMED)"); free {
		m.owner = strings.TrimSpace(owner)
	} else if gpio, free := strings.CutPrefix(line, "(MUX UNCLAIMED) "); free {
		m.gpio = strings.TrimSpace(gpio)
	} else if owner, gpio, both := strings.Cut(strings.TrimSpace(line), " "); both {
		m.owner, m.gpio = owner, gpio
	}
	if m.owner == "(MUX UNCLAIMED)" {
		m.owner = ""
	}
	return m, true
}

// takenAsGPIO returns the pins that were taken as a GPIO between two readings, as they were before.
func takenAsGPIO(before, after map[string]mux) (pins []mux) {
	for key, was := range before {
		if now := after[key]; was.gpio == "" && now.gpio != "" {
			pins = append(pins, was)
		}
	}
	return pins
}

// giveBack lets a pin have the function again that it had.
func (m mux) giveBack() error {
	if m.function == "" {
		return nil
	}
	err := os.WriteFile(filepath.Join(m.controller, "pinmux-select"), []byte(m.group+" "+m.function+"\n"), 0)
	if err != nil {
		return &device.Fault{
			Text:   fmt.Sprintf("%s could not be given back to %s, which cannot use its bus", m.pin, m.owner),
			Remedy: "restart the machine",
			Err:    err,
		}
	}
	return nil
}
