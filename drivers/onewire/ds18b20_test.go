package onewire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

const (
	id  = "28-0316a2794eff"
	dir = "sys/bus/w1/devices/" + id + "/"

	// What people published of their thermometers: raspberrypi.stackexchange.com, question 48106.
	published = "5e 01 ff ff 7f ff ff ff 52 : crc=52 YES\n5e 01 ff ff 7f ff ff ff 52 t=21875\n"
)

func TestDriver(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"w1_slave":    {dir + "w1_slave": published},
		"temperature": {dir + "temperature": "21875\n"},
	} {
		t.Run(name, func(t *testing.T) {
			root := sysfstest.Tree(t, files)
			drivertest.Run(t, drivertest.Case{Driver: "ds18b20", Config: Config{ID: id, Root: root}, Files: root})
		})
	}
}

func TestChecksum(t *testing.T) {
	// Maxim, Application Note 27: the number 02 1C B8 01 00 00 00 has the checksum A2.
	if got := crc([]byte{0x02, 0x1C, 0xB8, 0x01, 0, 0, 0}); got != 0xA2 {
		t.Errorf("crc = 0x%02X, want 0xA2", got)
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, text string
		value      float64
		doubt      string
		is         error
	}{
		{"published", published, 21.875, "", nil},
		{"below zero", slave(0xFF5E, 0x10), -10.125, "", nil}, // the datasheet's table: FF5E is −10.125 °C
		{"power-on", slave(0x0550, 0x0C), 85, "after power-on", nil},
		{"as hot as that", slave(0x0550, 0x10), 85, "", nil},
		{"power fails", slave(0x07FF, 0x0C), 127.937, "power fails", nil},
		{"wrong checksum", strings.ReplaceAll(published, "YES", "NO"), 0, "", device.ErrGarbled},
		{"the kernel did not look", strings.Replace(published, "5e", "5f", 1), 0, "", device.ErrGarbled},
		{"at ground", strings.Repeat("00 ", 8) + "00 : crc=00 YES\n" + strings.Repeat("00 ", 9) + "t=0\n", 0, "", device.ErrNoAnswer},
		{"unplugged", strings.Repeat("ff ", 8) + "ff : crc=c9 NO\n5e 01 ff ff 7f ff ff ff 52 t=21875\n", 0, "", device.ErrNoAnswer},
		{"empty", "", 0, "", device.ErrGarbled},
		{"cut off", "5e 01 ff ff 7f ff ff ff 52 : crc=52 YES\n", 0, "", device.ErrGarbled},
		{"few bytes", "5e 01 : crc=52 YES\n5e 01 t=21875\n", 0, "", device.ErrGarbled},
		{"no number", strings.Replace(published, "21875", "warm", 1), 0, "", device.ErrGarbled},
		{"no verdict", strings.Replace(published, "YES", "", 1), 0, "", device.ErrGarbled},
	} {
		m, err := decode(id, strings.TrimSpace(c.text))
		if !errors.Is(err, c.is) || m.Value != c.value || (m.Doubt == "") != (c.doubt == "") || !strings.Contains(m.Doubt, c.doubt) {
			t.Errorf("%s: %v °C, doubt %q, error %v; want %v, %q, %v", c.name, m.Value, m.Doubt, err, c.value, c.doubt, c.is)
		}
		var f *device.Fault
		if err != nil && (!errors.As(err, &f) || f.Remedy == "") {
			t.Errorf("%s: %v has no remedy", c.name, err)
		}
	}
}

// slave writes what w1_slave has of a register and byte 6; the kernel cuts off below thousandths.
func slave(register uint16, reserved byte) string {
	b := []byte{byte(register), byte(register >> 8), 0x4B, 0x46, 0x7F, 0xFF, reserved, 0x10}
	hex := fmt.Sprintf("% x %02x", b, crc(b))
	return fmt.Sprintf("%s : crc=%02x YES\n%s t=%d\n", hex, crc(b), hex, int(int16(register))*1000/16)
}

// The newer file has no bytes to tell a true 85 °C by.
func TestTemperatureFile(t *testing.T) {
	root := sysfstest.Tree(t, map[string]string{dir + "temperature": "85000\n"})
	d, err := Open(t.Context(), Config{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := d.Read(t.Context()); err != nil || s[0].Value != 85 || s[0].Doubt == "" {
		t.Errorf("85 °C: %+v, %v", s, err)
	}
	sysfstest.Put(t, root, dir+"temperature", "\n") // as w1_therm.c does when it could not read
	if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrGarbled) {
		t.Errorf("an empty file: %v", err)
	}
	sysfstest.Broken(t, root, dir+"temperature")
	if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrNoAnswer) {
		t.Errorf("a file that fails: %v", err)
	}
	sysfstest.Link(t, root, dir+"temperature", "gone")
	if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("a file that has gone: %v", err)
	}
}

func TestOpen(t *testing.T) {
	root := sysfstest.Tree(t, map[string]string{
		dir + "w1_slave": published, "sys/bus/w1/devices/10-000802824e58/w1_slave": published,
		"sys/bus/w1/devices/w1_bus_master1/w1_master_slaves": "", "sys/bus/w1/devices/00-400000000000/id": "", "sys/bus/w1/devices/29-0000001a84f2/state": "",
	})
	for id, want := range map[string]string{
		"":                "there are 2 thermometers; say which by id: 10-000802824e58, 28-0316a2794eff",
		"28-000000000000": "the kernel has not found the thermometer 28-000000000000; check its wires; there is 10-000802824e58, 28-0316a2794eff",
	} {
		_, err := Open(t.Context(), Config{ID: id, Root: root})
		var f *device.Fault
		if !errors.As(err, &f) || f.Text+"; "+f.Remedy != want {
			t.Errorf("%q: %v, want %q", id, err, want)
		}
	}
	if _, err := Open(t.Context(), Config{Root: t.TempDir()}); !errors.Is(err, device.ErrNoAnswer) {
		t.Errorf("an empty bus: %v", err)
	}
	if d, err := Open(t.Context(), Config{ID: "10-000802824e58", Root: root}); err != nil || d.Info().Model != "Maxim DS18S20" {
		t.Errorf("%+v, %v", d.Info(), err)
	}
}

// A thermometer whose bus others use waits no longer than it may.
func TestTurns(t *testing.T) {
	d, err := Open(t.Context(), Config{ID: id, Root: sysfstest.Tree(t, map[string]string{dir + "w1_slave": published})})
	if err != nil {
		t.Fatal(err)
	}
	done, err := takeTurn(t.Context(), d.master) // another measures
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if _, err := d.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another measures: %v", err)
	}
	done()
	for range 2 {
		if _, err := d.Read(t.Context()); err != nil {
			t.Errorf("after it: %v", err)
		}
	}
	if len(turns.of) != 0 {
		t.Errorf("%d buses are held for nobody", len(turns.of))
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{ID: "w1_bus_master1", Root: "sys"}), "id root"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(published)
	f.Add(slave(0x0550, 0x0C))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := decode(id, text)
		if err == nil && (m.Value < -3e6 || m.Value > 3e6) {
			t.Errorf("decode(%q) = %v", text, m.Value)
		}
	})
}
