package pms5003

import (
	"bytes"
	"encoding/hex"
	"fmt"
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
		Driver:    "pms5003",
		Port:      func() device.Port { return sim.NewLine("sim:pms5003", new(sim.PMS5003)).Port() },
		Checksums: true,
	})
}

// captured is a frame of a PMSA003I, published with the tests of Brian C. Lane's driver pmsa003i (Apache-2.0).
const captured = "424d001c 0000 0001 0005 0000 0001 0005 007e 002a 000f 0009 0003 0003 9700 0214"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCaptured(t *testing.T) {
	f := frame(unhex(t, captured))
	if f == nil {
		t.Fatal("the frame was not found")
	}
	var got []string
	for _, m := range decode([frameLen]byte(f)) {
		got = append(got, fmt.Sprint(m.Channel, "=", m.Value))
	}
	const want = "pm1=0 pm2-5=1 pm10=5 particles-0-3=126 particles-0-5=42 particles-1=15 particles-2-5=9 particles-5=3 particles-10=3"
	if strings.Join(got, " ") != want {
		t.Errorf("decoded %s, want %s", got, want)
	}
}

// The answer to the command for the passive mode, as published captures have it, is no frame of data.
func TestFrame(t *testing.T) {
	good := unhex(t, captured)
	answer := unhex(t, "424d0004e1000174")
	for name, c := range map[string]struct {
		came  []byte
		found bool
	}{
		"nothing":             {nil, false},
		"the answer only":     {answer, false},
		"behind the answer":   {append(answer, good...), true},
		"behind half a frame": {append(good[:20:20], good...), true},
		"one byte is missing": {good[:31], false},
		"another checksum":    {append(good[:31:31], 0x15), false},
		"a wrong one first":   {append(append(good[:31:31], 0x15), good...), true},
	} {
		if got := frame(c.came); (got != nil) != c.found || c.found && !bytes.Equal(got, good) {
			t.Errorf("%s: found %x", name, got)
		}
	}
}

// What Open and Read send, byte by byte (appendix II).
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		port := &wire{Port: sim.NewLine("sim:pms5003", new(sim.PMS5003)).Port()}
		d, err := Open(t.Context(), port, Config{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context())
		if err != nil || s[0].Doubt == "" {
			t.Errorf("right after its start: %+v, %v, want a doubt", s, err)
		}
		time.Sleep(steady)
		if s, err = d.Read(t.Context()); err != nil || s[0].Doubt != "" {
			t.Errorf("half a minute after its start: %+v, %v, want no doubt", s, err)
		}
		const want = "424de400010174 424de100000170 424de200000171 424de200000171 424de200000171"
		if got := strings.Join(port.sent, " "); got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	})
}

// wire notes what is sent.
type wire struct {
	device.Port
	sent []string
}

func (w *wire) Write(b []byte) (int, error) {
	w.sent = append(w.sent, hex.EncodeToString(b))
	return w.Port.Write(b)
}

// A device that knows no commands speaks each second by itself.
func TestSpeaksUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := Open(t.Context(), deaf{sim.NewLine("sim:pms5003", new(sim.PMS5003)).Port()}, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Read(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

type deaf struct{ device.Port }

func (deaf) Write(b []byte) (int, error) { return len(b), nil }

func FuzzFrame(f *testing.F) {
	f.Add(unhex(f, captured))
	f.Add(unhex(f, "424d0004e1000174"+strings.ReplaceAll(captured, " ", "")))
	f.Fuzz(func(t *testing.T, came []byte) {
		got := frame(came)
		if got == nil {
			return
		}
		if len(got) != frameLen || !bytes.Contains(came, got) || sum(got[:30]) != uint16(got[30])<<8|uint16(got[31]) {
			t.Errorf("found %x in %x", got, came)
		}
		decode([frameLen]byte(got))
	})
}
