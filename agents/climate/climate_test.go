package climate

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"selvage/edge/agent"
	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/health"
	"selvage/edge/host"
)

// room is a sensor and a heater as agents, and a climate agent between them, on a real host under virtual time.
type room struct {
	t        *testing.T
	host     *host.Host
	clock    *clock.Clock
	air      *host.Handle
	temp     *agent.ValueLane[device.Reading]
	switched []bool // what the heater was told
}

func newRoom(t *testing.T, c Config) *room {
	t.Helper()
	r := &room{t: t, clock: clock.New("test", func() bool { return true })}
	r.host = host.New(host.Options{Clock: r.clock, Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	var err error
	r.air, err = r.host.Add("/device/air", host.Things, agent.NewKind("air", 0, func(a *agent.Agent, _ int) error {
		r.temp = agent.Value(a, "temperature", device.Reading{})
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.host.Add("/device/heater", host.Things, agent.NewKind("heater", 0, func(a *agent.Agent, _ int) error {
		agent.Command(a, "set", func(on bool) error { r.switched = append(r.switched, on); return nil })
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	kind, ok := agent.Lookup("climate")
	if !ok {
		t.Fatal("climate is not registered")
	}
	if _, err := r.host.Add("/room", host.Agents, kind, c); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return r
}

func (r *room) read(celsius float64) {
	r.t.Helper()
	err := r.air.Do(r.t.Context(), func() {
		r.temp.Set(device.Reading{Value: celsius, Unit: "Cel", At: r.clock.Now()})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
}

func (r *room) heard(want ...bool) {
	r.t.Helper()
	if !slices.Equal(r.switched, want) {
		r.t.Errorf("the heater was told %v, want %v", r.switched, want)
	}
	r.switched = nil
}

func TestClimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, Config{Sensor: "/device/air", Heater: "/device/heater", Target: 21, Band: 0.5, Patience: time.Minute})
		r.heard() // no reading is no reason to heat
		r.read(20.6)
		r.heard()
		r.read(20.4)
		r.heard(true)
		r.read(21.4)
		r.heard() // within the band it stays as it is
		r.read(21.6)
		r.heard(false)

		if err := r.host.Do(t.Context(), "/room", "target", []byte("25")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.heard(true)
		for _, bad := range []string{"500", "-51", "NaN", "Infinity"} {
			if err := r.host.Do(t.Context(), "/room", "target", []byte(bad)); err == nil || !strings.Contains(err.Error(), "target") {
				t.Errorf("a target of %s: %v", bad, err)
			}
		}
		if err := r.host.Do(t.Context(), "/room", "heating", []byte("true")); !errors.Is(err, agent.ErrReadOnly) {
			t.Errorf("heating was set from outside: %v", err)
		}

		time.Sleep(3 * time.Minute) // virtual: the sensor is silent
		synctest.Wait()
		r.heard(false)
		r.read(20)
		r.heard(true)
		if err := r.host.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.heard(false)
	})
}

func TestCheck(t *testing.T) {
	good := Config{Sensor: "/device/air", Heater: "/device/heater", Target: 21, Band: 0.5, Patience: time.Minute}
	for name, test := range map[string]struct {
		config Config
		faults []string
	}{
		"good":            {good, nil},
		"of another host": {Config{Sensor: "warp://shed:9001/device/air", Heater: "warps://shed/device/heater", Target: 21, Band: 0.5, Patience: time.Minute}, nil},
		"nothing":         {Config{}, []string{"band", "heater", "patience", "sensor"}},
		"half a URI":      {Config{Sensor: "warp://shed:9001", Heater: "http://shed/heater", Target: 21, Band: 0.5, Patience: time.Minute}, []string{"heater", "sensor"}},
		"far off":         {Config{Sensor: "air", Heater: "/h", Target: 210, Band: 11, Patience: -1}, []string{"band", "patience", "sensor", "target"}},
	} {
		faults := map[string]bool{}
		test.config.Check(func(key, problem, remedy string) {
			if problem == "" || remedy == "" {
				t.Errorf("%s: fault at %s: %q, %q", name, key, problem, remedy)
			}
			faults[key] = true
		})
		if got := slices.Sorted(maps.Keys(faults)); !slices.Equal(got, test.faults) {
			t.Errorf("%s: faults at %v, want %v", name, got, test.faults)
		}
	}
}
