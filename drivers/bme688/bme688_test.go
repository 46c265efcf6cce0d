package bme688

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

var usual = Config{Address: 0x76, Heater: 320, Heating: 150 * time.Millisecond}

func board(c sim.Chip) i2c.Bus {
	b := sim.NewBoard("sim:test")
	b.Plug(0x76, c)
	return b.Bus()
}

func weather() i2c.Bus {
	return board(sim.NewBME280(sim.Swing(21, 3), sim.Swing(45, 10), sim.Swing(1013, 5)))
}

func TestDriver(t *testing.T) {
	cold := usual
	cold.Heater = 0
	for _, c := range []struct {
		name   string
		make   func(temperature, humidity, pressure, gas sim.Signal) *sim.BME688
		config Config
	}{
		{"BME688", sim.NewBME688, usual},
		{"BME680", sim.NewBME680, usual},
		{"BME688 without gas", sim.NewBME688, cold},
	} {
		t.Run(c.name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{
				Driver: "bme688",
				Config: c.config,
				Bus: func() i2c.Bus {
					return board(c.make(sim.Swing(21, 3), sim.Swing(45, 10), sim.Swing(1013, 5), sim.Swing(80_000, 30_000)))
				},
				Other:  weather,
				Steady: true,
			})
		})
	}
}

// Trimming of a chip, and what the Python library pimoroni/bme680-python makes of counts with it: tests/conftest.py and
// tests/test_compensation.py.
func TestPublishedReadings(t *testing.T) {
	c := calibration{
		t1: 26041, t2: 26469, t3: 3,
		p1: 36673, p2: -10515, p3: 88, p4: 7310, p5: -129, p6: 30, p7: 46, p8: -3177, p9: -2379, p10: 30,
		h1: 676, h2: 1029, h3: 0, h4: 45, h5: 20, h6: 120, h7: -100,
		gh1: -30, gh2: -24754, gh3: 18, resHeatRange: 1, resHeatVal: 48, rangeSwErr: 0,
	}
	celsius, fine := c.celsius(501240)
	for _, v := range []struct {
		of                   string
		got, want, tolerance float64
	}{
		{"temperature", celsius, 26.69, 0.01},
		{"fine temperature", fine, 136667, 10},
		{"pressure", c.pascal(353485, fine), 98712, 6}, // whole numbers lose up to 6 Pa
		{"humidity", c.percent(19019, fine), 42.402, 0.02},
		{"gas resistance of a BME680", c.ohmLow(0, 0), 12946860, 1},
		{"gas resistance of a BME688", ohmHigh(0, 0), 102400000, 1},
	} {
		if math.Abs(v.got-v.want) > v.tolerance {
			t.Errorf("%s = %v, want %v", v.of, v.got, v.want)
		}
	}
}

// The table of gas_wait in the data sheet has 0x59 for 100 ms.
func TestWait(t *testing.T) {
	for _, c := range []struct {
		ms   int
		want byte
	}{{1, 0x01}, {63, 0x3F}, {64, 0x50}, {100, 0x59}, {150, 0x66}, {4032, 0xFF}} {
		if got := wait(time.Duration(c.ms) * time.Millisecond); got != c.want {
			t.Errorf("wait(%d ms) = 0x%02x, want 0x%02x", c.ms, got, c.want)
		}
	}
}

