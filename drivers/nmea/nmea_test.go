package nmea

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver:    "nmea",
		Port:      func() device.Port { return sim.NewLine("sim:nmea", new(sim.NMEA)).Port() },
		Checksums: true,
	})
}

// The sentences that Dale DePriest's "NMEA data" explains, which most descriptions of NMEA 0183 copy.
const (
	rmc = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
	gga = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
)

func told(s device.Sample) string {
	var all []string
	for _, m := range s {
		text := fmt.Sprint(m.Channel, "=", m.Text)
		if m.Text == "" {
			text += fmt.Sprint(math.Round(m.Value*1e5) / 1e5)
		}
		if m.Err != nil {
			text = m.Channel + "?"
		}
		if m.Doubt != "" {
			text += "~"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func TestRounds(t *testing.T) {
	const old = "fix=gps latitude=48.1173 longitude=11.51667 satellites=8 hdop=0.9 altitude=545.4 speed=41.4848 course=84.4 time=1994-03-23T12:35:19Z~"
	for _, c := range []struct{ name, came, want string }{
		{"the classic ones", rmc + gga, old},
		{"the other way round", gga + rmc, old},
		{"behind the rest of a sentence", "1,2*00\r\n" + rmc + gga, old},
		{"behind a GGA of another moment", sentence("GPGGA,123518,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,") + rmc + gga, old},
		{"one only", rmc, ""},
		{"of two moments", rmc + sentence("GPGGA,123520,,,,,0,00,,,M,,M,,"), ""},
		{"a receiver that sends RMC only", rmc + sentence("GNRMC,123520.00,A,3352.000,S,15112.500,W,,,010126,,,A"),
			"fix=gps latitude=-33.86667 longitude=-151.20833 time=2026-01-01T12:35:20Z"},
		{"one that sends GGA only", gga + sentence("GPGGA,123520,4807.038,N,01131.000,E,6,08,0.9,545.4,M,46.9,M,,"),
			"fix=estimated latitude=48.1173~ longitude=11.51667~ satellites=8 hdop=0.9~ altitude=545.4~"},
		{"no satellites", sentence("GPRMC,123520.00,V,,,,,,,,,,N") + sentence("GPGGA,123520.00,,,,,0,00,99.99,,,,,,"),
			"fix=none latitude? longitude? satellites=0 altitude? speed? time?"},
		{"no such place", sentence("GPRMC,123519,A,9107.038,N,01160.000,E,,,230326,,") + sentence("GPGGA,123519,,,,,1,08,0.9,545.4,M,46.9,M,,"),
			"fix=gps latitude? longitude? satellites=8 hdop=0.9 altitude=545.4 time=2026-03-23T12:35:19Z"},
		{"a wrong checksum", strings.Replace(rmc, "*6A", "*6B", 1) + gga, ""},
		{"no checksum", "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W\r\n" + gga, ""},
	} {
		got := ""
		if r, whole := roundIn([]byte(c.came)); whole {
			got = told(r.decode())
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func sentence(body string) string { return fmt.Sprintf("$%s*%02X\r\n", body, checksum([]byte(body))) }

// Its time counts if satellites told it, and the config says so.
func TestWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(30 * 365 * 24 * time.Hour) // a bubble begins in 2000
		gps := new(sim.NMEA)
		line := sim.NewLine("sim:nmea", gps)
		for _, trust := range []bool{true, false} {
			d, err := Open(t.Context(), line.Port(), Config{Baud: 9600, Trust: trust})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := d.Wall(); ok {
				t.Error("it has a time before it has read one")
			}
			if _, err := d.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			wall, ok := d.Wall()
			if ok != trust || trust && time.Since(wall) > time.Second {
				t.Errorf("trust %v: Wall is %v, %v at %v", trust, wall, ok, time.Now().UTC())
			}
			gps.Blind = true
			if _, err := d.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, ok := d.Wall(); ok {
				t.Error("without satellites it has a time")
			}
			gps.Blind = false
		}
	})
}

func TestWrongSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), Config{}.Within())
		defer cancel()
		_, err := Open(ctx, sim.NewLine("sim:nmea", new(sim.NMEA)).Port(), Config{Baud: 4800})
		if err == nil || !strings.HasPrefix(err.Error(), "what came on sim:nmea is no round of NMEA") {
			t.Errorf("at a wrong speed: %v", err)
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Baud: 96}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	if want := "baud|no receiver has 96 baud|use 9600, or what its manual says"; strings.Join(got, "|") != want {
		t.Errorf("Check = %q, want %q", got, want)
	}
}

func FuzzRound(f *testing.F) {
	f.Add([]byte(rmc + gga))
	f.Add([]byte(gga + gga + rmc))
	f.Add([]byte(sentence("GPRMC,123520.00,V,,,,,,,,,,N") + sentence("GPGGA,123520.00,,,,,0,00,99.99,,,,,,")))
	f.Fuzz(func(t *testing.T, came []byte) {
		r, whole := roundIn(came)
		if !whole {
			return
		}
		for _, m := range r.decode() {
			switch {
			case m.Err != nil:
			case math.IsNaN(m.Value) || math.IsInf(m.Value, 0):
				t.Errorf("%s = %v", m.Channel, m.Value)
			case m.Channel == "latitude" && math.Abs(m.Value) > 90, m.Channel == "longitude" && math.Abs(m.Value) > 180:
				t.Errorf("%s = %v", m.Channel, m.Value)
			}
		}
	})
}
