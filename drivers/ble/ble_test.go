package ble

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/ble/advert"
	"selvage/drivers/ble/hci"
	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
	"selvage/edge/leaktest"
	"selvage/edge/secret"
)

var home = device.RadioAddress{0x54, 0x48, 0xE6, 0x8F, 0x80, 0xA5}

// said is service data of BTHome v2.
func said(b ...byte) []byte {
	return append([]byte{byte(len(b) + 3), 0x16, 0xD2, 0xFC}, b...)
}

func place(t *testing.T, text string) (s secret.Place) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.UnmarshalText([]byte("file:" + path)); err != nil {
		t.Fatal(err)
	}
	return s
}

// air is an adapter with one beacon, whose words can be changed.
type air struct {
	*sim.Air
	radio *hci.Radio
}

func open(t *testing.T, every time.Duration, words ...byte) *air {
	t.Helper()
	a := &air{Air: sim.NewAir(&sim.Beacon{Address: home, Signal: -60, Every: every})}
	a.say(words...)
	var err error
	if a.radio, err = hci.Open(t.Context(), "sim:hci0", a.Adapter()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.radio.Close() })
	return a
}

func (a *air) say(words ...byte) {
	a.Change(func(b []*sim.Beacon) {
		b[0].Off = len(words) == 0
		b[0].Say = func(time.Time) []byte { return said(words...) }
	})
}

func (a *air) device(t *testing.T, c Config) *Dev {
	t.Helper()
	if c.Address.IsZero() {
		c.Address = home
	}
	d, err := Open(t.Context(), a.radio, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func read(t *testing.T, d *Dev) map[string]device.Measure {
	t.Helper()
	s, err := d.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]device.Measure{}
	for _, m := range s {
		all[m.Channel] = m
	}
	return all
}

func fault(t *testing.T, d *Dev, is error, text, remedy string) {
	t.Helper()
	s, err := d.Read(t.Context())
	var f *device.Fault
	if !errors.As(err, &f) || !errors.Is(err, is) || !strings.Contains(f.Text, text) || !strings.Contains(f.Remedy, remedy) {
		t.Errorf("Read = %v, %v (%+v), want %q, %q", s, err, f, text, remedy)
	}
}

func TestDriver(t *testing.T) {
	leaktest.Check(t)
	drivertest.Run(t, drivertest.Case{
		Driver: "ble", Config: Config{Address: home, Silence: 5 * time.Minute},
		Radio: func(ctx context.Context) (device.RadioBus, error) {
			return hci.Open(ctx, "sim:hci0", sim.NewAir(&sim.Beacon{Address: home, Signal: -60, Every: time.Second, Say: func(time.Time) []byte {
				return said(0x40, 0x02, 0xCA, 0x09, 0x03, 0xBF, 0x13)
			}}).Adapter())
		},
	})
}

// The first example of https://bthome.io/format: 25.06 °C and 50.55 %.
func TestHears(t *testing.T) {
	for _, extended := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a := &air{Air: sim.NewAir(&sim.Beacon{Address: home, Signal: -60, Every: time.Second})}
			a.Extended(extended)
			a.say(0x40, 0x02, 0xCA, 0x09, 0x03, 0xBF, 0x13)
			var err error
			if a.radio, err = hci.Open(t.Context(), "sim:hci0", a.Adapter()); err != nil {
				t.Fatal(err)
			}
			defer a.radio.Close()
			d := a.device(t, Config{})
			var asked atomic.Int32
			d.Wake(func() { asked.Add(1) })
			if s, err := d.Read(t.Context()); len(s) != 0 || err != nil {
				t.Errorf("before anything was heard: %v, %v, want nothing", s, err)
			}
			time.Sleep(1600 * time.Millisecond)
			synctest.Wait()
			if asked.Load() == 0 {
				t.Error("it does not ask to be read when it is heard first")
			}
			got := read(t, d)
			if got["temperature"].Value != 25.06 || got["humidity"].Value != 50.55 || got["rssi"].Value != -60 || len(got) != 3 {
				t.Errorf("read %+v", got)
			}
			if !d.Learned() || d.Learned() || len(d.Channels()) != 3 {
				t.Errorf("it did not learn its channels once: %+v", d.Channels())
			}
			want := device.Info{Driver: "ble", Wire: "sim:hci0", Address: "54:48:E6:8F:80:A5", Model: "BTHome v2"}
			if i := d.Info(); i != want {
				t.Errorf("Info = %+v, want %+v", i, want)
			}
		})
	}
}

