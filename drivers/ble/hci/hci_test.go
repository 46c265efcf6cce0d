package hci

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/device"
	"selvage/edge/leaktest"
)

func un(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Packets as a kernel's trace has them: the legacy report is an advertisement of a RuuviTag that ble_monitor recorded,
// the extended one of a ThermoPro.
func TestReports(t *testing.T) {
	var r Reports
	got, err := r.Parse(un(t, "04 3E 2A 02 01 03 01 57168974A5F4 1E 0201060303AAFE1616AAFE10EE037275752E76692F23416A7759414D4666 CD"))
	want := device.Advert{From: device.RadioAddress{0xF4, 0xA5, 0x74, 0x89, 0x16, 0x57}, Random: true, Signal: -51, Data: un(t, "0201060303AAFE1616AAFE10EE037275752E76692F23416A7759414D4666")}
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("legacy: %+v, %v, want %+v", got, err, want)
	}
	got, err = r.Parse(un(t, "04 3E 33 0D 01 1300 00 870CF2487E48 01 00 FF 7F D8 0000 00 000000000000 19 0D0954503335392028304338372902010507FFC2FF0035012C"))
	if err != nil || len(got) != 1 || got[0].From.String() != "48:7E:48:F2:0C:87" || got[0].Signal != -40 || len(got[0].Data) != 25 || got[0].Random {
		t.Errorf("extended: %+v, %v", got, err)
	}
	// Two in one event.
	got, err = r.Parse(un(t, "04 3E 17 02 02 0000 010000000000 01 AA C4 0001 020000000000 00 BF"))
	if err != nil || len(got) != 2 || got[1].From[5] != 2 || got[1].Signal != -65 || !bytes.Equal(got[0].Data, []byte{0xAA}) {
		t.Errorf("two: %+v, %v", got, err)
	}
}

// chained is an extended report of a part; status is 0 for the last, 1 for one before, 2 for cut.
func chained(status, from byte, data string) []byte {
	body := append([]byte{reportExtended, 1, status << 5, 0, 0, from, 0, 0, 0, 0, 0, 1, 0, 3, 0x7F, 0xC4, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(data))}, data...)
	return append([]byte{packetEvent, eventLEMeta, byte(len(body))}, body...)
}

