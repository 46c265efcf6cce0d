package bmx280

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func board(c sim.Chip) func() i2c.Bus {
	return func() i2c.Bus {
		b := sim.NewBoard("sim:test")
		b.Plug(0x76, c)
		return b.Bus()
	}
}

func weather() sim.Chip {
	return sim.NewBME280(sim.Swing(21, 3), sim.Swing(45, 10), sim.Swing(1013, 5))
}
func barometer() sim.Chip {
	return sim.NewBMP280(sim.Swing(21, 3), sim.Swing(1013, 5))
}

func TestBME280(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "bme280", Bus: func() i2c.Bus { return board(weather())() }, Other: board(barometer()), Steady: true})
}

func TestBMP280(t *testing.T) {
	drivertest.Run(t, drivertest.Case{Driver: "bmp280", Bus: func() i2c.Bus { return board(barometer())() }, Other: board(weather()), Steady: true})
}

// The worked example of the BMP280 data sheet, section 3.12.
func TestDatasheetExample(t *testing.T) {
	c := calibration{
		t1: 27504, t2: 26435, t3: -1000,
		p1: 36477, p2: -10685, p3: 3024, p4: 2855, p5: 140, p6: -7, p7: 15500, p8: -14600, p9: 6000,
	}
	celsius, fine := c.celsius(519888)
	if got, want := fmt.Sprintf("%.2f °C, fine %.0f", celsius, fine), "25.08 °C, fine 128422"; got != want {
		t.Errorf("temperature %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%.2f", c.pascal(415148, fine)), "100653.27"; got != want {
		t.Errorf("pressure %s Pa, want %s", got, want)
	}
}

// Trimming and results of a chip, from tests/calibration.py and tests/test_compensation.py of pimoroni/bme280-python.
func TestPublishedReadings(t *testing.T) {
	c := calibration{
		t1: 28009, t2: 25654, t3: 50,
		p1: 39145, p2: -10750, p3: 3024, p4: 5667, p5: -120, p6: -7, p7: 15500, p8: -14600, p9: 6000,
		h1: 75, h2: 376, h3: 0, h4: 286, h5: 50, h6: 30,
	}
	celsius, fine := c.celsius(529191)
	for _, v := range []struct {
		of        string
		got, want float64
	}{
		{"temperature", celsius, 24.7894877676},
		{"pressure", c.pascal(326816, fine), 100661.517564},
		{"humidity", c.percent(30281, fine), 68.66996648709039},
	} {
		if math.Abs(v.got-v.want) > 1e-6*v.want {
			t.Errorf("%s = %.10f, want %.10f", v.of, v.got, v.want)
		}
	}
}

// What goes over the wire, byte by byte. Calibration and counts are those of a real chip, as are the 23.72 °C,
// 100942.7 Pa and 65.306 % it stands for: TestI2CSenseBME280_success of periph.io/x/devices v3.7.4, bmxx80.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const at = 0x76
		calib := []byte{
			0x10, 0x6e, 0x6c, 0x66, 0x32, 0x0, 0x5d, 0x95, 0xb8, 0xd5, 0xd0, 0xb, 0x77, 0x1e, 0x9d, 0xff, 0xf9, 0xff,
			0xac, 0x26, 0xa, 0xd8, 0xbd, 0x10, 0x0, 0x4b,
		}
		read := func(reg byte, r ...byte) i2ctest.IO { return i2ctest.IO{Addr: at, W: []byte{reg}, R: r} }
		twice := func(reg byte, r ...byte) []i2ctest.IO { return []i2ctest.IO{read(reg, r...), read(reg, r...)} }
		set := func(meas byte) i2ctest.IO { return i2ctest.IO{Addr: at, W: []byte{0xF5, 0x00, 0xF2, 0x01, 0xF4, meas}} }
		id, calibH := twice(0xD0, 0x60), twice(0xE1, 0x6e, 0x1, 0x0, 0x13, 0x5, 0x0, 0x1e)
		bus := &i2ctest.Playback{Ops: slices.Concat(
			id, []i2ctest.IO{{Addr: at, W: []byte{0xE0, 0xB6}}}, id,
			[]i2ctest.IO{read(0xF3, 0x01), read(0xF3, 0x00)}, // it was still copying its calibration
			twice(0x88, calib...), calibH, []i2ctest.IO{set(0x2C)},

			[]i2ctest.IO{read(0xF2, 0, 0, 0, 0)}, // its power was away
			id, []i2ctest.IO{read(0xF3, 0x00)}, twice(0x88, calib...), calibH,
			[]i2ctest.IO{set(0x2D), read(0xF3, 0x08), read(0xF3, 0x00)},              // it was still measuring
			[]i2ctest.IO{read(0xF7, 0x4a, 0x52, 0xc0, 0x00, 0x96, 0xc0, 0x7a, 0x76)}, // a bit flipped
			twice(0xF7, 0x4a, 0x52, 0xc0, 0x80, 0x96, 0xc0, 0x7a, 0x76),

			[]i2ctest.IO{read(0xF2, 1, 0, 0x2C, 0), set(0x2D), read(0xF3, 0x00)}, // as we left it
			twice(0xF7, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0),
		)}
		d, err := open(t.Context(), device.Chip{Bus: bus, Addr: at}, &bme280)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []float64{23.72, 1009.426953125, 65.306} {
			if tolerance := []float64{0.005, 0.01, 0.01}[i]; math.Abs(s[i].Value-want) > tolerance {
				t.Errorf("%s = %v, want %v", s[i].Channel, s[i].Value, want)
			}
		}
		_, err = d.Read(t.Context())
		if !errors.Is(err, device.ErrNotReady) || !strings.Contains(err.Error(), "lost its power") {
			t.Errorf("values of before the first measurement: error %v", err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The simulated chip computes in whole numbers, the driver in real ones: they must agree all over the range.
func TestRange(t *testing.T) {
	for _, celsius := range []float64{-40, -10, 0, 25, 60, 85} {
		for _, hpa := range []float64{300, 700, 1013.25, 1100} {
			synctest.Test(t, func(t *testing.T) {
				bus := board(sim.NewBME280(sim.Steady(celsius), sim.Steady(40), sim.Steady(hpa)))()
				d, err := open(t.Context(), device.Chip{Bus: bus, Addr: 0x76}, &bme280)
				if err != nil {
					t.Fatal(err)
				}
				s, err := d.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(s[0].Value-celsius) > 0.02 || math.Abs(s[1].Value-hpa) > 0.1 || math.Abs(s[2].Value-40) > 0.1 {
					t.Errorf("%v °C, %v hPa, 40 %% read as %v", celsius, hpa, s)
				}
			})
		}
	}
}

func TestWrongChip(t *testing.T) {
	for _, c := range []struct {
		id           byte
		want         *model
		text, remedy string
	}{
		{0x58, &bme280, "0x76 on playback is a BMP280 (id 0x58), not a BME280", `driver = "bmp280"`},
		{0x60, &bmp280, "0x76 on playback is a BME280 (id 0x60), not a BMP280", `driver = "bme280"`},
		{0x61, &bmp280, "0x76 on playback is a BME680 or BME688 (id 0x61), not a BMP280", `driver = "bme688"`},
		{0x55, &bme280, "0x76 on playback is a BMP180 (id 0x55), not a BME280", "check the address"},
		{0x12, &bme280, "0x76 on playback is another chip (id 0x12), not a BME280", "check the address"},
	} {
		id := i2ctest.IO{Addr: 0x76, W: []byte{0xD0}, R: []byte{c.id}}
		bus := &named{i2ctest.Playback{Ops: []i2ctest.IO{id, id}}}
		_, err := open(t.Context(), device.Chip{Bus: bus, Addr: 0x76}, c.want)
		var f *device.Fault
		if !errors.As(err, &f) || !errors.Is(err, device.ErrOtherChip) || f.Text != c.text || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("id 0x%02x: %v (%+v), want %q", c.id, err, f, c.text)
		}
	}
}

// named has a name of its own: that of a Playback tells where it is in it.
type named struct{ i2ctest.Playback }

func (*named) String() string { return "playback" }

func TestNeverReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := i2ctest.IO{Addr: 0x76, W: []byte{0xD0}, R: []byte{0x58}}
		ops := []i2ctest.IO{id, id}
		for range patience {
			ops = append(ops, i2ctest.IO{Addr: 0x76, W: []byte{0xF3}, R: []byte{0x01}})
		}
		d := &Dev{chip: device.Chip{Bus: &named{i2ctest.Playback{Ops: ops}}, Addr: 0x76}, model: &bmp280}
		if err := d.identify(context.Background()); !errors.Is(err, device.ErrNotReady) {
			t.Errorf("a chip that never has its calibration: %v", err)
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	BME280{Address: 0x44}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	if want := fmt.Sprint([]string{"address", "a BME280 does not answer at 0x44", "use 0x76 or 0x77"}); fmt.Sprint(got) != want {
		t.Errorf("Check at 0x44 = %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x10\x6e\x6c\x66\x32\x00\x5d\x95\xb8\xd5\xd0\x0b\x77\x1e\x9d\xff\xf9\xff\xac\x26\x0a\xd8\xbd\x10\x00\x4b\x6e\x01\x00\x13\x05\x00\x1e\x4a\x52\xc0\x80\x96\xc0\x7a\x76"))
	f.Add(make([]byte, 41))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 41 && len(b) != 39 {
			return
		}
		cal, ok := parse([33]byte(b))
		if !ok {
			return
		}
		s, ok := cal.decode(b[33:])
		if !ok {
			return
		}
		for _, m := range s {
			if math.IsNaN(m.Value) {
				t.Errorf("%s is not a number: % x", m.Channel, b)
			}
			if m.Channel == "humidity" && (m.Value < 0 || m.Value > 100) {
				t.Errorf("humidity %v: % x", m.Value, b)
			}
		}
	})
}
