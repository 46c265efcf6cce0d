package tape_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/device/tape"
)

// level is a type of key that is a text.
type level int

func (l level) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "level %d", int(l)), nil }
func (l *level) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "level %d", (*int)(l))
	return err
}

type inner struct {
	Gain float64 `toml:"gain"`
	Unit string
}

type common struct{ Address uint16 }

// config has a key of every kind.
type config struct {
	_ struct{} `doc:"for this test"`
	common
	Every   time.Duration
	Level   level `toml:"the-level"`
	On      bool
	Names   []string
	Inner   inner
	Inners  map[string]inner
	Ranges  [2]int
	Perhaps *int
	_       int
	Any     any
}

type dev struct{ device.Sensor }

func init() {
	open := func() (dev, error) { return dev{}, errors.New("not to be opened") }
	device.RegisterI2C("tape-i2c", config{common: common{0x10}, Inner: inner{Gain: 1}},
		func(context.Context, i2c.Bus, config) (dev, error) { return open() })
	device.RegisterSPI("tape-spi", struct{}{}, func(context.Context, spi.Port, struct{}) (dev, error) { return open() })
	device.RegisterSerial("tape-port", struct{}{}, func(context.Context, device.Port, struct{}) (dev, error) { return open() })
}

func TestConfig(t *testing.T) {
	three := 3
	for _, c := range []config{
		{common: common{0x10}, Inner: inner{Gain: 1}},
		{
			common: common{0x77}, Every: 90 * time.Second, Level: 5, On: true, Names: []string{"a", "b"},
			Inner: inner{Gain: 2.5, Unit: "K"}, Inners: map[string]inner{"x": {Gain: 3}}, Perhaps: &three, Any: "word",
		},
	} {
		var out bytes.Buffer
		if _, err := tape.NewWriter(&out, device.Spec{Name: "a", Driver: "tape-i2c", Wire: "/dev/i2c-1", Config: c}); err != nil {
			t.Fatal(err)
		}
		r, err := tape.NewReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := r.Head.DriverConfig()
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s\nis read as %+v, %v, want %+v", r.Head.Config, got, err, c)
		}
	}
}

// What is written is part of the format, to the letter.
func TestFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w, err := tape.NewWriter(&out, device.Spec{Name: "air", Driver: "tape-i2c", Wire: "/dev/i2c-1", Config: config{common: common{0x44}, Inner: inner{Gain: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		at := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
		on := device.On(true)
		for _, h := range []device.Heard{
			{Call: &device.Call{At: at(1), Name: "open"}},
			{Transfer: &device.Transfer{At: at(2), Op: device.OpTx, Addr: 0x44, W: []byte{0x89}}},
			{Transfer: &device.Transfer{At: at(3), Took: 2 * time.Millisecond, Op: device.OpTx, Addr: 0x44, R: []byte{1, 0xFF}, N: 2}},
			{Transfer: &device.Transfer{At: at(5), Op: device.OpTx, Addr: 0x44, N: 6, Err: fmt.Errorf("%w (EREMOTEIO)", device.ErrNoAnswer)}},
			{Transfer: &device.Transfer{At: at(6), Op: device.OpConnect, Connect: device.Connection{Speed: physic.MegaHertz, Mode: spi.Mode1, Bits: 8}}},
			{Transfer: &device.Transfer{At: at(7), Op: device.OpMode, Mode: device.Mode{Baud: 9600, Data: 8, Parity: "none", Stop: 1}}},
			{Call: &device.Call{At: at(8), Name: "out", To: &on}},
			{Report: &device.Report{
				Opened: &device.Opened{Info: device.Info{Model: "M", Serial: "7"}, Channels: []device.Channel{{Name: "t", Unit: "Cel", Min: -40, Max: 125, Resolution: 0.01}}},
				Readings: []device.NamedReading{
					{Channel: "t", Reading: device.Reading{Value: 21.5, Unit: "Cel"}},
					{Channel: "u", Reading: device.Reading{Value: 99, Unit: "%", Quality: device.Uncertain, Reason: "saturated"}},
					{Channel: "v", Reading: device.Reading{Quality: device.Bad, Reason: "checksum", At: clock.At(now)}},
				},
			}},
			{Report: &device.Report{State: &device.State{Value: on, Safe: true}}},
			{Report: &device.Report{Err: &device.Fault{Text: "no answer", Remedy: "check power", Err: device.ErrNoAnswer}}},
		} {
			if err := w.Hear(h); err != nil {
				t.Fatal(err)
			}
		}
		w.Lost(3)
		w.End()
		want := `{"recording":1,"device":"air","driver":"tape-i2c","wire":"i2c","on":"/dev/i2c-1","config":{"address":68},"began":"2000-01-01T00:00:00Z"}
{"t":0.001,"call":"open"}
{"t":0.002,"op":"tx","addr":"0x44","w":"89"}
{"t":0.003,"op":"tx","addr":"0x44","r":"01ff","took":0.002}
{"t":0.005,"op":"tx","addr":"0x44","n":6,"err":"no-answer","why":"nobody acknowledged (EREMOTEIO)"}
{"t":0.006,"op":"connect","hz":1000000,"mode":1,"bits":8}
{"t":0.007,"op":"mode","baud":9600,"data":8,"parity":"none","stop":1}
{"t":0.008,"call":"out","to":true}
{"t":0,"opened":{"model":"M","serial":"7","channels":[{"name":"t","unit":"Cel","min":-40,"max":125,"resolution":0.01}]},"readings":[{"channel":"t","value":21.5,"unit":"Cel"},{"channel":"u","value":99,"unit":"%","quality":"uncertain","reason":"saturated"},{"channel":"v","quality":"bad","reason":"checksum"}]}
{"t":0,"state":{"value":true,"safe":true}}
{"t":0,"failed":"no answer","remedy":"check power","err":"no-answer","why":"nobody acknowledged"}
{"t":0,"lost":3}
{"t":0,"end":true}
`
		if out.String() != want {
			t.Errorf("written\n%s\nwant\n%s", out.String(), want)
		}
	})
}

// player returns the wire of a recording of these lines, at its only step.
func player(t *testing.T, driver string, kind device.Kind, lines string) *tape.Wire {
	t.Helper()
	text := fmt.Sprintf(`{"recording":1,"device":"x","driver":%q,"wire":%q,"on":"wire-1","began":"2026-11-23T08:00:00Z"}`+"\n{\"t\":0,\"call\":\"read\"}\n%s\n{\"t\":1,\"failed\":\"x\"}\n", driver, kind, lines)
	r, err := tape.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.Attempt()
	if err != nil {
		t.Fatal(err)
	}
	w := tape.NewWire(&r.Head, 1)
	w.Play(&a.Steps[0])
	return w
}

func TestPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := player(t, "tape-port", device.Serial, `{"t":0,"op":"mode","baud":9600}
{"t":0,"op":"read","r":"00"}
{"t":0,"op":"reset"}
{"t":0,"op":"write","w":"ff01"}
{"t":0.1,"op":"read","r":"01 02"}
{"t":0.2,"op":"read","r":"0304"}`)
		p := w.As(device.Serial).(device.Port)
		p.SetMode(device.Mode{})
		p.ResetInputBuffer()
		if _, err := p.Write([]byte{0xFF, 1}); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 3)
		if n, err := device.ReadFull(t.Context(), p, b); err != nil || n != 3 || b[2] != 3 {
			t.Errorf("read % x, %v", b[:n], err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if n, err := device.ReadFull(ctx, p, b); !errors.Is(err, context.DeadlineExceeded) || n != 1 || time.Since(began).Round(10*time.Millisecond) != time.Second {
			t.Errorf("of what did not come %d bytes and %v after %v", n, err, time.Since(began))
		}
		if _, err := p.Write([]byte{7}); !errors.Is(err, tape.ErrOther) || !errors.Is(w.Other(), tape.ErrOther) {
			t.Errorf("a write that was not recorded: %v", err)
		}
	})
}

