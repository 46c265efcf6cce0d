package mhz19

import (
	"bytes"
	"encoding/hex"
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
		Driver:    "mhz19",
		Port:      func() device.Port { return sim.NewLine("sim:mhz19", new(sim.MHZ19)).Port() },
		Checksums: true,
	})
}

// The manual's own: the command to read, its example of an answer, and the command for 10,000 ppm.
func TestManual(t *testing.T) {
	if got, want := request(cmdRead, 0, 0, 0), ([9]byte{0xFF, 0x01, 0x86, 0, 0, 0, 0, 0, 0x79}); got != want {
		t.Errorf("the question is % x, want % x", got, want)
	}
	if got, want := request(cmdRange, 0, 0x27, 0x10), ([9]byte{0xFF, 0x01, 0x99, 0, 0, 0, 0x27, 0x10, 0x2F}); got != want {
		t.Errorf("the command for 10000 ppm is % x, want % x", got, want)
	}
	answer := []byte{0xFF, 0x86, 0x02, 0x60, 0x47, 0x00, 0x00, 0x00, 0xD1}
	f := frame(answer)
	if f == nil {
		t.Fatal("the answer is refused")
	}
	if got := decode([9]byte(f)); got != 608 {
		t.Errorf("decoded %v ppm, want 608", got)
	}
}

func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		port := &wire{Port: sim.NewLine("sim:mhz19", new(sim.MHZ19)).Port()}
		if _, err := Open(t.Context(), port, Config{Range: 2000}); err != nil {
			t.Fatal(err)
		}
		const want = "ff0179000000000086 ff019900000007d08f ff0186000000000079"
		if got := strings.Join(port.sent, " "); got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	})
}

type wire struct {
	device.Port
	sent []string
}

func (w *wire) Write(b []byte) (int, error) {
	w.sent = append(w.sent, hex.EncodeToString(b))
	return w.Port.Write(b)
}

func TestDoubts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := 400.0
		chip := &sim.MHZ19{CO2: func(time.Time) float64 { return air }}
		d, err := Open(t.Context(), sim.NewLine("sim:mhz19", chip).Port(), Config{Range: 2000, Calibrate: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			after time.Duration
			air   float64
			doubt string
		}{
			{time.Minute, 700, "it may have been switched on"},
			{2 * time.Minute, 700, ""},
			{0, 400, "it is at the lower end"},
			{0, 9000, "it is at the upper end"},
			{0, 421, ""},
		} {
			time.Sleep(c.after)
			air = c.air
			s, err := d.Read(t.Context())
			if err != nil || s[0].Value != min(c.air, 2000) || !strings.HasPrefix(s[0].Doubt, c.doubt) || c.doubt == "" && s[0].Doubt != "" {
				t.Errorf("%v ppm: %+v, %v, want the doubt %q", c.air, s, err, c.doubt)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	var got []string
	Config{Range: 3000}.Check(func(key, problem, remedy string) { got = append(got, key, problem, remedy) })
	if want := "range|an MH-Z19 has no range of 3000 ppm|use 2000, 5000 or 10000"; strings.Join(got, "|") != want {
		t.Errorf("Check = %q, want %q", got, want)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0xFF, 0x86, 0x02, 0x60, 0x47, 0x00, 0x00, 0x00, 0xD1})
	f.Add([]byte{0xFF, 0xFF, 0x86, 0x02, 0x60, 0x47, 0x00, 0x00, 0x00, 0xD1})
	f.Fuzz(func(t *testing.T, came []byte) {
		got := frame(came)
		if got == nil {
			return
		}
		var sum byte
		for _, v := range got[1:] {
			sum += v
		}
		if len(got) != frameLen || !bytes.Contains(came, got) || sum != 0 {
			t.Errorf("found %x in %x", got, came)
		}
		if v := decode([frameLen]byte(got)); v < 0 || v > 65535 {
			t.Errorf("%x is %v ppm", got, v)
		}
	})
}
