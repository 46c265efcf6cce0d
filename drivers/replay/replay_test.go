package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"selvage/drivers/replay"
	"selvage/drivers/sht4x"
	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

// story records a sensor that is well for ten seconds, unplugged for ten, on a noisy wire for ten, and well again.
func story(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "air.jsonl")
	synctest.Test(t, func(t *testing.T) {
		name := "sim:" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
		room := sim.Find(name)
		for i, trouble := range []sim.Trouble{sim.Unplugged, sim.Noisy, sim.None} {
			time.AfterFunc(time.Duration(i+1)*10*time.Second, func() { room.Trouble(trouble) })
		}
		drivertest.Recorded(t, file, device.Spec{
			Name: "air", Driver: "sht4x", Wire: name, Every: time.Second, Config: sht4x.Config{Address: 0x44},
		}, 40*time.Second)
	})
	return file
}

// outcomes are what a recording says came of its attempts, or what came of them in a manager: values, or errors.
type outcomes struct {
	mu    sync.Mutex
	words []string
	first time.Time
	last  time.Time
}

func (o *outcomes) report(r device.Report) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last = time.Now(); o.first.IsZero() {
		o.first = o.last
	}
	switch {
	case r.Err != nil:
		o.words = append(o.words, r.Err.Error())
	case len(r.Readings) > 0:
		var word []string
		for _, n := range r.Readings {
			word = append(word, n.Reading.String())
		}
		o.words = append(o.words, strings.Join(word, " "))
	}
}

// play runs a replay in a manager.
func play(t *testing.T, c replay.Config, during time.Duration) *outcomes {
	t.Helper()
	o := &outcomes{}
	m := device.NewManager(device.Options{Log: slog.New(slog.DiscardHandler), Report: o.report})
	if err := m.Add(device.Spec{Name: "air", Driver: "replay", Config: c}); err != nil {
		t.Fatal(err)
	}
	m.Start()
	time.Sleep(during)
	if err := m.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	return o
}

// What happened in the field happens again, through the driver: value for value, error for error.
func TestPlaysWhatWasRecorded(t *testing.T) {
	file := story(t)
	for _, c := range []replay.Config{
		{File: file, Speed: 1}, {File: file, Speed: 100}, {File: file, Speed: 10_000}, {File: file, Speed: 10, Readings: true},
	} {
		t.Run(fmt.Sprintf("speed %v, readings %v", c.Speed, c.Readings), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := &outcomes{}
				player := play(t, replay.Config{File: file, Speed: 1, Readings: true}, 45*time.Second)
				want.words = slices.Clone(player.words)
				if n := len(want.words); n < 25 || n > 45 {
					t.Fatalf("the recording has %d attempts in 40 s", n)
				}
				got := play(t, c, 45*time.Second)
				isOver := func(s string) bool { return strings.Contains(s, "is over") }
				got.words = slices.DeleteFunc(got.words, isOver)
				want.words = slices.DeleteFunc(want.words, isOver)
				if !slices.Equal(got.words, want.words) {
					t.Errorf("played\n%s\nwant\n%s", strings.Join(got.words, "\n"), strings.Join(want.words, "\n"))
				}
				for _, is := range []string{"no answer at 0x44 on sim:", "came with a wrong checksum", "°C"} {
					if !slices.ContainsFunc(got.words, func(s string) bool { return strings.Contains(s, is) }) {
						t.Errorf("there is no %q in\n%s", is, strings.Join(got.words, "\n"))
					}
				}
			})
		})
	}
}

// Forty seconds at a hundred times their pace take 0.4 s, and go on for ever in a loop.
func TestPace(t *testing.T) {
	file := story(t)
	synctest.Test(t, func(t *testing.T) {
		once := play(t, replay.Config{File: file, Speed: 100}, 5*time.Second)
		if took := once.last.Sub(once.first); took < 370*time.Millisecond || took > 420*time.Millisecond {
			t.Errorf("it took %v from the first to the last", took)
		}
		n := len(once.words)
		loop := play(t, replay.Config{File: file, Speed: 100, Loop: true}, 5*time.Second)
		if rounds := len(loop.words) / n; rounds < 11 || rounds > 13 {
			t.Errorf("%d in 5 s, %d in one round of about 0.4 s", len(loop.words), n)
		}
	})
}

func TestDriver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "well.jsonl")
	synctest.Test(t, func(t *testing.T) {
		drivertest.Recorded(t, file, device.Spec{Name: "air", Driver: "sht4x", Wire: "sim:replay-well", Every: 500 * time.Millisecond}, time.Minute)
	})
	drivertest.Run(t, drivertest.Case{Driver: "replay", Config: replay.Config{File: file, Speed: 1}})
	drivertest.Replay(t, file)
	drivertest.Replay(t, story(t))
}

