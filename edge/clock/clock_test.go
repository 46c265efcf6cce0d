package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestNowCountsWithinABoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New("b1", func() bool { return true })
		first := c.Now()
		time.Sleep(3 * time.Second)
		now := c.Now()
		if got := now.Mono - first.Mono; got != 3*time.Second {
			t.Errorf("monotonic time went %v in 3s", got)
		}
		if !now.Trusted || now.Boot != "b1" || !now.Time().Equal(time.Now()) {
			t.Errorf("Now() = %+v at %v", now, time.Now())
		}
	})
}

func TestSystem(t *testing.T) {
	a, b := System(), System()
	if a.Boot() == "" || a.Boot() != b.Boot() {
		t.Fatalf("two clocks of one kernel: boots %q and %q", a.Boot(), b.Boot())
	}
	// Both count from the boot of the machine; /proc/uptime is exact to 10 ms.
	if d := b.Now().Mono - a.Now().Mono; d.Abs() > 100*time.Millisecond {
		t.Errorf("two clocks of one kernel are %v apart", d)
	}
	if a.Now().Mono < 0 || a.Now().Wall == 0 {
		t.Errorf("Now() = %+v", a.Now())
	}
	synctest.Test(t, func(t *testing.T) {
		c := System()
		first := c.Now()
		time.Sleep(time.Hour)
		if got := c.Now().Age(first); got != 0 {
			t.Errorf("age of a later moment = %v, want 0", got)
		}
		if got := first.Age(c.Now()); got != time.Hour {
			t.Errorf("an hour in a bubble counted as %v", got)
		}
	})
}

func TestTrustIsAskedAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, answer := 0, false
		c := New("b", func() bool { asked++; return answer })
		for range 10 {
			c.Now()
		}
		if asked != 1 {
			t.Errorf("asked %d times at one moment, want once", asked)
		}
		answer = true
		if c.Trusted() {
			t.Error("trusted before the second was over")
		}
		time.Sleep(time.Second)
		if !c.Trusted() || asked != 2 {
			t.Errorf("after a second: trusted %v, asked %d times", c.Trusted(), asked)
		}
		answer = false
		time.Sleep(48 * time.Hour)
		if !c.Trusted() {
			t.Error("a clock that was set and never jumped lost its trust with its time server")
		}
	})
}

func TestAJumpEndsTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := true
		c := New("b", func() bool { return answer })
		c.Now()
		answer = false
		// synctest cannot step the wall clock against the monotonic one, so step the memory of it.
		c.vouched += holdover + time.Second
		if c.Trusted() {
			t.Error("still trusted after the wall clock jumped and the kernel no longer vouches")
		}
		answer = true
		time.Sleep(time.Second)
		if !c.Trusted() {
			t.Error("not trusted again although the kernel vouches")
		}
	})
}

func TestCorrect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		synced := false
		c := New("b", func() bool { return synced })
		early := c.Now()
		early.Wall = 5e9 // what a board without a clock chip shows
		if got, ok := c.Correct(early); ok || got != early {
			t.Errorf("Correct on an untrusted clock = %+v, %v", got, ok)
		}
		took := time.Now()
		time.Sleep(time.Hour)
		synced = true
		got, ok := c.Correct(early)
		if !ok || !got.Trusted || !got.Time().Equal(took) {
			t.Errorf("Correct = %+v, %v, want wall %v", got, ok, took)
		}
		if got.Mono != early.Mono || got.Boot != early.Boot {
			t.Errorf("Correct changed more than the wall time: %+v", got)
		}
		other := Stamp{Boot: "a", Mono: 1, Wall: 7}
		if got, ok := c.Correct(other); ok || got != other {
			t.Errorf("Correct of another boot = %+v, %v", got, ok)
		}
		if got, ok := c.Correct(Stamp{}); ok || !got.IsZero() {
			t.Errorf("Correct of never = %+v, %v", got, ok)
		}
		if kept, ok := c.Correct(got); !ok || kept != got {
			t.Errorf("Correct of a trusted stamp = %+v, %v", kept, ok)
		}
	})
}

func TestLearnFromAPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		synced := false
		c := New("b", func() bool { return synced })
		c.Now()
		peer := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
		c.Learn(peer)
		time.Sleep(time.Minute)
		now := c.Now()
		if !now.Trusted || !now.Time().Equal(peer.Add(time.Minute)) {
			t.Errorf("a minute after Learn(%v): %+v (%v)", peer, now, now.Time())
		}
		steps := 0
		defer c.OnStep(func() { steps++ })()
		synced = true
		time.Sleep(time.Second)
		if now = c.Now(); !now.Time().Equal(time.Now()) {
			t.Errorf("the peer's time outlived the kernel's own: %v", now.Time())
		}
		synctest.Wait()
		if steps != 1 {
			t.Errorf("%d steps were told as the kernel's time came into force, want 1", steps)
		}
	})
}

func TestSuggest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		synced := false
		c := New("b", func() bool { return synced })
		battery := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
		const slack = 2 * time.Second
		for _, s := range []struct {
			name  string
			wall  time.Time
			taken bool
		}{
			{"the first", battery, true},
			{"the same", battery, false},
			{"a second off", battery.Add(-time.Second), false},
			{"a minute off", battery.Add(time.Minute), true},
		} {
			if got := c.Suggest(s.wall, slack); got != s.taken {
				t.Errorf("%s: taken %v, want %v", s.name, got, s.taken)
			}
		}
		if now := c.Now(); !now.Trusted || !now.Time().Equal(battery.Add(time.Minute)) {
			t.Errorf("the time is %v, trusted %v", now.Time(), now.Trusted)
		}
		steps := 0
		defer c.OnStep(func() { steps++ })()
		synced = true
		time.Sleep(time.Second)
		if c.Suggest(battery, slack) || c.Suggest(battery.Add(time.Hour), slack) {
			t.Error("a suggestion is taken although the kernel vouches")
		}
		if now := c.Now(); !now.Time().Equal(time.Now()) {
			t.Errorf("the suggestion outlived the kernel's own time: %v", now.Time())
		}
		if steps != 1 {
			t.Errorf("%d steps were told as the kernel's time came into force, want 1", steps)
		}
	})
}

func TestAge(t *testing.T) {
	tests := []struct {
		name   string
		s, now Stamp
		want   time.Duration
	}{
		{"one boot, wall stepped back", Stamp{Boot: "b", Mono: 5, Wall: 900}, Stamp{Boot: "b", Mono: 8, Wall: 100}, 3},
		{"later than now", Stamp{Boot: "b", Mono: 9}, Stamp{Boot: "b", Mono: 8}, 0},
		{"across boots", Stamp{Boot: "a", Mono: 900, Wall: 100}, Stamp{Boot: "b", Mono: 1, Wall: 130}, 30},
		{"across boots, one unknown", Stamp{Boot: "a", Mono: 900}, Stamp{Boot: "b", Mono: 1, Wall: 130}, Never},
		{"never", Stamp{}, Stamp{Boot: "b", Mono: 1, Wall: 130}, Never},
		{"never to never", Stamp{}, Stamp{}, Never},
	}
	for _, tt := range tests {
		if got := tt.s.Age(tt.now); got != tt.want {
			t.Errorf("%s: Age = %v, want %v", tt.name, got, tt.want)
		}
	}
	if !(Stamp{}).Time().IsZero() {
		t.Error("never has a wall time")
	}
}

func BenchmarkNow(b *testing.B) {
	c := System()
	b.ReportAllocs()
	for b.Loop() {
		c.Now()
	}
}