// The simulated chip computes in whole numbers, the driver in real ones: they must agree all over the range.
func TestRange(t *testing.T) {
	for _, make := range []func(temperature, humidity, pressure, gas sim.Signal) *sim.BME688{sim.NewBME688, sim.NewBME680} {
		for _, celsius := range []float64{-40, 0, 25, 85} {
			for _, hpa := range []float64{300, 1013.25, 1100} {
				for _, ohm := range []float64{5_000, 80_000, 12e6} {
					synctest.Test(t, func(t *testing.T) {
						chip := make(sim.Steady(celsius), sim.Steady(40), sim.Steady(hpa), sim.Steady(ohm))
						d, err := Open(t.Context(), board(chip), usual)
						if err != nil {
							t.Fatal(err)
						}
						s, err := d.Read(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						for i, want := range []struct{ value, tolerance float64 }{{celsius, 0.03}, {hpa, 0.15}, {40, 0.2}, {ohm, ohm / 300}} {
							if math.Abs(s[i].Value-want.value) > want.tolerance || s[i].Doubt != "" || s[i].Err != nil {
								t.Errorf("%v °C, %v hPa, 40 %%, %v Ω read as %+v", celsius, hpa, ohm, s)
								break
							}
						}
						if got := chip.Heater(); got < 315 || got > 325 {
							t.Errorf("the hot plate is set to %d °C, want 320", got)
						}
					})
				}
			}
		}
	}
}

// What goes over the wire, byte by byte, with the trimming and counts of the published readings.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const at = 0x77
		read := func(reg byte, r ...byte) i2ctest.IO { return i2ctest.IO{Addr: at, W: []byte{reg}, R: r} }
		set := func(mode byte) i2ctest.IO {
			return i2ctest.IO{Addr: at, W: []byte{0x5A, 0x6B, 0x64, 0x66, 0x70, 0x00, 0x71, 0x20, 0x72, 0x01, 0x75, 0x00, 0x74, 0x2C | mode}}
		}
		a := []byte{
			0x65, 0x67, 0x03, 0x00, 0x41, 0x8F, 0xED, 0xD6, 0x58, 0x00, 0x8E, 0x1C, 0x7F, 0xFF, 0x2E, 0x1E, 0x00, 0x00,
			0x97, 0xF3, 0xB5, 0xF6, 0x1E,
		}
		b := []byte{0x40, 0x54, 0x2A, 0x00, 0x2D, 0x14, 0x78, 0x9C, 0xB9, 0x65, 0x4E, 0x9F, 0xE2, 0x12}
		c := []byte{0x30, 0x00, 0x10, 0x00, 0x00}
		// 501240 of temperature, 353485 of pressure, 19019 of humidity, 0 of gas in range 0.
		done := []byte{0x56, 0x4C, 0xD0, 0x7A, 0x5F, 0x80, 0x4A, 0x4B, 0, 0, 0, 0, 0, 0x00, 0x30}
		unsure := append(append([]byte{}, done[:14]...), 0x20)
		none := append(append([]byte{}, done[:14]...), 0x00)
		flipped := append([]byte{0xD6}, done[1:]...)
		twice := func(reg byte, r ...byte) []i2ctest.IO { return []i2ctest.IO{read(reg, r...), read(reg, r...)} }
		identity := slices.Concat(twice(0xD0, 0x61), twice(0xF0, 0x01))
		known := slices.Concat(identity, twice(0x8A, a...), twice(0xE1, b...), twice(0x00, c...))
		ready := read(0x1D, 0x80)
		asLeft := read(0x70, 0x00, 0x20, 0x01, 0x00, 0x2C, 0x00)
		bus := &i2ctest.Playback{Ops: slices.Concat(
			identity, []i2ctest.IO{{Addr: at, W: []byte{0xE0, 0xB6}}}, known, []i2ctest.IO{set(0)},
			[]i2ctest.IO{asLeft, set(1), read(0x1D, 0x20), ready, read(0x1F, flipped...)}, twice(0x1F, done...),
			[]i2ctest.IO{asLeft, set(1), ready}, twice(0x1F, unsure...),
			[]i2ctest.IO{read(0x70, 0, 0, 0, 0, 0, 0)}, // its power was away
			known, []i2ctest.IO{set(1), ready}, twice(0x1F, none...),
		)}
		config := usual
		config.Address = at
		d, err := Open(t.Context(), bus, config)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := d.Info().Model, "Bosch BME688"; got != want {
			t.Errorf("model %q, want %q", got, want)
		}
		for i, want := range []string{"26.69 987 42.4 102400000 ", "26.69 987 42.4 102400000 the heater did not reach its temperature"} {
			s, err := d.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%.2f %.0f %.1f %.0f %s", s[0].Value, s[1].Value, s[2].Value, s[3].Value, s[3].Doubt)
			if got != want {
				t.Errorf("read %d: %s, want %s", i+1, got, want)
			}
		}
		if s, err := d.Read(t.Context()); err != nil || s[3].Err == nil || s[0].Err != nil {
			t.Errorf("without gas: %+v, %v", s, err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWrongChip(t *testing.T) {
	_, err := Open(t.Context(), weather(), usual)
	var f *device.Fault
	if !errors.As(err, &f) || f.Text != "0x76 on sim:test is a BME280 (id 0x60), not a BME688" || !strings.Contains(f.Remedy, `driver = "bme280"`) {
		t.Errorf("a BME280: %v (%+v)", err, f)
	}
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Address: 0x44, Heater: 100}.Check(func(key, problem, remedy string) { got = append(got, key+": "+problem+"; "+remedy) })
	want := []string{
		"address: a BME688 does not answer at 0x44; use 0x76 or 0x77",
		"heater: a BME688 cannot be heated to 100 °C; use 200 to 400, or 0",
		`heating: a BME688 cannot be heated for 0s; use "1ms" to "4032ms"; "150ms" is usual`,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Check = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x65\x67\x03\x00\x41\x8f\xed\xd6\x58\x00\x8e\x1c\x7f\xff\x2e\x1e\x00\x00\x97\xf3\xb5\xf6\x1e\x40\x54\x2a\x00\x2d\x14\x78\x9c\xb9\x65\x4e\x9f\xe2\x12\x30\x00\x10\x00\x00"+
		"\x56\x4c\xd0\x7a\x5f\x80\x4a\x4b\x00\x00\x00\x00\x00\x00\x30"), true)
	f.Add(make([]byte, 42+15), false)
	f.Fuzz(func(t *testing.T, b []byte, high bool) {
		if len(b) != 42+15 {
			return
		}
		cal, ok := parse([42]byte(b))
		if !ok {
			return
		}
		s, ok := cal.decode(answer(b[42:]), true, high)
		if (s != nil) != ok {
			t.Fatalf("% x: %v, %v", b, s, ok)
		}
		for _, m := range s {
			if math.IsNaN(m.Value) {
				t.Errorf("%s is not a number: % x", m.Channel, b)
			}
			if m.Channel == "humidity" && !(m.Value >= 0 && m.Value <= 100) {
				t.Errorf("humidity %v: % x", m.Value, b)
			}
			if m.Channel == "gas-resistance" && high && m.Err == nil && !(m.Value > 0 && m.Value <= 102_400_000) {
				t.Errorf("gas resistance %v: % x", m.Value, b)
			}
		}
	})
}
