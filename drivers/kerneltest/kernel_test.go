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

// The Raspberry Pi's own I²C driver, i2c-bcm2835. Its pins are taken from it to free the bus, and given back: in QEMU no
// input of a Pi can be made high, so that SCL looks held, but which function a pin has is in its registers.
func TestRaspberryPi(t *testing.T) {
	m := raspi3b.with(thermometer("i2c-bus.1")...)
	m.modules = []string{"i2c-bcm2835", "i2c-dev"}
	m.devices = "cabinet lm75@0x48 /dev/i2c-1 200ms\nempty lm75@0x4a /dev/i2c-1 200ms\n" +
		"own clear@GPIO3,GPIO2 /dev/i2c-1 1s\nforeign clear@GPIO3,GPIO14 /dev/i2c-1 1s\n"
	b := boot(t, m)
	b.awaitAll(
		"empty error: no answer at 0x4a on /dev/i2c-1",
		"own freed = SCL is held low",
		"foreign freed = pin 14 (gpio14) is a pin of 3f2",
		"cabinet temperature",
	)
	for range 2 {
		for _, pin := range []string{"pin 2 (gpio2)", "pin 3 (gpio3)"} {
			if l := b.await("GUEST pins " + pin); !strings.Contains(l, "function alt0") {
				t.Errorf("after the bus was freed: %s, want that it is I²C's again", l)
			}
		}
	}
	for _, c := range []struct {
		milli int
		want  string
	}{{21500, "21.5"}, {-10250, "-10.5"}, {0, "0"}, {125000, "125"}} {
		warms(b, c.milli, c.want)
	}
}

// The AST2600's I²C, which tells that nobody acknowledges, and its GPIO. Edges of a pin wake the driver of an input: it is
// told to look by itself every ten minutes only, so what is read was told by the kernel.
func TestAST2600(t *testing.T) {
	m := ast2600.with(thermometer("aspeed.i2c.bus.3")...)
	m.modules = []string{"i2c-aspeed", "i2c-dev", "gpio-aspeed"}
	m.scan = "/dev/i2c-3\n"
	m.taken = "/dev/gpiochip0 41 kettle\n"
	m.devices = "cabinet lm75@0x48 /dev/i2c-3 200ms\nempty lm75@0x4a /dev/i2c-3 200ms\nnowhere lm75@0x48 /dev/i2c-77 200ms\n" +
		"door gpio-in 1e780000.gpio:40 10m\nfunction gpio-in 1e780000.gpio:4 1s\ntaken gpio-in 1e780000.gpio:41 1s\n" +
		"spare clear@1e780000.gpio:42,1e780000.gpio:43 /dev/i2c-3 200ms\nown clear@1e780000.gpio:4,1e780000.gpio:5 /dev/i2c-3 1s\n"
	b := boot(t, m)
	if all := b.until("scan /dev/i2c-3 over, deaf false, by reading false"); len(all) != 1 || !strings.Contains(all[0], "found 0x48: lm75 or tmp102") {
		t.Errorf("the scan found %q, want the TMP105 alone, which has no identity, by those it may be", all)
	}
	said := b.awaitAll(
		"nowhere error: there is no bus /dev/i2c-77",
		"empty error: no answer at 0x4a on /dev/i2c-3",
		"door opened gpio-in",
		"taken error: ",
		"function error: ",
		"own freed = ",
		"spare freed = SCL is held low",
	)
	for i, want := range map[int]string{
		1: "no such device or address", // the kernel's ENXIO
		3: `1e780000.gpio:41 is taken by "kettle"`,
		4: "1e780000.gpio:4 is taken by another function of the pin",
		5: "is taken by another function of the pin",
	} {
		if !strings.Contains(said[i], want) {
			t.Errorf("%s, want %q in it", said[i], want)
		}
	}
	warms(b, 31000, "31")
	warms(b, -500, "-0.5")
	for range 3 {
		b.set("/machine/soc/gpio", "gpioF0", true)
		b.await("door active = off (good)")
		b.set("/machine/soc/gpio", "gpioF0", false)
		b.await("door active = on (good)")
	}
	const scl, sda = "gpioF2", "gpioF3"
	b.set("/machine/soc/gpio", sda, true)
	b.set("/machine/soc/gpio", scl, true)
	b.await("spare freed = SDA and SCL are high: nobody holds them")
	b.set("/machine/soc/gpio", sda, false)
	b.await("spare freed = SCL is held low") // a pin in QEMU that was pulled low and let go stays low
}

// A bus of the kernel's with a board of ours behind it: the kernel's USB, its driver of an adapter and its
// i2c-dev are the real ones, and what the wires do is up to us.
func TestAdapter(t *testing.T) {
	m := ast2600
	m.modules = []string{"vhci-hcd", "i2c-tiny-usb", "i2c-dev"}
	m.scan = "/dev/i2c-16\n"
	m.devices = "air bme280 /dev/i2c-16 200ms\nempty lm75@0x4a /dev/i2c-16 200ms\nplain lm75@0x48 /dev/i2c-17 1s\n"
	m.adapter = true
	b := boot(t, m)
	asked := map[string]bool{}
	for _, l := range b.until("scan /dev/i2c-16 over, deaf false, by reading false") {
		if found, ok := strings.CutPrefix(l, "GUEST scan /dev/i2c-16 found "); ok {
			if found != "0x76: Bosch BME280" {
				t.Errorf("the scan found %s", found)
			}
			asked["found"] = true
			continue
		}
		_, transfer, _ := strings.Cut(l, " wire ")
		addr, what, _ := strings.Cut(transfer, ":")
		asked[addr] = true
		// Who is not there, or is unknown, gets no byte: an EEPROM would take one for a part of an address.
		eeprom := addr[2] == '5' || addr[2] == '3' && addr[3] < '8'
		if addr != "0x76" && what != "w:r0" && (!eeprom || what != "w:r1") {
			t.Errorf("the scan does %s", transfer)
		}
		if addr == "0x76" && what != "w:r0" && !strings.HasPrefix(what, "wd0:") && !strings.HasPrefix(what, "w:r") {
			t.Errorf("the BME280 is asked %s, want the register of its identity alone", transfer)
		}
	}
	if want := 0x77 - 0x08 + 2; len(asked) != want {
		t.Errorf("the scan asked %d addresses and found something or not, want %d", len(asked), want)
	}
	const good = "air temperature = 21.5 °C (good)"
	said := b.awaitAll(good, "plain error: ")
	if !strings.Contains(said[1], "/dev/i2c-17 only speaks SMBus commands, which is not enough for sensors") {
		t.Errorf("an adapter for SMBus alone: %s", said[1])
	}
	b.await("GUEST phase unplugged")
	b.await("air error: no answer at 0x76 on /dev/i2c-16")
	b.await("GUEST phase well")
	b.await(good)
	b.await("GUEST phase ones")
	b.await("air error: no answer at 0x76 on /dev/i2c-16")
	b.await("GUEST phase well")
	b.await(good)
}
