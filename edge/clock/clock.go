// Package clock says when something happened on a machine whose wall clock may be wrong.
//
// A small board without a clock chip starts in 1970 or at the time of its last shutdown, and learns
// the right time minutes or days later. So a moment is kept as a Stamp: the boot it belongs to, the
// time since that boot, which never jumps, and the wall time with a word on whether it can be
// trusted. Once the right time is known, Correct gives earlier stamps of the same boot theirs.
package clock

import (
	"crypto/rand"
	"sync"
	"time"
)

const (
	// askEvery bounds how often the kernel is asked about the wall clock: one system call a second
	// costs nothing, one per reading would.
	askEvery = time.Second

	// holdover is how far the wall clock may have moved against the monotonic one since the kernel
	// last vouched for it. A clock that lost its time server drifts by seconds a day and stays
	// trusted; one that was set by hand or fell back to 1970 does not.
	holdover = 5 * time.Second
)

// Clock reads both times of one boot. It is safe for concurrent use.
type Clock struct {
	boot  BootID
	start time.Time     // carries Go's monotonic reading
	base  time.Duration // time since boot at start
	ask   func() bool   // does the kernel vouch for the wall clock

	mu      sync.Mutex
	asked   time.Duration // monotonic time at which the next question is due
	trusted bool          // the kernel vouches, or did and the clock has not jumped since
	vouched time.Duration // wall minus monotonic when the kernel last vouched
	known   bool          // vouched is set
	learnt  time.Duration // wall minus monotonic as a peer told it
	told    bool          // learnt is set

	steps steps
}

// System returns the clock of the running kernel. It counts from the boot of the machine, so stamps
// of one boot compare across restarts of the process. Inside a synctest bubble, create it there.
func System() *Clock {
	boot, since, ok := kernelBoot()
	if !ok {
		boot = BootID(rand.Text()) // lasts as long as this process
	}
	c := New(boot, kernelSynced)
	c.base = since
	return c
}

// New returns a clock for the named boot whose monotonic time starts now; trusted tells whether the
// wall clock is right and is asked at most once a second.
func New(boot BootID, trusted func() bool) *Clock {
	return &Clock{boot: boot, start: time.Now(), ask: trusted}
}

// Boot returns the boot this clock counts in.
func (c *Clock) Boot() BootID { return c.boot }

// Now returns the present moment.
func (c *Clock) Now() Stamp {
	t := time.Now()
	s := Stamp{Boot: c.boot, Mono: c.base + t.Sub(c.start), Wall: t.UnixNano()}

	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.trusted
	c.check(t, s.Mono)
	if c.trusted != before && c.told { // the wall clock that counts is another one from here on
		go c.steps.tell() // who asks for the time may hold a lock that they want
	}
	switch {
	case c.trusted:
		s.Trusted = true
	case c.told:
		s.Wall, s.Trusted = int64(s.Mono+c.learnt), true
	}
	return s
}

// Trusted tells whether wall time is right at this moment.
func (c *Clock) Trusted() bool { return c.Now().Trusted }

// Learn takes the wall time from a peer that knows it. It counts from then on, until the kernel
// vouches for its own clock, and leaves the system's clock alone.
func (c *Clock) Learn(wall time.Time) {
	mono := c.base + time.Since(c.start)
	c.mu.Lock()
	c.learnt, c.told = time.Duration(wall.UnixNano())-mono, true
	c.mu.Unlock()
	c.steps.tell()
}

// Suggest is Learn for one who knows the wall time and tells it again and again, such as a clock with a battery. It is
// taken as long as the kernel does not vouch for its own clock, if it is further than slack from what was learnt before.
func (c *Clock) Suggest(wall time.Time, slack time.Duration) (taken bool) {
	t := time.Now()
	mono := c.base + t.Sub(c.start)
	offset := time.Duration(wall.UnixNano()) - mono
	c.mu.Lock()
	before := c.trusted
	c.check(t, mono)
	turned := c.trusted != before && c.told
	if taken = !c.trusted && !(c.told && (offset-c.learnt).Abs() <= slack); taken {
		c.learnt, c.told = offset, true
	}
	c.mu.Unlock()
	if taken || turned {
		c.steps.tell()
	}
	return taken
}

// Correct gives an untrusted stamp of this boot its wall time, if that is known by now. It reports
// whether the returned stamp can be trusted; a stamp of another boot comes back as it was.
func (c *Clock) Correct(s Stamp) (Stamp, bool) {
	if s.Trusted {
		return s, true
	}
	if s.IsZero() || s.Boot != c.boot {
		return s, false
	}
	now := c.Now()
	if !now.Trusted {
		return s, false
	}
	s.Wall, s.Trusted = now.Wall-int64(now.Mono-s.Mono), true
	return s, true
}

// check renews the opinion on the wall clock when it is due or the clock has jumped. The caller holds mu.
func (c *Clock) check(t time.Time, mono time.Duration) {
	offset := time.Duration(t.UnixNano()) - mono
	jumped := c.known && (offset-c.vouched).Abs() > holdover
	if mono < c.asked && !(c.trusted && jumped) {
		return
	}
	c.asked = mono + askEvery
	if c.ask() {
		c.trusted, c.known, c.vouched = true, true, offset
		return
	}
	c.trusted = c.known && !jumped
}
