package iio

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selvage/drivers/sysfs/sysfstest"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

const dir = "sys/bus/iio/devices/iio:device0/"

// tree is of chips as drivers/iio makes them.
func tree(t testing.TB) string {
	root := t.TempDir()
	put := func(device, base, files string) {
		for line := range strings.Lines(strings.TrimSpace(files)) {
			name, content, _ := strings.Cut(strings.TrimSpace(line), " ")
			sysfstest.Put(t, root, filepath.Join("sys/devices", device, base, name), content+"\n")
		}
		sysfstest.Link(t, root, "sys/bus/iio/devices/"+base, "../../../devices/"+device+"/"+base)
	}
	// Silicon Labs Si7020, drivers/iio/humidity/si7020.c: raw numbers of 14 and 12 bits, a scale and an offset each.
	put("1-0040", "iio:device0", `
		name si7020
		in_temp_raw 6472
		in_temp_scale 10.725097656
		in_temp_offset -4368
		in_humidityrelative_raw 7340
		in_humidityrelative_scale 7.629394531
		in_humidityrelative_offset -786`)
	// Texas Instruments ADS1115, drivers/iio/adc/ti-ads1015.c.
	put("1-0048", "iio:device1", `
		name ads1015
		in_voltage0_raw 16000
		in_voltage0_scale 0.062500000
		in_voltage0_label battery
		in_voltage0-voltage1_raw -8000
		in_voltage0-voltage1_scale 0.062500000
		in_voltage3_raw 1
		sampling_frequency 128
		uevent`)
	put("1-0049", "iio:device2", "name ads1015\nin_voltage0_raw 1")
	// Bosch BME280, drivers/iio/pressure/bmp280-core.c: m°C, kPa and m%.
	put("1-0076", "iio:device3", `
		name bme280
		in_temp_input 22460
		in_pressure_input 100.653000
		in_humidityrelative_input 44235
		in_humidityrelative_raw 1
		in_humidityrelative_scale 1`)
	// Shared by all of a type, by all inputs, by all; several numbers in one file; types without a unit.
	put("1-001d", "iio:device4", `
		name odd
		in_accel_x_raw 100
		in_accel_scale 0.009806
		in_magn_y_raw 3
		in_scale 2
		in_voltage1-voltage2_raw 10000
		in_voltage-voltage_scale 0.5
		in_rot_quaternion_raw 0.1 0.2 0.3 0.4
		in_proximity_raw 17
		in_concentration_co2_raw 41
		in_concentration_co2_scale 0.001
		in_massconcentration_pm2p5_input 12.5
		in_anglvel_z_input 1
		out_voltage0_raw 5`)
	put("none", "iio:device5", "name empty\nsampling_frequency 1")
	return root
}

func open(t testing.TB, root, chip string) *Dev {
	t.Helper()
	d, err := Open(t.Context(), Config{Chip: chip, Root: root})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDriver(t *testing.T) {
	root := tree(t)
	for _, place := range []string{"1-0076", "1-0040", "1-0048"} {
		t.Run(place, func(t *testing.T) {
			drivertest.Run(t, drivertest.Case{Driver: "iio", Config: Config{Chip: place, Root: root}, Files: root + "/sys/devices/" + place})
		})
	}
}

func TestChips(t *testing.T) {
	root := tree(t)
	for chip, want := range map[string]string{
		// The datasheet's formulas give for these numbers, the sensor's words being 16 bits:
		// 175.72·(4·6472)/65536 − 46.85 = 22.56 °C; 125·(4·7340)/65536 − 6 = 50.00 %.
		"si7020": "humidity 50.00 %, temperature 22.57 °C",
		// ±2.048 V: 62.5 µV for each count. Without a scale: counts.
		"1-0048":      "voltage-battery 1.00 V, voltage0-1 -0.50 V, voltage3 1.00 ",
		"bme280":      "humidity 44.23 %, pressure 1006.53 hPa, temperature 22.46 °C",
		"iio:device4": "acceleration-x 0.98 m/s², angular-velocity-z 57.30 °/s, co2 410.00 ppm, magnetic-field-y 600.00 µT, pm2-5 12.50 µg/m³, proximity 34.00 , voltage1-2 5.00 V",
	} {
		d := open(t, root, chip)
		s, err := d.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, c := range d.Channels() {
			got = append(got, fmt.Sprintf("%s %.2f %s", s[i].Channel, math.Round(s[i].Value*1e4)/1e4, c.Unit.Symbol()))
		}
		slices.Sort(got)
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s: read %s\nwant %s", chip, text, want)
		}
	}
	if got, want := open(t, root, "1-0048").Info(), (device.Info{Driver: "iio", Wire: "iio:device1", Address: "1-0048", Model: "ads1015"}); got != want {
		t.Errorf("Info() = %+v, want %+v", got, want)
	}
}

func TestOpenFails(t *testing.T) {
	root := tree(t)
	for chip, want := range map[string]string{
		"ads1015": `2 IIO devices are called "ads1015"`,
		"bmp180":  `there is no IIO device "bmp180"`,
		"empty":   "the IIO device empty has no channel to read",
	} {
		_, err := Open(t.Context(), Config{Chip: chip, Root: root})
		var f *device.Fault
		if !errors.As(err, &f) || f.Text != want || f.Remedy == "" {
			t.Errorf("%s: %v, want %q with a remedy", chip, err, want)
		}
	}
}

func TestTroubles(t *testing.T) {
	root := tree(t)
	d := open(t, root, "si7020")
	read := func() (humidity, temperature error) {
		t.Helper()
		s, err := d.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s[0].Err, s[1].Err
	}
	sysfstest.Broken(t, root, dir+"in_temp_raw")
	if h, c := read(); h != nil || !errors.Is(c, device.ErrNoAnswer) {
		t.Errorf("a temperature that fails with EIO: %v, %v", h, c)
	}
	for _, content := range []string{"", "ten", "1e400", "0x10", "1 2"} {
		sysfstest.Put(t, root, dir+"in_temp_raw", content)
		if h, c := read(); h != nil || !errors.Is(c, device.ErrGarbled) {
			t.Errorf("a temperature of %q: %v, %v", content, h, c)
		}
	}
	sysfstest.Put(t, root, dir+"in_temp_raw", "6472")
	sysfstest.Broken(t, root, dir+"in_humidityrelative_scale")
	if h, c := read(); c != nil || !errors.Is(h, device.ErrNoAnswer) {
		t.Errorf("a scale that fails: %v, %v", h, c)
	}
	// Another chip gets the folder's number.
	sysfstest.Link(t, root, strings.TrimSuffix(dir, "/"), "../../../devices/1-0076/iio:device3")
	if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrBusGone) || !strings.Contains(err.Error(), "is bme280 (1-0076) now, not si7020 (1-0040)") {
		t.Errorf("another chip in its place: %v", err)
	}
	sysfstest.Link(t, root, strings.TrimSuffix(dir, "/"), "gone")
	if _, err := d.Read(t.Context()); !errors.Is(err, device.ErrBusGone) {
		t.Errorf("a folder that has gone: %v", err)
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Root: "sys"}), "root"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzFiles(f *testing.F) {
	root := tree(f)
	sysfstest.Fuzz(f, root+"/sys/devices/1-001d", func(t testing.TB) (device.Device, error) {
		return Open(t.Context(), Config{Chip: "1-001d", Root: root})
	})
}
