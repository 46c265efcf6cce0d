//go:build kernels

// Package kerneltest runs drivers on real Linux kernels in boards that QEMU emulates. It has tests only;
// scripts/kernel-test runs them.
package kerneltest

import (
	"strings"
	"testing"
)

// thermometer is QEMU's TMP105, an LM75 in its first bits, on a bus of the board.
func thermometer(bus string) []string {
	return []string{"-device", "tmp105,id=thermometer,bus=" + bus + ",address=0x48"}
}

func (m machine) with(args ...string) machine {
	m.qemu = append(m.qemu[:len(m.qemu):len(m.qemu)], args...)
	return m
}

// warms sets the thermometer and waits until the driver has read that.
func warms(b *board, milli int, want string) {
	b.t.Helper()
	b.set("/machine/peripheral/thermometer", "temperature", milli)
	b.await("cabinet temperature = " + want + " °C (good)")
}

// The Raspberry Pi's own I²C driver, i2c-bcm2835. In QEMU it does not tell that nobody acknowledges:
// where no chip is, ones come.
func TestRaspberryPiI2C(t *testing.T) {
	m := raspi3b.with(thermometer("i2c-bus.1")...)
	m.modules = []string{"i2c-bcm2835", "i2c-dev"}
	m.devices = "cabinet lm75@0x48 /dev/i2c-1 200ms\nempty lm75@0x4a /dev/i2c-1 200ms\nheat thermal - 1s\n"
	b := boot(t, m)
	b.await("empty error: no answer at 0x4a on /dev/i2c-1")
	for _, c := range []struct {
		milli int
		want  string
	}{{21500, "21.5"}, {-10250, "-10.5"}, {0, "0"}, {125000, "125"}} {
		warms(b, c.milli, c.want)
	}
}

// The AST2600's I²C and GPIO. Its I²C tells that nobody acknowledges.
func TestAST2600I2C(t *testing.T) {
	m := ast2600.with(thermometer("aspeed.i2c.bus.3")...)
	m.modules = []string{"i2c-aspeed", "i2c-dev"}
	m.devices = "cabinet lm75@0x48 /dev/i2c-3 200ms\nempty lm75@0x4a /dev/i2c-3 200ms\nnowhere lm75@0x48 /dev/i2c-77 200ms\n"
	b := boot(t, m)
	b.await("nowhere error: there is no bus /dev/i2c-77")
	if l := b.await("empty error: no answer at 0x4a on /dev/i2c-3"); !strings.Contains(l, "no such device or address") {
		t.Errorf("an empty address: %s, want the kernel's ENXIO", l)
	}
	warms(b, 31000, "31")
	warms(b, -500, "-0.5")
}

// Edges of a pin wake the driver of an input. It is told to look by itself every ten minutes only, so what is
// read was told by the kernel.
func TestAST2600Edges(t *testing.T) {
	m := ast2600
	m.modules = []string{"gpio-aspeed"}
	m.devices = "door gpio-in 1e780000.gpio:40 10m\ntaken gpio-in 1e780000.gpio:4 10m\n"
	b := boot(t, m)
	b.await("door opened gpio-in")
	for range 3 {
		b.set("/machine/soc/gpio", "gpioF0", true)
		b.await("door active = off (good)")
		b.set("/machine/soc/gpio", "gpioF0", false)
		b.await("door active = on (good)")
	}
}

// A bus of the kernel's with a board of ours behind it: the kernel's USB, its driver of an adapter and its
// i2c-dev are the real ones, and what the wires do is up to us.
func TestAdapter(t *testing.T) {
	m := ast2600
	m.modules = []string{"vhci-hcd", "i2c-tiny-usb", "i2c-dev"}
	m.devices = "air bme280 /dev/i2c-16 200ms\nempty lm75@0x4a /dev/i2c-16 200ms\n"
	m.adapter = true
	b := boot(t, m)
	const good = "air temperature = 21.5 °C (good)"
	b.await(good)
	b.await("GUEST phase unplugged")
	b.await("air error: no answer at 0x76 on /dev/i2c-16")
	b.await("GUEST phase well")
	b.await(good)
	b.await("GUEST phase ones")
	b.await("air error: no answer at 0x76 on /dev/i2c-16")
	b.await("GUEST phase well")
	b.await(good)
}