// What is wrong with a recording is said with its line, when the device is opened.
func TestFaults(t *testing.T) {
	text, err := os.ReadFile(story(t))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	with := func(n int, line string) string {
		changed := slices.Clone(lines)
		changed[n-1] = line
		return strings.Join(changed, "")
	}
	for _, tt := range []struct {
		name, text string
		want       string // "" = it can be played
	}{
		{"as it is", string(text), ""},
		{"with words for people", with(3, "# the door was open\n\n"+lines[2]), ""},
		{"keys of later", with(3, strings.Replace(lines[2], "{", `{"humour":[1,{}],`, 1)), ""},
		{"cut off between lines", strings.Join(lines[:9], ""), ""},
		{"cut off in a line", strings.Join(lines[:9], "") + lines[9][:7], ""},
		{"empty", "", "line 1: the recording is empty"},
		{"only remarks", "# nothing\n", "line 1: the recording is empty"},
		{"another file", "hello\n", "line 1: this is no recording"},
		{"other JSON", `{"a":1}` + "\n", "line 1: this is no recording"},
		{"a later version", with(1, `{"recording":7}`+"\n"), "line 1: this is a recording of version 7"},
		{"a driver that is not there", with(1, strings.Replace(lines[0], "sht4x", "sht9x", 1)), `the driver "sht9x", which this program does not have`},
		{"a config of another driver", with(1, strings.Replace(lines[0], `"wire"`, `"config":{"colour":1},"wire"`, 1)), "config has no key colour"},
		{"a config out of range", with(1, strings.Replace(lines[0], `"wire"`, `"config":{"address":-1},"wire"`, 1)), "config.address cannot be -1"},
		{"no JSON", with(4, `{"t":1,"op":`+"\n"), "line 4: this is not JSON"},
		{"two in one", with(4, `{"t":1}{"t":2}`+"\n"), "line 4: this is not JSON"},
		{"no bytes", with(4, `{"t":1,"op":"tx","addr":"0x44","w":"8g"}`+"\n"), `line 4: "8g" are no bytes`},
		{"no address", with(4, `{"t":1,"op":"tx","addr":"kitchen"}`+"\n"), `line 4: "kitchen" is no address`},
		{"a wire of another kind", with(4, `{"t":1,"op":"reset"}`+"\n"), `line 4: there is no op "reset"`},
		{"a text for a number", with(4, `{"t":"soon"}`+"\n"), "line 4: t cannot be a string"},
		{"before the beginning", with(4, `{"t":-1}`+"\n"), "line 4: t cannot be -1"},
		{"a call of nothing", with(4, `{"t":1,"call":"sing"}`+"\n"), `line 4: there is no call of "sing"`},
		{"a reading without a value", with(4, `{"t":1,"readings":[{"channel":"temperature"}]}`+"\n"), `line 4: the reading of "temperature": no value`},
		{"after the end", string(text) + "{\"t\":99}\n", fmt.Sprintf("line %d: this comes after the end", len(lines))},
		{"a long line", with(4, strings.Repeat("x", 2<<20)+"\n"), "line 4: the line is longer than"},
		{"nothing measured", lines[0], "nothing is in it but its head"},
	} {
		file := filepath.Join(t.TempDir(), "x.jsonl")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := replay.Open(t.Context(), replay.Config{File: file, Speed: 1})
		var f *device.Fault
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		case tt.want != "" && (!errors.As(err, &f) || f.Remedy == ""):
			t.Errorf("%s: %v has no remedy", tt.name, err)
		}
		if err == nil {
			d.Close()
		}
	}
	if _, err := replay.Open(t.Context(), replay.Config{File: "none.jsonl"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// A driver that has changed since is said to have, with the line; what it made of the traffic then can still be played.
func TestDriverThatChanged(t *testing.T) {
	text, err := os.ReadFile(story(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "old.jsonl")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), `"w":"fd"`, `"w":"f6"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		got := play(t, replay.Config{File: file, Speed: 1}, 5*time.Second)
		if len(got.words) == 0 || !strings.Contains(got.words[0], "does not go on as the driver sht4x does") ||
			!strings.Contains(got.words[0], "asks to tx 0x44 write fd, and in line 6 of the recording there is tx 0x44 write f6") {
			t.Errorf("played %q", got.words)
		}
	})
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t,
		replay.Config{Speed: 0.5},
		replay.Config{File: "x", Speed: 10_001},
		replay.Config{File: "x", Speed: 10_000},
	), "file speed speed"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}
