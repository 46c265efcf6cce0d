package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func init() {
	// chatter:NAME is a serial port on which the letters of the alphabet come, one after the other, to whoever asks.
	device.RegisterBus("chatter", device.Wires{Port: func(_ context.Context, name string) (device.Port, error) {
		return &chatterPort{name: name}, nil
	}})
	device.RegisterSerial("chatter", struct{}{}, func(_ context.Context, p device.Port, _ struct{}) (*chatter, error) {
		return &chatter{p}, p.ResetInputBuffer()
	})
}

type chatterPort struct {
	name  string
	asked int
	n     byte
}

func (p *chatterPort) String() string                     { return p.name }
func (p *chatterPort) Close() error                       { return nil }
func (p *chatterPort) SetMode(device.Mode) error          { return nil }
func (p *chatterPort) SetReadTimeout(time.Duration) error { return nil }
func (p *chatterPort) ResetInputBuffer() error            { return nil }

func (p *chatterPort) Write(b []byte) (int, error) {
	p.asked += len(b)
	return len(b), nil
}

func (p *chatterPort) Read(b []byte) (int, error) {
	if p.asked == 0 {
		time.Sleep(time.Millisecond)
		return 0, nil
	}
	p.asked--
	p.n++
	b[0] = 'a' + (p.n-1)%26
	return 1, nil
}

// chatter measures which letter it is.
type chatter struct{ port device.Port }

func (c *chatter) Info() device.Info { return device.Info{Driver: "chatter", Wire: c.port.String()} }
func (c *chatter) Close() error      { return nil }

func (c *chatter) Channels() []device.Channel {
	return []device.Channel{{Name: "letter", Unit: "1", Min: 0, Max: 25, Resolution: 1}}
}

func (c *chatter) Read(ctx context.Context) (device.Sample, error) {
	if _, err := c.port.Write([]byte("?")); err != nil {
		return nil, err
	}
	var b [1]byte
	_, err := device.ReadFull(ctx, c.port, b[:])
	return device.Sample{{Channel: "letter", Value: float64(b[0] - 'a')}}, err
}

const airHost = `[host]
name = "sensors"
data = "./var"
listen = "LISTEN"
[device.air]
driver = "sht4x"
bus = "sim:sensors"
every = "200ms"
[device.soil]
driver = "sht4x"
bus = "sim:sensors"
address = 0x46
[device.heater]
driver = "gpio-out"
pin = "sim:sensors/GPIO17"
[device.words]
driver = "chatter"
port = "chatter:1"
every = "100ms"
`

// runs expects an exit code, and parts of what is written, in this order.
func (f folder) runs(t *testing.T, code int, args []string, parts ...string) result {
	t.Helper()
	r := f.run(t, args...)
	if r.code != code {
		t.Errorf("%q: exit %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	rest := r.out + r.err
	for _, p := range parts {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Errorf("%q: there is no %q, in this order, in\n%s%s", args, p, r.out, r.err)
			break
		}
		rest = after
	}
	return r
}

// What a scan prints is a piece of a config, which is right as it stands.
func TestScan(t *testing.T) {
	f := folderWith(t, "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n")
	r := f.runs(t, 0, []string{"scan", "sim:room"},
		"# sim:room\n", "#   0x44  Sensirion SHT4x\n", "\n[device.air]\ndriver  = \"sht4x\"\nbus     = \"sim:room\"\naddress = 0x44\n")
	config, err := os.ReadFile(filepath.Join(string(f), "selvage.toml"))
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, "selvage.toml", string(config)+r.out)
	f.runs(t, 0, []string{"check"}, "has no faults: 1 device\n")
	f.runs(t, 0, []string{"try", "air"}, "sht4x at 0x44 on sim:room", "temperature")
	f.runs(t, 0, []string{"scan", "sim:room"}, "#   0x44  [device.air] of the config\n")

	r = f.runs(t, 0, []string{"scan", "--json", "sim:scan-json"})
	var found struct{ Kind, Where, Address, What, Driver, Config string }
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || found.Driver != "sht4x" || found.Address != "0x44" || !strings.HasPrefix(found.Config, "[device.air2]\n") {
		t.Errorf("as JSON: %s, %v", r.out, err)
	}
	f.runs(t, 1, []string{"scan", "/dev/i2c-199"}, "there is no bus /dev/i2c-199", "modprobe i2c-dev")
	f.runs(t, 1, []string{"scan", "/dev/i2c-199", "sim:room"}, "# /dev/i2c-199 cannot be scanned", "0x44", "cannot be scanned")
	f.write(t, "bad.toml", "[host]\nnam = 1\n")
	f.runs(t, 2, []string{"scan", "-c", "bad.toml"}, "[host] has no key nam")
}