// Numbers are read no more often than is wanted, a contact at once, also when it closes before it was read.
func TestAsksForNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, time.Second, 0x40, 0x02, 0xCA, 0x09, 0x1A, 0x00)
		d := a.device(t, Config{})
		var asked atomic.Int32
		d.Wake(func() { asked.Add(1) })
		d.Space(time.Minute)
		wait := func(n int) {
			time.Sleep(time.Duration(n) * time.Second)
			synctest.Wait()
		}
		wait(1)
		read(t, d)
		d.Learned()
		asked.Store(0)
		wait(30)
		if n := asked.Load(); n != 0 {
			t.Errorf("it asked %d times within half a minute", n)
		}
		wait(31)
		if asked.Load() == 0 {
			t.Error("it did not ask after a minute")
		}
		read(t, d)
		asked.Store(0)
		a.say(0x40, 0x02, 0xCB, 0x09, 0x1A, 0x01)
		wait(1)
		a.say(0x40, 0x02, 0xCC, 0x09, 0x1A, 0x00)
		wait(1)
		if n := asked.Load(); n != 2 {
			t.Errorf("the door opened and closed, and it asked %d times", n)
		}
		if got := read(t, d); got["door"].Value != 1 || got["temperature"].Value != 25.07 {
			t.Errorf("first %+v, want the door open", got)
		}
		if got := read(t, d); got["door"].Value != 0 {
			t.Errorf("then %+v, want the door closed", got)
		}
	})
}

// A packet that is said again is one event, whether it has a number or not; the next is another.
func TestCountsPressesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, 200*time.Millisecond)
		d := a.device(t, Config{})
		d.Wake(func() {})
		presses := func() (n int) {
			time.Sleep(2 * time.Second)
			synctest.Wait()
			for {
				s, err := d.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(s) == 0 {
					return n
				}
				for _, m := range s {
					if m.Channel == "button" {
						n++
					}
				}
			}
		}
		for i, words := range [][]byte{
			{0x44, 0x00, 0x07, 0x3A, 0x01}, // numbered
			{0x44, 0x00, 0x08, 0x3A, 0x01},
			{0x44, 0x3A, 0x01}, // not numbered
		} {
			a.say(words...)
			if n := presses(); n != 1 {
				t.Errorf("% x said ten times is %d presses", words, n)
			}
			if n := presses(); n != 0 {
				t.Errorf("% x is pressed again after two seconds (%d)", words, n)
			}
			a.say()
			if i == 2 {
				time.Sleep(2 * sameWithin)
				a.say(words...)
				if n := presses(); n != 1 {
					t.Errorf("pressed again after %v: %d presses", 2*sameWithin, n)
				}
			}
		}
	})
}

// sealed is the encrypted example of https://bthome.io/encryption.
var sealed = []byte{0x41, 0xA4, 0x72, 0x66, 0xC9, 0x5F, 0x73, 0x00, 0x11, 0x22, 0x33, 0x78, 0x23, 0x72, 0x14}

const sealedKey = "231d39c1d7cc1ab1aee224cd096db932"

func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, time.Second, sealed...)
		right := a.device(t, Config{Bindkey: place(t, sealedKey)})
		wrong := a.device(t, Config{Bindkey: place(t, strings.Repeat("0", 32))})
		none := a.device(t, Config{})
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if got := read(t, right); got["temperature"].Value != 25.06 || got["humidity"].Value != 50.55 {
			t.Errorf("with the key: %+v", got)
		}
		fault(t, wrong, advert.ErrWrongKey, "the bindkey does not open what 54:48:E6:8F:80:A5, a BTHome v2, says", "key is of another device")
		fault(t, none, advert.ErrNeedsKey, "encrypts what it says, and its table has no bindkey", "add bindkey")
	})
	for _, bad := range []string{"12", "secretsecretsecretsecretsecretse", strings.Repeat("ab", 17)} {
		a := open(t, time.Second)
		_, err := Open(t.Context(), a.radio, Config{Address: home, Bindkey: place(t, bad)})
		var f *device.Fault
		if !errors.As(err, &f) || f.Text != "the bindkey of 54:48:E6:8F:80:A5 is no key" || strings.Contains(err.Error()+f.Remedy, bad) {
			t.Errorf("the key %s: %v", bad, err)
		}
	}
}

// The counter is part of what the authentication field covers.
func TestRefusesForgedCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forged := append([]byte(nil), sealed...)
		forged[7] ^= 1
		a := open(t, time.Second, sealed...)
		d := a.device(t, Config{Bindkey: place(t, sealedKey)})
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		read(t, d)
		a.say(forged...)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s, err := d.Read(t.Context()); len(s) > 0 || err != nil {
			t.Errorf("a forged packet: %v, %v", s, err)
		}
		time.Sleep(afterGood)
		synctest.Wait()
		fault(t, d, advert.ErrWrongKey, "does not open", "get its key anew")
	})
}

