package sim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"

	_ "selvage/drivers/sht4x"
	"selvage/drivers/sim"
	"selvage/edge/device"
)

// bystander notes every byte that is written to it.
type bystander struct{ got []byte }

func (b *bystander) Write(_ time.Time, w []byte) bool {
	b.got = append(b.got, w...)
	return true
}

func (b *bystander) Read(_ time.Time, r []byte) bool {
	clear(r)
	return true
}

func (b *bystander) PowerOff() {}

// prober is a driver that a scan has to hold back: it asks by a command of two bytes, at an address where a port
// expander may be.
type prober struct{}

func (prober) Addresses() []uint16 { return []uint16{0x24, 0x62} }
func (prober) Probe(_ context.Context, bus i2c.Bus, addr uint16) (string, error) {
	return "Bold", bus.Tx(addr, []byte{0x36, 0x82}, make([]byte, 3))
}

type never struct{ device.Sensor }

func init() {
	device.RegisterI2C("test-bold", prober{}, func(context.Context, i2c.Bus, prober) (never, error) {
		return never{}, errors.New("not to be opened")
	})
}

func scan(t *testing.T, name string, a device.Asking) device.BusScan {
	t.Helper()
	s, err := device.ScanI2C(t.Context(), name, a)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := sim.FindBoard("sim:scan")
		expander, bold, unknown := new(bystander), new(bystander), new(bystander)
		board.Plug(0x24, expander)
		board.Plug(0x45, unknown)
		board.Plug(0x62, bold)
		board.Plug(0x10, unknown)

		s := scan(t, "sim:scan", device.Asking{})
		want := []device.Found{
			{Address: 0x10},
			{Address: 0x24, Candidates: []string{"test-bold"}},
			{Address: 0x44, Driver: "sht4x", Model: "Sensirion SHT4x"},
			{Address: 0x45, Candidates: []string{"sht3x", "sht4x"}},
			{Address: 0x62, Candidates: []string{"test-bold"}},
		}
		same := func(a, b device.Found) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
		if !slices.EqualFunc(s.Found, want, same) || s.Deaf || s.ByReading {
			t.Errorf("found %+v, want %+v", s, want)
		}
		if len(expander.got)+len(bold.got) > 0 {
			t.Errorf("the expander got % x, the chip that wants two bytes % x", expander.got, bold.got)
		}
		if string(unknown.got) != "\x89" {
			t.Errorf("a chip that nobody knows got % x, want the command of the one that it may be", unknown.got)
		}

		s = scan(t, "sim:scan", device.Asking{All: true})
		if s.Found[1].Driver != "test-bold" || s.Found[4].Driver != "test-bold" {
			t.Errorf("with all asked: %+v", s.Found)
		}
		if s := scan(t, "sim:scan", device.Asking{Skip: []uint16{0x44}}); s.Found[2].Driver != "" {
			t.Errorf("one that was not to be asked was: %+v", s.Found[2])
		}
	})
}

// What is wrong with a bus is said, or what it does to a scan.
func TestScanInTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := sim.FindBoard("sim:scan-trouble")
		board.Trouble(sim.Ones)
		if s := scan(t, "sim:scan-trouble", device.Asking{}); !s.Deaf || len(s.Found) != 0 {
			t.Errorf("on a bus where nobody reports a NAK: %+v", s)
		}
		board.Trouble(sim.Unplugged)
		if s := scan(t, "sim:scan-trouble", device.Asking{}); s.Deaf || len(s.Found) != 0 {
			t.Errorf("on an empty bus: %+v", s)
		}
		board.Trouble(sim.Stuck)
		began := time.Now()
		_, err := device.ScanI2C(t.Context(), "sim:scan-trouble", device.Asking{})
		var f *device.Fault
		if !errors.Is(err, device.ErrBusStuck) || !errors.As(err, &f) || f.Remedy == "" {
			t.Errorf("on a stuck bus: %v", err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v to find that the bus is stuck", took)
		}
	})
}
