package max31855

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/conntest"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spitest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func still(tip, chip float64, fault uint32) *sim.Select {
	return sim.NewSelect("sim:oven", &sim.MAX31855{
		Tip: func(time.Time) float64 { return tip }, Chip: func(time.Time) float64 { return chip }, Fault: fault,
	})
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver: "max31855", SPI: func() spi.Port { return still(100, 25, 0).Port() },
		OtherSPI: func() spi.Port {
			return sim.NewSelect("sim:oven", &sim.MAX31865{Reference: 400, Ohms: sim.Steady(110)}).Port()
		},
	})
}

// Thermocouple temperatures of table 4.
func TestTips(t *testing.T) {
	for bits, want := range map[uint32]float64{
		0b0110_0100_0000_00: 1600, 0b0011_1110_1000_00: 1000, 0b0000_0110_0100_11: 100.75, 0b0000_0001_1001_00: 25,
		0b0000_0000_0000_00: 0, 0b1111_1111_1111_11: -0.25, 0b1111_1111_1111_00: -1, 0b1111_0000_0110_00: -250,
	} {
		if s := decode(bits<<18|0x190<<4, false); s[0].Value != want || s[0].Err != nil {
			t.Errorf("%014b is %v °C, want %v", bits, s[0].Value, want)
		}
	}
}

// Reference junction temperatures of table 5.
func TestChipTemperatures(t *testing.T) {
	for bits, want := range map[uint32]float64{
		0b0111_1111_0000: 127, 0b0110_0100_1001: 100.5625, 0b0001_1001_0000: 25, 0b0000_0000_0000: 0,
		0b1111_1111_1111: -0.0625, 0b1111_1111_0000: -1, 0b1110_1100_0000: -20, 0b1100_1001_0000: -55,
	} {
		if s := decode(bits<<4, false); s[1].Value != want || s[1].Err != nil {
			t.Errorf("%012b is %v °C, want %v", bits, s[1].Value, want)
		}
	}
}

func TestFaults(t *testing.T) {
	for bits, want := range map[uint32]string{
		fault | 1: "open", fault | 2: "ground", fault | 4: "supply", fault: "not which", fault | 7: "open",
	} {
		s := decode(0b0000_0001_1001_00<<18|0x190<<4|bits, true)
		var f *device.Fault
		if !errors.As(s[0].Err, &f) || !strings.Contains(f.Text, want) || f.Remedy == "" || s[0].Value != 0 || s[1].Err != nil || s[1].Value != 25 {
			t.Errorf("fault bits %x: %+v, want one of %q and the chip's 25 °C", bits, s, want)
		}
	}
}

// Voltages of type K from the tables of NIST, in mV at °C.
func TestTypeK(t *testing.T) {
	for c, mv := range map[float64]float64{
		-200: -5.891, -100: -3.554, 0: 0, 25: 1.000, 100: 4.096, 200: 8.138, 500: 20.644, 1000: 41.276, 1372: 54.886,
	} {
		if got := voltage(c); math.Abs(got-mv) > 0.0005 {
			t.Errorf("voltage(%v) = %.4f mV, want %v", c, got, mv)
		}
		if got := temperature(mv); math.Abs(got-c) > 0.07 {
			t.Errorf("temperature(%v) = %.3f °C, want %v", mv, got, c)
		}
	}
	// With the chip at 0 °C and the tip at 200 °C, whose 8.138 mV the chip takes for 197.16 °C.
	if got := linearised(8.138/sensitivity, 0); math.Abs(got-200) > 0.1 {
		t.Errorf("8.138 mV are %.2f °C, want 200", got)
	}
	// With the chip at 25 °C the voltage is lower by 1.000 mV.
	if got := linearised(25+7.138/sensitivity, 25); math.Abs(got-200) > 0.1 {
		t.Errorf("7.138 mV with the chip at 25 °C are %.2f °C, want 200", got)
	}
	if s := decode(uint32(1600*4)<<18|25*16<<4, true); s[0].Doubt == "" {
		t.Errorf("%.0f °C, beyond the tables, is without doubt", s[0].Value)
	}
}

// What goes over the wire: +100.75 °C of table 4, +25.0000 °C of table 5.
func TestTranscript(t *testing.T) {
	answer := conntest.IO{W: []byte{0, 0, 0, 0}, R: []byte{0x06, 0x4C, 0x19, 0x00}}
	port := &spitest.Playback{Playback: conntest.Playback{Ops: []conntest.IO{answer, answer}}}
	d, err := Open(t.Context(), port, Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Read(t.Context())
	if got := fmt.Sprintf("%.2f %.4f %v", s[0].Value, s[1].Value, err); got != "100.75 25.0000 <nil>" {
		t.Errorf("read %s", got)
	}
	if err := port.Close(); err != nil {
		t.Error(err)
	}
}

func TestTroubles(t *testing.T) {
	oven := still(100, 25, 0)
	d, err := Open(t.Context(), oven.Port(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		trouble sim.Trouble
		is      error
		text    string
	}{
		{sim.Unplugged, device.ErrNoAnswer, "no answer on sim:oven: only zeros came"},
		{sim.Ones, device.ErrNoAnswer, "no answer on sim:oven: only ones came"},
		{sim.None, nil, ""},
	} {
		oven.Trouble(c.trouble)
		if _, err := d.Read(t.Context()); !errors.Is(err, c.is) || err != nil && !strings.HasPrefix(err.Error(), c.text) {
			t.Errorf("trouble %d: error %v, want %q", c.trouble, err, c.text)
		}
	}
	other := &spitest.Playback{Playback: conntest.Playback{Ops: []conntest.IO{{W: []byte{0, 0, 0, 0}, R: []byte{0x12, 0x36, 0x56, 0x78}}}}}
	if _, err := Open(t.Context(), other, Config{}); !errors.Is(err, device.ErrGarbled) {
		t.Errorf("Open of something else: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint32(0x064C1900), true)
	f.Add(uint32(0x064D1901), false)
	f.Fuzz(func(t *testing.T, word uint32, linearise bool) {
		s := decode(word, linearise)
		tip, chip := s[0], s[1]
		if (tip.Err != nil) != (word&(fault|7) != 0) || math.IsNaN(tip.Value) || chip.Value < -128 || chip.Value >= 128 {
			t.Errorf("%08x: %+v", word, s)
		}
		if !linearise && tip.Err == nil && (tip.Value < -2048 || tip.Value >= 2048) {
			t.Errorf("%08x: %+v", word, s)
		}
	})
}
