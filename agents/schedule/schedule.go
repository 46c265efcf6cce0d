// Package schedule sends commands at times of the day.
//
//	[agent."/schedule"]
//	kind = "schedule"
//	zone = "Europe/Berlin"
//	late = "1h"              # what was missed by up to that, while the host was off, is made up for
//
//	[agent."/schedule".at.morning]
//	time  = "06:30"
//	days  = ["mon", "tue", "wed", "thu", "fri"]    # every day if left out
//	node  = "/room/air"
//	lane  = "target"
//	value = 21.0             # a text stands in quotes
//
// Its lanes: enabled, which takes commands: while it is false nothing is sent, nor made up for later; next, what is
// due and when; done, up to when each entry has had its turn, which is remembered over a restart.
//
// An entry is due once on each of its days: at the first moment when the clock on the wall shows its time or a later
// one. So a time that the change to summer time leaves out is due when the clock jumps over it, and of one that exists twice
// the first is meant. A clock that is set back repeats nothing; one that jumps ahead counts as time the host was off.
// While the right time is not known, nothing is due.
package schedule

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
)

func init() { agent.Register("schedule", Config{Late: time.Hour}, setup) }

const (
	// pause is how often the clock is looked at, since a step of it wakes no timer, and how soon a command that
	// found nobody is sent again.
	pause = time.Minute

	// repentance is how far a clock may be set back without anything being due twice. Beyond that, what is noted as
	// done was noted by a clock that was wrong.
	repentance = 25 * time.Hour
)

// Next is the value of the lane next.
type Next struct {
	Name string    `recon:"name"`
	At   time.Time `recon:"at"` // ms since 1970
}

type schedule struct {
	Config
	agent   *agent.Agent
	entries map[string]entry
	enabled *agent.ValueLane[bool]
	next    *agent.ValueLane[Next]
	done    *agent.MapLane[string, time.Time]
}

func setup(a *agent.Agent, c Config) error {
	s := &schedule{
		Config: c, agent: a, entries: map[string]entry{},
		enabled: agent.Value(a, "enabled", true),
		next:    agent.Value(a, "next", Next{}).Transient().ReadOnly(),
		done:    agent.Map[string, time.Time](a, "done").ReadOnly(),
	}
	zone, err := location(c.Zone)
	if err != nil {
		return err
	}
	for name, at := range c.At {
		if s.entries[name], err = at.parse(zone); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		a.OnClose(func() { a.Health().Clear(s.code(name)) })
	}
	for name := range s.done.All() {
		if _, ok := c.At[name]; !ok {
			s.done.Remove(name)
		}
	}
	a.OnClose(func() { a.Health().Clear(s.code("")) })
	s.look()
	return nil
}

func (s *schedule) code(name string) string {
	return fmt.Sprintf("schedule.%s.%s", s.agent.URI(), name)
}

// look does what is due, and looks again when something else is.
func (s *schedule) look() {
	wait := pause
	if now := s.agent.Now(); now.Trusted {
		s.agent.Health().Clear(s.code(""))
		s.catchUp(now.Time())
		if next := s.coming(now.Time()); next.Name != "" {
			wait = min(wait, next.At.Sub(now.Time()))
			if next.At = next.At.Truncate(time.Millisecond); next != s.next.Get() {
				s.next.Set(next)
			}
		}
	} else {
		s.agent.Health().Raise(health.Condition{
			Code:   s.code(""),
			Text:   fmt.Sprintf("%s waits for the right time, which this machine does not know yet", s.agent.URI()),
			Remedy: "a time server sets it: see timedatectl; without one, set it by hand or fit a clock chip",
			After:  pause,
		})
	}
	s.agent.After(wait, s.look)
}

// catchUp does what has been due since it was done last, the earliest first.
func (s *schedule) catchUp(now time.Time) {
	due := map[string]time.Time{}
	for name, e := range s.entries {
		due[name] = e.before(now)
	}
	names := slices.SortedFunc(maps.Keys(due), func(x, y string) int { return due[x].Compare(due[y]) })
	for _, name := range names {
		at := due[name]
		switch done, known := s.done.Get(name); {
		case !known || done.Sub(now) > repentance:
			s.done.Set(name, now.Truncate(time.Millisecond)) // what was before is not made up for
			continue
		case !at.After(done):
			continue
		case !s.enabled.Get():
		case now.Sub(at) > s.Late:
			s.agent.Log().Warn("too late, not sent", "entry", name, "due", at)
		default:
			if !s.send(name) {
				continue // for another try
			}
		}
		s.done.Set(name, at)
		s.agent.Health().Clear(s.code(name))
	}
}

func (s *schedule) send(name string) bool {
	e := s.entries[name]
	err := s.agent.Send(e.Node, e.Lane, e.Value)
	if err != nil {
		s.agent.Health().Raise(health.Condition{
			Code:   s.code(name),
			Text:   fmt.Sprintf("%s: %s could not be sent: %v", s.agent.URI(), name, err),
			Remedy: fmt.Sprintf("it is tried again for %v; see what there is with: selvage ls %s", s.Late, e.Node),
		})
	}
	return err == nil
}

// coming is what is due next.
func (s *schedule) coming(now time.Time) (next Next) {
	for name, e := range s.entries {
		at := e.after(now)
		if c := at.Compare(next.At); next.Name == "" || c < 0 || c == 0 && name < next.Name {
			next = Next{name, at}
		}
	}
	return next
}

// entry is a table that has been read.
type entry struct {
	At
	daytime
}