func TestSPI(t *testing.T) {
	w := player(t, "tape-spi", device.SPI, `{"t":0,"op":"connect","hz":1000000,"mode":1,"bits":8}
{"t":0,"op":"tx","w":"0180","r":"0002"}
{"t":0,"op":"tx","w":"0190","n":2,"err":"bus-gone","why":"no such device"}`)
	c, err := w.As(device.SPI).(spi.Port).Connect(physic.MegaHertz, spi.Mode1, 8)
	if err != nil {
		t.Fatal(err)
	}
	r := make([]byte, 2)
	if err := c.Tx([]byte{1, 0x80}, r); err != nil || r[1] != 2 {
		t.Errorf("% x, %v", r, err)
	}
	if err := c.Tx([]byte{1, 0x90}, r); !errors.Is(err, device.ErrBusGone) || err.Error() != "no such device: the bus is gone" {
		t.Errorf("error %v", err)
	}
	if err := c.Tx([]byte{1, 0x90}, r); !errors.Is(err, tape.ErrOther) {
		t.Errorf("beyond the end: %v", err)
	}
}

// A driver that was mended may leave out what it did, but finds only what comes later.
func TestOrder(t *testing.T) {
	w := player(t, "tape-i2c", device.I2C, `{"t":0,"op":"tx","addr":"0x44","w":"01","r":"0a"}
{"t":0,"op":"tx","addr":"0x44","w":"02","r":"0b"}
{"t":0,"op":"tx","addr":"0x44","w":"03","r":"0c"}`)
	b := w.As(device.I2C).(i2c.Bus)
	r := make([]byte, 1)
	if err := b.Tx(0x44, []byte{2}, r); err != nil || r[0] != 0x0B || w.Left() != 1 {
		t.Errorf("the second: % x, %v, %d left", r, err, w.Left())
	}
	if err := b.Tx(0x44, []byte{1}, r); !errors.Is(err, tape.ErrOther) || !strings.Contains(err.Error(), "in line 5 of the recording there is tx 0x44 write 03 read 1") {
		t.Errorf("the first after it: %v", err)
	}
	if b.String() != "wire-1" {
		t.Errorf("it is called %s", b)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"recording":1,"device":"a","driver":"tape-i2c","wire":"i2c","config":{"inner":{"gain":2}}}
{"t":0.1,"call":"out","to":true}
{"t":0.2,"op":"tx","addr":"0x44","w":"89","n":3,"err":"timeout"}
{"t":0.3,"readings":[{"channel":"t","value":1}],"opened":{"channels":[{"form":"text"}]}}
{"t":1,"end":true}
`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := tape.NewReader(bytes.NewReader(text))
		if err != nil {
			return
		}
		_, _, _ = r.Head.DriverConfig()
		lines := bytes.Count(text, []byte("\n")) + 1
		for {
			_, err := r.Attempt()
			var fault *tape.Fault
			switch {
			case err == io.EOF:
				return
			case errors.As(err, &fault):
				if fault.Line < 1 || fault.Line > lines {
					t.Fatalf("a fault in line %d of %d", fault.Line, lines)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
		}
	})
}
