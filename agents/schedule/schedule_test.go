package schedule

import (
	"testing"
	"time"
	_ "time/tzdata" // tests do not depend on the machine's

	"selvage/edge/agent/agenttest"
)

const lines = `
	[agent."/schedule"]
	kind = "schedule"
	zone = "Europe/Berlin"
	[agent."/schedule".at.morning]
	time  = "06:30"
	node  = "/room"
	lane  = "target"
	value = 21.0
	[agent."/schedule".at.night]
	time  = "22:00:30"
	days  = ["Mon", "tue"]
	node  = "/room"
	lane  = "target"
	value = 17.5
`

// moment reads a time in Berlin.
func moment(t *testing.T, s string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestSchedule(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.SetTime(moment(w.T, "2026-03-02 06:29:00")) // a Monday
		w.Output("/room", "target")
		w.Config(lines)
		w.Want("/schedule", "next", Next{"morning", moment(w.T, "2026-03-02 06:30:00")})
		w.Sleep(time.Minute - 1)
		w.Told("/room", "target")
		w.Sleep(1)
		w.Told("/room", "target", 21)
		w.Want("/schedule", "next", Next{"night", moment(w.T, "2026-03-02 22:00:30")})
		w.SleepUntil(moment(w.T, "2026-03-04 23:59:59"))
		w.Told("/room", "target", 17.5, 21, 17.5, 21)

		w.Command("/schedule", "enabled", false)
		w.Sleep(24 * time.Hour)
		w.Command("/schedule", "enabled", true)
		w.Told("/room", "target")
		w.Sleep(7 * time.Hour)
		w.Told("/room", "target", 21)
	})
}

func TestRestart(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		w.SetTime(moment(w.T, "2026-03-02 07:00:00"))
		w.Output("/room", "target")
		w.Config(lines)
		w.Told("/room", "target") // what was before its first start is not made up for
		off := func(until string) {
			w.T.Helper()
			w.Stop()
			w.SleepUntil(moment(w.T, until))
			w.Start()
		}
		off("2026-03-02 22:30:00") // half an hour late
		w.Told("/room", "target", 17.5)
		off("2026-03-03 09:00:00") // two hours and a half
		w.Told("/room", "target")
		w.Restart()
		w.Sleep(time.Hour)
		w.Told("/room", "target")
		off("2026-03-04 07:00:00") // what was missed twice is done once
		w.Told("/room", "target", 21)
	})
}

func TestSteps(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		step := func(to string, told ...any) {
			w.T.Helper()
			w.SetTime(moment(w.T, to))
			w.Sleep(pause)
			w.Told("/room", "target", told...)
		}
		w.SetTime(moment(w.T, "2026-03-02 06:00:00"))
		w.Output("/room", "target")
		w.Config(lines)
		step("2026-03-02 06:30:00", 21)
		step("2026-03-02 05:00:00") // set back: not again
		step("2026-03-02 06:29:00")
		step("2026-03-02 06:31:00")
		step("2026-03-02 22:30:00", 17.5)
		step("2026-03-04 06:00:00")
		step("2031-03-04 07:00:00", 21) // a wrong clock is believed while it is trusted,
		step("2026-03-05 06:00:00")     // and forgotten afterwards
		step("2026-03-05 06:30:00", 21)
	})
}

func TestUnknownTime(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		w.Output("/room", "target")
		w.SetTime(moment(w.T, "2026-03-02 06:00:00"))
		w.Config(lines)
		w.Stop()
		w.LoseTime()
		w.Start()
		w.Sleep(8 * time.Hour)
		w.Told("/room", "target")
		w.WantHealth("waits for the right time")
		w.SetTime(moment(w.T, "2026-03-05 06:45:00"))
		w.Sleep(pause)
		w.Told("/room", "target", 21)
		w.WantHealth()
	})
}

func TestNobodyThere(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.SetTime(moment(w.T, "2026-03-02 06:29:00"))
		w.Config(lines)
		w.Sleep(10 * time.Minute)
		w.WantHealth("morning could not be sent: ")
		w.Output("/room", "target")
		w.Sleep(pause)
		w.Told("/room", "target", 21)
		w.WantHealth()
	})
}

