package mcp3008

import (
	"errors"
	"fmt"
	"math"
	"slices"
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

func still(volts ...float64) *sim.Select {
	var all [8]float64
	copy(all[:], volts)
	return sim.NewSelect("sim:adc", &sim.MCP3008{Reference: 3.3, Volts: func(time.Time) [8]float64 { return all }})
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "mcp3008", SPI: func() spi.Port { return still(0, 1, 2, 3).Port() }})
}

// Digital output code = 1024 × VIN / VREF (equation 4-2). With a reference of 5.12 V, a step is 5 mV.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		code  uint16
		volts float64
		doubt bool
	}{{0, 0, false}, {1, 0.005, false}, {512, 2.56, false}, {1022, 5.11, false}, {1023, 5.115, true}} {
		if m := decode(c.code, 5.12); math.Abs(m.Value-c.volts) > 1e-9 || (m.Doubt != "") != c.doubt {
			t.Errorf("decode(%d, 5.12) = %v, doubt %q, want %v, %v", c.code, m.Value, m.Doubt, c.volts, c.doubt)
		}
	}
}

// What goes over the wire, byte by byte: figure 6-1 of the datasheet has a start bit, SGL/DIFF, D2, D1, D0, then bits that
// do not matter; the answer's "?" bits are ones here.
func TestTranscript(t *testing.T) {
	port := &spitest.Playback{Playback: conntest.Playback{Ops: []conntest.IO{
		{W: []byte{0x01, 0x80, 0x00}, R: []byte{0xFF, 0xF8, 0x00}},
		{W: []byte{0x01, 0xD0, 0x00}, R: []byte{0xFF, 0xFA, 0x00}}, // single, input 5: 1000000000b is half of the reference
		{W: []byte{0x01, 0x10, 0x00}, R: []byte{0xFF, 0xF8, 0x01}}, // differential, 1 over 0
	}}}
	d, err := Open(t.Context(), port, Config{Reference: 5.12, Channel: map[string]Input{"a": {"5"}, "b": {"1-0"}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Read(t.Context())
	if got := fmt.Sprintf("%.3f %.3f %v", s[0].Value, s[1].Value, err); got != "2.560 0.005 <nil>" {
		t.Errorf("read %s", got)
	}
	if err := port.Close(); err != nil {
		t.Error(err)
	}
}

func TestChannels(t *testing.T) {
	d, err := Open(t.Context(), still(0.5, 2, 3, 2.9, 0, 0, 0, 3.3).Port(), Config{Reference: 3.3, Channel: map[string]Input{
		"a": {"0"}, "b": {"1-0"}, "c": {"0-1"}, "d": {"2-3"}, "e": {"7"}, "f": {"6"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range s {
		got = append(got, fmt.Sprintf("%s %.2f %v", m.Channel, m.Value, m.Doubt != ""))
	}
	want := []string{"a 0.50 false", "b 1.50 false", "c 0.00 false", "d 0.10 false", "e 3.30 true", "f 0.00 false"}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestTroubles(t *testing.T) {
	adc := still(1)
	d, err := Open(t.Context(), adc.Port(), Config{Reference: 3.3, Channel: map[string]Input{"a": {"0"}}})
	if err != nil {
		t.Fatal(err)
	}
	adc.Trouble(sim.Ones)
	if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrNoAnswer) || !strings.HasPrefix(err.Error(), "no answer on sim:adc: the bit that is always 0 came as 1 (ff ff ff)") {
		t.Errorf("ones: error %v", err)
	}
	adc.Trouble(sim.None)
	if _, err := d.Read(t.Context()); err != nil {
		t.Errorf("right again: %v", err)
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t,
		Config{Reference: math.NaN()},
		Config{Reference: 5, Channel: map[string]Input{"A": {}}},
		Input{Input: "0-2"},
	), "reference channel channel.A input"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzConvert(f *testing.F) {
	f.Add([]byte{0xFF, 0xFA, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := make([]byte, 3)
		copy(r, b)
		one := []byte{1, 0x80, 0}
		port := &spitest.Playback{Playback: conntest.Playback{Ops: []conntest.IO{{W: one, R: []byte{0, 0, 0}}, {W: one, R: r}}}}
		d, err := Open(t.Context(), port, Config{Reference: 3.3, Channel: map[string]Input{"a": {"0"}}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if err == nil && (r[1]&4 != 0 || s[0].Value < 0 || s[0].Value >= 3.3) || err != nil && r[1]&4 == 0 {
			t.Errorf("% x: %v, %v", r, s, err)
		}
	})
}
