package max31865

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/conntest"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spitest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

var pt100 = Config{Wires: 3, Resistor: 100, Reference: 400, Mains: 50}

func still(ohms float64, broken byte) *sim.Select {
	return sim.NewSelect("sim:boiler", &sim.MAX31865{
		Reference: 400, Ohms: func(time.Time) float64 { return ohms }, Broken: broken,
	})
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "max31865", Config: pt100, SPI: func() spi.Port { return still(138.51, 0).Port() },
		OtherSPI: func() spi.Port {
			return sim.NewSelect("sim:boiler", &sim.MAX31855{Tip: sim.Steady(100), Chip: sim.Steady(25)}).Port()
		},
	})
}

// Table 9 of the datasheet: a Pt100 with a reference of 400 Ω. The resistances are those of IEC 60751.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		celsius, ohm float64
		code         uint16 // ADC code, decimal
	}{
		{-200, 18.52, 1517}, {-175, 29.22, 2394}, {-150, 39.72, 3254}, {-125, 50.06, 4101}, {-100, 60.26, 4936},
		{-50, 80.31, 6579}, {-25, 90.19, 7388}, {0, 100, 8192}, {25, 109.73, 8989}, {100, 138.51, 11347}, {850, 390.48, 31988},
	} {
		s := decode(c.code<<1, 0, pt100)
		if math.Abs(s[0].Value-c.celsius) > 0.03 || math.Abs(s[1].Value-c.ohm) > 0.01 || s[0].Err != nil {
			t.Errorf("code %d: %.3f °C, %.3f Ω, want %v and %v", c.code, s[0].Value, s[1].Value, c.celsius, c.ohm)
		}
	}
}

// Resistances of a Pt100 by IEC 60751, in Ω to two decimals.
func TestCallendarVanDusen(t *testing.T) {
	for celsiusWant, ohm := range map[float64]float64{
		-200: 18.52, -100: 60.26, -40: 84.27, -10: 96.09, 0: 100, 10: 103.90, 50: 119.40, 100: 138.51, 200: 175.86, 400: 247.09, 600: 313.71, 850: 390.48,
	} {
		if got := 100 * resistance(celsiusWant); math.Abs(got-ohm) > 0.0051 {
			t.Errorf("%v °C: %.3f Ω, want %v", celsiusWant, got, ohm)
		}
		if got, _ := celsius(ohm / 100); math.Abs(got-celsiusWant) > 0.02 {
			t.Errorf("%v Ω: %.3f °C, want %v", ohm, got, celsiusWant)
		}
	}
	for _, c := range []float64{-200, -150.5, -0.01, 0, 0.01, 33, 849} {
		if got, ok := celsius(resistance(c)); math.Abs(got-c) > 1e-6 || !ok {
			t.Errorf("there and back from %v °C: %v, %v", c, got, ok)
		}
	}
	for _, r := range []float64{0, 0.1, 3.95, 5, 50} {
		if got, ok := celsius(r); ok || math.IsNaN(got) {
			t.Errorf("a ratio of %v is %v °C without doubt", r, got)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		ohm    float64
		broken byte
		text   string
	}{
		{math.Inf(1), 0x20, "above all that it can measure: a wire is broken; a wire is broken (REFIN-"},
		{0, 0, "its wires touch"},
		{100, 0x08, "a wire touches ground"},
		{100, 0x10, "a wire is broken, or touches ground"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, err := Open(t.Context(), still(c.ohm, c.broken).Port(), pt100)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // a fault is not forgotten, and not kept
				s, err := d.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var f *device.Fault
				if !errors.As(s[0].Err, &f) || !strings.Contains(f.Text, c.text) || f.Remedy == "" || s[1].Err == nil {
					t.Errorf("%v Ω, %02x: %+v, want %q", c.ohm, c.broken, s, c.text)
				}
			}
		})
	}
}

// What goes over the wire, byte by byte: a write has bit 7 of the register's number set (table 1), 100 Ω is 4000 (table
// 9).
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := make([]byte, 9)
		port := &spitest.Playback{Playback: conntest.Playback{Ops: []conntest.IO{
			{W: []byte{0x80, 0x13}, R: []byte{0, 0}},
			{W: all, R: []byte{0, 0x11, 0, 0, 0xFF, 0xFF, 0, 0, 0}},
			{W: []byte{0x80, 0x93}, R: []byte{0, 0}},
			{W: []byte{0x80, 0x95}, R: []byte{0, 0}},
			{W: []byte{0x80, 0xB1}, R: []byte{0, 0}},
			{W: all, R: []byte{0, 0x91, 0x40, 0x00, 0xFF, 0xFF, 0, 0, 0}},
			{W: []byte{0x80, 0x11}, R: []byte{0, 0}},
		}}}
		d, err := Open(t.Context(), port, pt100)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if got := fmt.Sprintf("%.2f %.2f %v", s[0].Value, s[1].Value, err); got != "0.00 100.00 <nil>" {
			t.Errorf("read %s", got)
		}
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boiler := still(138.51, 0)
		d, err := Open(t.Context(), boiler.Port(), pt100)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			trouble sim.Trouble
			is      error
			text    string
		}{
			{sim.Unplugged, device.ErrNoAnswer, "no answer on sim:boiler: only zeros came"},
			{sim.Ones, device.ErrNoAnswer, "no answer on sim:boiler: only ones came"},
			{sim.None, nil, ""},
		} {
			boiler.Trouble(c.trouble)
			if _, err := d.Read(t.Context()); !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("trouble %d: error %v, want %q", c.trouble, err, c.text)
			}
		}
		other := sim.NewSelect("sim:other", &sim.MCP3008{Reference: 3.3, Volts: func(time.Time) (v [8]float64) { return v }})
		if _, err := Open(t.Context(), other.Port(), pt100); err == nil {
			t.Error("an MCP3008 was opened")
		}
	})
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t,
		Config{Wires: 5, Resistor: 5, Reference: math.NaN(), Mains: 16},
		Config{Wires: 2, Resistor: 1000, Reference: 430, Mains: 60},
	), "wires resistor reference mains reference"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint16(0x4000), byte(0))
	f.Add(uint16(0xFFFF), byte(0x80))
	f.Fuzz(func(t *testing.T, ratio uint16, faulty byte) {
		s := decode(ratio, faulty, pt100)
		bad := ratio&1 != 0 || faulty != 0
		if (s[0].Err != nil) != bad || (s[1].Err != nil) != bad || math.IsNaN(s[0].Value) {
			t.Errorf("%04x, %02x: %+v", ratio, faulty, s)
		}
		if !bad && s[0].Doubt == "" && math.Abs(100*resistance(s[0].Value)-s[1].Value) > 1e-6 {
			t.Errorf("%04x: %+v do not belong together", ratio, s)
		}
	})
}