func TestFirstMoment(t *testing.T) {
	for _, test := range []struct{ zone, wall, want string }{
		{"Europe/Berlin", "2026-01-10 06:30:00", "2026-01-10 05:30:00"},
		{"Europe/Berlin", "2026-07-10 06:30:00", "2026-07-10 04:30:00"},
		{"Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29 00:59:59"},
		{"Europe/Berlin", "2026-03-29 02:00:00", "2026-03-29 01:00:00"}, // there is no 2:00 to 2:59
		{"Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29 01:00:00"},
		{"Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29 01:00:00"},
		{"Europe/Berlin", "2026-10-25 01:59:59", "2026-10-24 23:59:59"},
		{"Europe/Berlin", "2026-10-25 02:30:00", "2026-10-25 00:30:00"}, // 2:00 to 2:59 is there twice
		{"Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25 02:00:00"},
		{"America/New_York", "2026-03-08 02:30:00", "2026-03-08 07:00:00"},
		{"America/New_York", "2026-11-01 01:30:00", "2026-11-01 05:30:00"},
		{"Australia/Lord_Howe", "2026-10-04 02:15:00", "2026-10-03 15:30:00"}, // half an hour is left out
		{"America/Sao_Paulo", "2018-11-04 00:00:00", "2018-11-04 03:00:00"},   // midnight is
		{"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30 10:00:00"},        // a day is
		{"Asia/Kolkata", "2026-03-08 02:30:00", "2026-03-07 21:00:00"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		wall, err := time.Parse(time.DateTime, test.wall)
		if err != nil {
			t.Fatal(err)
		}
		if got := firstMoment(wall, zone).UTC().Format(time.DateTime); got != test.want {
			t.Errorf("%s in %s is %s UTC, want %s", test.wall, test.zone, got, test.want)
		}
	}
}

// Each day of years, in zones with changes of all kinds, is due once, and before and after agree.
func TestOncePerDay(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Sao_Paulo", "UTC"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, clock := range []string{"00:00", "01:30", "02:30", "03:00", "23:59:59"} {
			seconds, err := parseTime(clock)
			if err != nil {
				t.Fatal(err)
			}
			days, _ := parseDays(nil)
			d := daytime{seconds, days, zone}
			at := d.after(time.Date(2016, 1, 1, 0, 0, 0, 0, zone).Add(-1))
			for day := range 5 * 365 {
				if want := time.Date(2016, 1, 1+day, 12, 0, 0, 0, zone); at.In(zone).Format(time.DateOnly) != want.Format(time.DateOnly) {
					t.Fatalf("%s in %s: due at %v, want a time of %v", clock, name, at.In(zone), want)
				}
				next := d.after(at)
				if !d.before(at).Equal(at) || !d.before(next.Add(-1)).Equal(at) {
					t.Fatalf("%s in %s: after and before do not agree at %v", clock, name, at.In(zone))
				}
				at = next
			}
		}
	}
}

func TestCheck(t *testing.T) {
	got := ""
	fault := func(key, problem, remedy string) {
		if problem == "" || remedy == "" {
			t.Errorf("fault at %s: %q, %q", key, problem, remedy)
		}
		got += key + " "
	}
	for _, test := range []struct {
		check func(func(key, problem, remedy string))
		want  string
	}{
		{Config{}.Check, "late at "},
		{Config{Zone: "Europe/Bonn", Late: time.Hour, At: map[string]At{"a": {}}}.Check, "zone "},
		{At{}.Check, "time node lane "},
		{At{Time: "6:30", Days: []string{"monday"}, Node: "/a", Lane: "b", Value: "21"}.Check, "time days value "},
		{At{Time: "24:00", Node: "/a", Lane: "b", Value: true}.Check, "time "},
		{At{Time: "23:59:59", Days: []string{"sun"}, Node: "/a", Lane: "b", Value: "two words"}.Check, ""},
	} {
		got = ""
		if test.check(fault); got != test.want {
			t.Errorf("faults at %q, want %q", got, test.want)
		}
	}
}
