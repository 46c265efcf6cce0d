package sim

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

// Sensirion's example (datasheet SHT4x, section 4.4).
func TestChecksum(t *testing.T) {
	if got := checksum(0xBEEF); got != 0x92 {
		t.Errorf("checksum(0xBEEF) = 0x%02X, want 0x92", got)
	}
}

// The formulas for whole numbers give what was published: Bosch's example for the BMP280 has other trimming, but readings
// of two chips are in the tests of pimoroni/bme280-python and pimoroni/bme680-python.
func TestPublishedReadings(t *testing.T) {
	celsius, fine := bme688Celsius(501240)
	if p, h := bme688Pascal(353485, fine), bme688Percent(19019, fine); celsius != 2669 || fine != 136667 || p != 98712 || h != 42402 {
		t.Errorf("BME680: %d, fine %d, %d Pa, %d, want 2669, fine 136667, 98712 Pa, 42402", celsius, fine, p, h)
	}
	if got := (&BME688{}).ohm(0, 0); got != 12946860 {
		t.Errorf("BME680: %v Ω, want 12946860", got)
	}
	celsius, fine = bmx280Celsius(529191)
	if p, h := bmx280Pascal(326816, fine), bmx280Percent(30281, fine); celsius != 2479 || p/256 != 100661 || h*100/1024 != 6866 {
		t.Errorf("BME280: %d, %d Pa, %d, want 2479, 100661 Pa, 6866", celsius, p/256, h*100/1024)
	}
}

func TestTransfers(t *testing.T) {
	const chip = chipAddress
	for _, c := range []struct {
		name string
		do   func(b *bus) error
		want error
	}{
		{"another address", func(b *bus) error { return b.Tx(0x45, []byte{0xFD}, nil) }, device.ErrNoAnswer},
		{"an unknown command", func(b *bus) error { return b.Tx(chip, []byte{0x12}, nil) }, device.ErrNoAnswer},
		{"a read without a command", func(b *bus) error { return b.Tx(chip, nil, make([]byte, 6)) }, device.ErrNoAnswer},
		{"a read before the measurement is done", func(b *bus) error {
			_ = b.Tx(chip, []byte{0xFD}, nil)
			time.Sleep(8 * time.Millisecond)
			return b.Tx(chip, nil, make([]byte, 6))
		}, device.ErrNoAnswer},
		{"a read after it", func(b *bus) error {
			_ = b.Tx(chip, []byte{0xFD}, nil)
			time.Sleep(8300 * time.Microsecond)
			return b.Tx(chip, nil, make([]byte, 6))
		}, nil},
		{"a second read", func(b *bus) error {
			_ = b.Tx(chip, []byte{0xE0}, nil)
			time.Sleep(2 * time.Millisecond)
			_ = b.Tx(chip, nil, make([]byte, 6))
			return b.Tx(chip, nil, make([]byte, 6))
		}, device.ErrNoAnswer},
		{"a command while it is busy", func(b *bus) error {
			_ = b.Tx(chip, []byte{0x94}, nil)
			return b.Tx(chip, []byte{0x89}, nil)
		}, device.ErrNoAnswer},
		{"the serial number in one transfer", func(b *bus) error { return b.Tx(chip, []byte{0x89}, make([]byte, 6)) }, nil},
		{"a closed bus", func(b *bus) error {
			b.Close()
			return b.Tx(chip, []byte{0x89}, nil)
		}, device.ErrBusGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if err := c.do(NewRoom("sim:room", 1).Bus().(*bus)); !errors.Is(err, c.want) {
					t.Errorf("error %v, want %v", err, c.want)
				}
			})
		})
	}
}

// A thermostat from 20.5 to 21.5 °C visibly works: the room crosses that band both ways within a
// minute or two.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := NewRoom("sim:room", 1)
		if got := room.Temperature(); got != 20 {
			t.Errorf("the room starts at %v °C, want 20", got)
		}
		reach := func(what string, there func(float64) bool) time.Duration {
			start := time.Now()
			for !there(room.Temperature()) {
				if time.Since(start) > 10*time.Minute {
					t.Fatalf("%s: still %.1f °C after ten minutes", what, room.Temperature())
				}
				time.Sleep(time.Second)
			}
			return time.Since(start)
		}
		must(t, room.Pin(heaterPin).Out(gpio.High))
		up := reach("heating", func(c float64) bool { return c >= 21.5 })
		must(t, room.Pin(heaterPin).Out(gpio.Low))
		down := reach("cooling", func(c float64) bool { return c <= 20.5 })
		if up < 10*time.Second || up > time.Minute || down < 10*time.Second || down > time.Minute {
			t.Errorf("20 → 21.5 °C in %v and back to 20.5 °C in %v, want 10 s to 1 min each", up, down)
		}
		time.Sleep(time.Hour)
		if got := room.Temperature(); math.Abs(got-ambient) > 0.01 {
			t.Errorf("an hour without heating: %v °C, want %v", got, ambient)
		}
	})
}

func TestHumidityFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := NewRoom("sim:room", 1)
		_, cool := room.measure()
		room.drive(heaterPin, true)
		time.Sleep(5 * time.Minute)
		_, warm := room.measure()
		if cool < 44 || cool > 46 || warm > 32 || warm < 26 {
			t.Errorf("humidity %.1f %% at 20 °C and %.1f %% near 29 °C, want about 45 and 28", cool, warm)
		}
	})
}

func TestNoiseIsSmallAndSeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := NewRoom("a", 7), NewRoom("b", 7), NewRoom("c", 8)
		differ := false
		for range 100 {
			ta, _ := a.measure()
			tb, _ := b.measure()
			tc, _ := c.measure()
			if ta != tb {
				t.Fatalf("the same seed gave %v and %v", ta, tb)
			}
			differ = differ || ta != tc
			if math.Abs(ta-initial) > 0.12 {
				t.Errorf("noise of %v K", ta-initial)
			}
		}
		if !differ {
			t.Error("another seed gave the same noise")
		}
	})
}

func TestNames(t *testing.T) {
	x, again, y := Find("sim:x"), Find("sim:x"), Find("sim:y")
	if x != again || x == y {
		t.Error("a name does not stand for one room")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