func TestReportsInParts(t *testing.T) {
	var r Reports
	for _, c := range []struct {
		p    []byte
		want string
	}{
		{chained(1, 1, "one"), ""}, {chained(1, 2, "uno"), ""}, {chained(1, 1, "two"), ""}, {chained(0, 1, "three"), "onetwothree"},
		{chained(0, 2, "due"), "unodue"}, {chained(0, 1, "alone"), "alone"},
		{chained(1, 1, "lost"), ""}, {chained(2, 1, "cut"), ""}, {chained(0, 1, "new"), "new"},
	} {
		got, err := r.Parse(c.p)
		if err != nil || (len(got) == 1) != (c.want != "") || len(got) == 1 && string(got[0].Data) != c.want {
			t.Errorf("%q: %v, %v", c.want, got, err)
		}
	}
	for i := range 100 { // whoever sends only beginnings
		for range 50 {
			if _, err := r.Parse(chained(1, byte(i), strings.Repeat("x", 200))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(r.parts) > partsMost {
		t.Errorf("parts of %d advertisements are kept", len(r.parts))
	}
	for _, p := range r.parts {
		if len(p) > longest {
			t.Errorf("%d bytes are kept", len(p))
		}
	}
}

// A report that is cut at any byte, or has one too many, says nothing.
func TestReportsCut(t *testing.T) {
	for _, whole := range [][]byte{
		un(t, "04 3E 17 02 02 0000 010000000000 01 AA C4 0001 020000000000 00 BF"), chained(0, 1, "data"),
	} {
		for n := range whole {
			p := bytes.Clone(whole[:n])
			if n > 2 {
				p[2] = byte(n - 3)
			}
			var r Reports
			if got, _ := r.Parse(p); len(got) > 0 {
				t.Errorf("cut after %d bytes: %+v", n, got)
			}
		}
		var r Reports
		more := append(bytes.Clone(whole), 0)
		more[2]++
		if got, err := r.Parse(more); err == nil || len(got) > 0 {
			t.Errorf("a byte too many: %+v", got)
		}
	}
}

// The parameters as the specification has them, 7.8.10 and 7.8.64.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{scanParams(false, false), "01 0B20 07 00 6000 3000 00 00"},
		{scanParams(false, true), "01 0B20 07 01 6000 3000 00 00"},
		{scanParams(true, false), "01 4120 08 00 00 01 00 6000 3000"},
		{scanEnable(false, true), "01 0C20 02 01 00"},
		{scanEnable(true, false), "01 4220 06 00 00 0000 0000"},
	} {
		if !bytes.Equal(c.got, un(t, c.want)) {
			t.Errorf("% X, want %s", c.got, c.want)
		}
	}
}

// script is a controller that answers as told: op to status.
type script struct {
	status map[uint16]byte
	mute   bool
	in     chan []byte
	wrote  atomic.Int32 // commands
}

func newScript(status map[uint16]byte) *script {
	return &script{status: status, in: make(chan []byte, 16)}
}

func (s *script) Read(p []byte) (int, error) {
	b, ok := <-s.in
	if !ok {
		return 0, errors.New("broken pipe")
	}
	return copy(p, b), nil
}

func (s *script) Write(p []byte) (int, error) {
	s.wrote.Add(1)
	if !s.mute {
		s.in <- []byte{packetEvent, eventComplete, 4, 1, p[1], p[2], s.status[uint16(p[1])|uint16(p[2])<<8]}
	}
	return len(p), nil
}

func (s *script) Close() error {
	close(s.in)
	return nil
}

func TestOpenFails(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name   string
		link   func() *script // a channel belongs to the bubble it is made in
		text   string
		remedy string
	}{
		{"no LE", func() *script {
			return newScript(map[uint16]byte{opScanParams: statusUnknown, opScanEnable: statusUnknown})
		}, "the adapter hci0 knows no Bluetooth LE", "4.0"},
		{"hardware failure", func() *script { return newScript(map[uint16]byte{opScanEnable: 0x03}) }, "the adapter hci0 does not listen", "hciconfig hci0 reset"},
		{"mute", func() *script { return &script{mute: true, in: make(chan []byte, 1)} }, "the adapter hci0 does not answer", "unplug it"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, err := Open(t.Context(), "hci0", c.link())
			var f *device.Fault
			if r != nil || !errors.As(err, &f) || f.Text != c.text || !strings.Contains(f.Remedy, c.remedy) {
				t.Errorf("%s: %v, %v, want %q", c.name, r, err, c.text)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := Open(ctx, "hci0", &script{mute: true, in: make(chan []byte, 1)}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// One that somebody else has scan already is listened along with.
func TestListensAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(map[uint16]byte{opScanParams: statusDisallowed, opScanEnable: statusDisallowed})
		r, err := Open(t.Context(), "hci0", s)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		heard := 0
		stop := r.Hear(device.RadioAddress{}, func(device.Advert) { heard++ })
		s.in <- un(t, "04 3E 0D 02 01 0000 010000000000 01 AA C4")
		s.in <- un(t, "04 3E 0C 02 01 0000 010000000000 00 C4")
		s.in <- []byte("garbage")
		synctest.Wait()
		if stop(); heard != 2 {
			t.Errorf("heard %d, want 2", heard)
		}
	})
}

// A scan that another program ended is begun anew; an adapter that is pulled out is gone, and says so.
func TestWatches(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		s := newScript(nil)
		r, err := Open(t.Context(), "hci0", s)
		if err != nil {
			t.Fatal(err)
		}
		n := s.wrote.Load()
		time.Sleep(quietAfter + time.Second)
		synctest.Wait()
		if got := s.wrote.Load() - n; got != 3 {
			t.Errorf("%d commands after silence, want 3: stop, parameters, start", got)
		}
		close(s.in)
		synctest.Wait()
		var f *device.Fault
		if err := r.Err(); !errors.Is(err, device.ErrBusGone) || !errors.As(err, &f) || f.Text != "the adapter hci0 is gone" {
			t.Errorf("pulled out: %v", err)
		}
		s.in = make(chan []byte)
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// corpus are the recorded events, where they are.
func corpus(f *testing.F) {
	b, _ := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "ble", "adverts.jsonl"))
	for line := range strings.Lines(string(b)) {
		if _, rest, ok := strings.Cut(line, `"hci_hex": "`); ok {
			text, _, _ := strings.Cut(rest, `"`)
			p, _ := hex.DecodeString(text)
			f.Add(p)
		}
	}
	f.Add(chained(1, 1, "part"))
}

// Whatever comes, what is reported is within what came, and nothing grows.
func FuzzReports(f *testing.F) {
	corpus(f)
	f.Fuzz(func(t *testing.T, p []byte) {
		var r Reports
		for range 3 {
			all, err := r.Parse(p)
			if err != nil && len(all) > 0 {
				t.Errorf("%d advertisements beside %v", len(all), err)
			}
			for _, a := range all {
				if len(a.Data) > longest {
					t.Errorf("%d bytes of one advertisement", len(a.Data))
				}
			}
		}
		if len(r.parts) > partsMost {
			t.Errorf("parts of %d", len(r.parts))
		}
		parseAnswer(p)
	})
}