// One reading, with its bytes, or what is likely to be wrong; without a host.
func TestTry(t *testing.T) {
	f := folderWith(t, strings.ReplaceAll(airHost, "LISTEN", "127.0.0.1:0"))
	f.runs(t, 0, []string{"try", "air", "-v"}, "open\n", "0x44  write 89\n", "0x44  read ", "\nread\n", "0x44  write fd\n",
		"sht4x at 0x44 on sim:sensors: Sensirion SHT4x, serial ", "temperature", "°C", "humidity", "%")
	f.runs(t, 1, []string{"try", "soil", "-v"}, "0x46  write 89: no-answer", "no answer at 0x46 on sim:sensors",
		"check power, SDA, SCL and the address", "there is a sht4x at 0x44 on this bus: write address = 0x44")
	f.runs(t, 0, []string{"try", "words", "-v"}, "what had come is forgotten", "write 3f", "read 61", "letter  0")
	f.runs(t, 0, []string{"try", "heater"}, "gpio-out on sim:sensors/GPIO17", "an output, left as it is")
	f.runs(t, 1, []string{"try", "cellar"}, "there is no device cellar in selvage.toml", "it has air, soil, heater, words")
	f.runs(t, 0, []string{"try", "--driver", "sht4x", "--bus", "sim:other", "--set", "address=0x44"}, "on sim:other")
	f.runs(t, 2, []string{"try", "--driver", "sht4x", "--bus", "sim:other", "--set", "address=0x76"}, "an SHT4x does not answer at 0x76")
	f.runs(t, 2, []string{"try", "--driver", "sht4", "--bus", "sim:other"}, "did you mean sht4x?")
	f.runs(t, 2, []string{"try", "--driver", "sht4x"}, "sht4x needs a bus")
	f.runs(t, 2, []string{"try"}, "try what?")

	r := f.runs(t, 1, []string{"try", "soil", "--json", "-v"})
	line, _, _ := strings.Cut(r.out, "\n")
	var got struct {
		Device, Driver, Error, Kind, Remedy string
		Traffic                             []map[string]any
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.Device != "soil" || got.Kind != "no-answer" || got.Remedy == "" || len(got.Traffic) != 1 {
		t.Errorf("as JSON: %s, %v", line, err)
	}
}

// A host that runs is asked for what it has; what it has for itself is not taken away from it.
func TestDevicesOfAHost(t *testing.T) {
	f := folderWith(t, strings.ReplaceAll(airHost, "LISTEN", freePort(t)))
	h := f.host(t)
	h.err.wait(t, h, "! soil")
	f.runs(t, 0, []string{"devices"}, "DEVICE", "air ", "ok ", "temperature ", "sht4x 0x44 on sim:sensors\n",
		"heater ", "ok ", "off ", "gpio-out on sim:sensors/GPIO17\n", "soil ", "lost ", "sht4x on sim:sensors\n", "words ", "letter ",
		"\n! soil  no answer at 0x46 on sim:sensors\n", "selvage scan sim:sensors\n")
	f.runs(t, 1, []string{"devices", "/device/none"}, "no device matches /device/none")
	r := f.runs(t, 0, []string{"devices", "/device/air", "--json"})
	if strings.Contains(r.out, "soil") {
		t.Errorf("/device/air matches %s", r.out)
	}
	states := map[string]string{}
	for line := range strings.Lines(f.run(t, "devices", "--json").out) {
		var d struct {
			Node, State, Remedy string
			Readings            map[string]struct{ Quality, Unit string }
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		states[d.Node] = fmt.Sprint(d.State, " ", d.Readings["temperature"].Quality, d.Readings["temperature"].Unit, d.Remedy != "")
	}
	if got, want := fmt.Sprint(states), "map[/device/air:ok goodCelfalse /device/heater:ok false /device/soil:lost true /device/words:ok false]"; got != want {
		t.Errorf("devices are %s, want %s", got, want)
	}

	f.runs(t, 0, []string{"try", "air", "-v"}, "open\n", "write 89", "temperature")
	f.runs(t, 1, []string{"try", "soil"}, "no answer at 0x46")
	f.runs(t, 0, []string{"try", "heater"}, "gpio-out on sim:sensors/GPIO17", "state  off")
	f.runs(t, 1, []string{"try", "cellar"}, "that host reads no device cellar by a driver")
	f.runs(t, 1, []string{"try", "--driver", "chatter", "--port", "chatter:1"},
		"a host runs on selvage.toml (process ", "and has the port chatter:1 for itself, as [device.words]", "have that host read it: ", " try words; or stop it")

	// On an address that the config does not have the host is not found, but its lock is.
	f.write(t, "elsewhere.toml", strings.ReplaceAll(airHost, "LISTEN", "127.0.0.1:0"))
	f.runs(t, 1, []string{"try", "words", "-c", "elsewhere.toml"}, "a host runs on elsewhere.toml (process ", "has the port chatter:1 for itself")
	f.runs(t, 0, []string{"try", "air", "-c", "elsewhere.toml"}, "! a host runs on elsewhere.toml (process ")
	h.stop(t, syscall.SIGTERM, stopTime)
	f.runs(t, 0, []string{"try", "words"}, "letter")
	f.runs(t, 1, []string{"devices"}, "no host answers")
}

// A recording of a host that runs, or of none, is played by another, which then has what the first had.
func TestRecordAndReplay(t *testing.T) {
	f := folderWith(t, strings.ReplaceAll(airHost, "LISTEN", freePort(t)))
	for _, d := range []string{"air", "words"} {
		r := f.runs(t, 0, []string{"record", d, "--for", "1s"}, `{"recording":1,`, `"call":"open"`, `"readings":[`, `"end":true`, "recording "+d)
		f.write(t, d+"-own.jsonl", r.out)
	}
	f.runs(t, 1, []string{"record", "heater"}, "heater is an output")

	h := f.host(t)
	rec := start(t, f.command("record", "heater"))
	rec.err.wait(t, rec, "recording heater of ")
	f.runs(t, 0, []string{"set", "/device/heater", "set", "true", "--host", h.url})
	rec.out.wait(t, rec, `"state":{"value":true}`)
	rec.stop(t, os.Interrupt, 5*time.Second)
	f.write(t, "heater.jsonl", rec.out.text())
	for _, d := range []string{"air", "words", "soil"} {
		rec := start(t, f.command("record", d))
		want := `"readings":`
		if d == "soil" {
			want = `"failed":"no answer at 0x46`
		}
		rec.out.wait(t, rec, want)
		if code := rec.stop(t, os.Interrupt, 5*time.Second); code != 0 {
			t.Errorf("after Ctrl-C record ended with %d", code)
		}
		f.write(t, d+".jsonl", rec.out.text())
	}
	f.runs(t, 1, []string{"record", "cellar"}, "that host reads no device cellar")
	h.stop(t, syscall.SIGTERM, stopTime)

	config := "[host]\ndata = \"./var2\"\nlisten = \"" + freePort(t) + "\"\n"
	names := []string{"air", "air-own", "words", "words-own", "soil", "heater"}
	for _, d := range names {
		config += fmt.Sprintf("[device.%s]\ndriver = \"replay\"\nfile = %q\nspeed = 10\nloop = true\n", d, d+".jsonl")
		drivertestReplay(t, filepath.Join(string(f), d+".jsonl"))
	}
	again := folder(t.TempDir())
	again.write(t, "selvage.toml", config)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(string(f), name+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		again.write(t, name+".jsonl", string(text))
	}
	p := again.host(t)
	p.err.wait(t, p, "! soil")
	again.runs(t, 0, []string{"devices"}, "air ", "ok ", "replay 0x44 on air.jsonl", "heater ", "replay on heater.jsonl", "soil ", "lost ", "words ", "letter ",
		"! soil  no answer at 0x46 on sim:sensors")
	again.runs(t, 0, []string{"try", "words"}, "recording of ", "letter")
	if code := p.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// drivertestReplay holds the driver to a recording that has traffic.
func drivertestReplay(t *testing.T, file string) {
	t.Helper()
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text[:200]), `"wire":"pin"`) {
		return
	}
	t.Run(filepath.Base(file), func(t *testing.T) { drivertest.Replay(t, file) })
}