// An old packet that is sent again is not believed.
func TestRefusesOldPackets(t *testing.T) {
	d := &Dev{radio: nil, c: Config{Address: home}, ask: func() {}, flags: map[string]float64{}, once: once{id: -1}, count: -1, battery: -1}
	d.key, _ = hex.DecodeString(sealedKey)
	now := time.Now()
	hear := func() { d.hear(device.Advert{At: now, From: home, Signal: -60, Data: said(sealed...)}) }
	hear()
	if d.count != 0x33221100 || len(d.pending) == 0 {
		t.Fatalf("count %#x, pending %v", d.count, d.pending)
	}
	d.pending, d.count = nil, 0x33221101 // it has said one more since
	now = now.Add(time.Second)
	hear()
	if len(d.pending) > 0 || d.trouble != nil {
		t.Errorf("believed: %v, %v", d.pending, d.trouble)
	}
	now = now.Add(time.Minute)
	hear()
	if len(d.pending) > 0 || !errors.Is(d.trouble, errOld) {
		t.Errorf("after a minute of it: %v, %v", d.pending, d.trouble)
	}
}

func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, time.Second)
		d := a.device(t, Config{Silence: 5 * time.Minute})
		forever := a.device(t, Config{})
		time.Sleep(59 * time.Second)
		if s, err := d.Read(t.Context()); len(s) > 0 || err != nil {
			t.Errorf("after 59 s: %v, %v", s, err)
		}
		time.Sleep(2 * time.Second)
		fault(t, d, device.ErrNoAnswer, "54:48:E6:8F:80:A5 was not heard on sim:hci0 yet", "nobody is heard on sim:hci0")
		a.say(0x40, 0x01, 0x05, 0x02, 0xCA, 0x09)
		time.Sleep(time.Second)
		synctest.Wait()
		read(t, d)
		a.say()
		time.Sleep(4 * time.Minute)
		if s, err := d.Read(t.Context()); len(s) > 0 || err != nil {
			t.Errorf("after 4 minutes of silence: %v, %v", s, err)
		}
		time.Sleep(2 * time.Minute)
		fault(t, d, device.ErrNoAnswer, "is not heard on sim:hci0 any more", "change its battery, which was at 5 %")
		time.Sleep(24 * time.Hour)
		read(t, forever)
		if s, err := forever.Read(t.Context()); len(s) > 0 || err != nil {
			t.Errorf("silence = \"0s\" after a day: %v, %v", s, err)
		}
	})
}

// What is no sensor's at the address is told after a while; garbage is not believed.
func TestStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, time.Second, 0x40, 0xEE, 0x01)
		b := open(t, time.Second)
		b.Change(func(all []*sim.Beacon) {
			all[0].Off = false
			all[0].Say = func(time.Time) []byte { return []byte{5, 0x09, 'T', 'e', 's', 't'} }
		})
		d, e := a.device(t, Config{}), b.device(t, Config{})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		fault(t, d, advert.ErrMisfit, "what 54:48:E6:8F:80:A5, a BTHome v2, says cannot be read", "firmware")
		if s, err := e.Read(t.Context()); len(s) > 0 || err != nil {
			t.Errorf("a name alone: %v, %v", s, err)
		}
		time.Sleep(afterGood)
		synctest.Wait()
		fault(t, e, advert.ErrUnknown, "is heard, and what it says is not known here", "active = true")
	})
}

// One that says what it measures only when it is asked.
func TestActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, time.Second, 0x40, 0x02, 0xCA, 0x09)
		a.Change(func(b []*sim.Beacon) { b[0].Answers = true })
		quiet := a.device(t, Config{})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := read(t, quiet); len(got) > 0 {
			t.Errorf("heard without being asked: %+v", got)
		}
		d := a.device(t, Config{Active: true})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := read(t, d); got["temperature"].Value != 25.06 {
			t.Errorf("read %+v", got)
		}
	})
}

// Channels that anybody makes up under the address of a sensor are bounded.
func TestBounded(t *testing.T) {
	d := &Dev{c: Config{Address: home}, ask: func() {}, flags: map[string]float64{}, once: once{id: -1}, count: -1}
	for i := range 2000 {
		words := []byte{0x40}
		for range 1 + i%100 {
			words = append(words, 0x3A, 1)
		}
		d.hear(device.Advert{At: time.Unix(int64(i)*10, 0), From: home, Data: said(words[:min(len(words), 240)]...)})
	}
	if len(d.queue) != queueMost || len(d.channels) > channelsMost || len(d.pending) > channelsMost {
		t.Errorf("%d samples, %d channels, %d pending", len(d.queue), len(d.channels), len(d.pending))
	}
}

func TestCheck(t *testing.T) {
	var plain secret.Place
	plain.UnmarshalText([]byte(sealedKey))
	for _, c := range []struct {
		c    Config
		want string
	}{
		{Config{Address: home, Silence: time.Minute}, ""},
		{Config{Address: home}, ""},
		{Config{Silence: time.Minute}, "address"},
		{Config{Address: home, Silence: time.Second}, "silence"},
		{Config{Address: home, Bindkey: plain}, "bindkey"},
	} {
		got := ""
		c.c.Check(func(key, problem, remedy string) {
			if got += key; strings.Contains(problem+remedy, sealedKey[:8]) {
				t.Error("a fault tells the key")
			}
		})
		if got != c.want {
			t.Errorf("%+v: faults with %q, want %q", c.c, got, c.want)
		}
	}
}
