package store

import (
	"database/sql/driver"
	"slices"
	"sync"
	"time"

	"selvage/edge/clock"
)

// boots are the boots that stamps in the database refer to. The writer adds to them, readers look up.
//
// A stamp whose time was not known when it was saved gets that of its boot: as the wall clock had it when
// it was first trusted, which stays, so that what has been rolled up or told to a peer is never another
// time later. While nobody knows the time of a boot its stamps have an assumed one, which is not trusted,
// but keeps them behind the boot before and in front of the next.
type boots struct {
	mu     sync.RWMutex
	byName map[clock.BootID]*boot
	byID   map[int64]*boot
	list   []*boot // by id, which is the order in which they came
}

type boot struct {
	id     int64
	name   clock.BootID
	stored bool          // has a row; only the writer looks
	known  bool          // offset is known
	offset time.Duration // wall minus monotonic time when the wall clock was first trusted
	latest time.Duration // the same when it was last trusted, as far as this process knows
	shown  time.Duration // the same as the wall clock showed it, right or wrong
	ended  time.Duration // time since the boot of its last point, as known when the next boot came

	assumed time.Duration // what counts until offset is known
}

// begins is the wall time of the boot's beginning, since 1970.
func (r *boot) begins() time.Duration {
	if r.known {
		return r.offset
	}
	return r.assumed
}

func loadBoots(c *session) (*boots, error) {
	b := &boots{byName: map[clock.BootID]*boot{}, byID: map[int64]*boot{}}
	err := c.once("SELECT id, boot, offset_ns, shown_ns, ended_ns FROM boot ORDER BY id", func(columns []driver.Value) {
		r := &boot{stored: true}
		r.id, _ = columns[0].(int64)
		name, _ := columns[1].(string)
		r.name = clock.BootID(name)
		if offset, ok := columns[2].(int64); ok {
			r.known, r.offset, r.latest = true, time.Duration(offset), time.Duration(offset)
		}
		shown, _ := columns[3].(int64)
		ended, _ := columns[4].(int64)
		r.shown, r.ended = time.Duration(shown), time.Duration(ended)
		b.add(r)
	})
	b.assume()
	return b, err
}

func (b *boots) add(r *boot) {
	b.byName[r.name], b.byID[r.id] = r, r
	b.list = append(b.list, r)
}

// of returns the boot of a stamp, a new one if there is none.
func (b *boots) of(s clock.Stamp) *boot {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.byName[s.Boot]
	if r == nil {
		r = &boot{id: 1, name: s.Boot, shown: offsetOf(s)}
		if n := len(b.list); n > 0 {
			r.id = b.list[n-1].id + 1
		}
		b.add(r)
		b.assume()
	}
	return r
}

// setStep is how far a wall clock that nobody trusts must be set for that to be written.
const setStep = time.Second

// isSet tells whether the wall clock of a boot whose time nobody knows has been set.
func (r *boot) isSet(now clock.Stamp) bool {
	return !now.Trusted && !r.known && (offsetOf(now)-r.shown).Abs() > setStep
}

// look takes in what is on flash of the clock.
func (b *boots) look(now clock.Stamp) {
	r := b.of(now)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case now.Trusted:
		r.latest = offsetOf(now)
		if !r.known {
			r.known, r.offset = true, r.latest
			b.assume()
		}
	case r.isSet(now):
		r.shown = offsetOf(now)
		b.assume()
	}
}

// end notes when a boot was last heard of, now that another one has come.
func (b *boots) end(r *boot, mono time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.ended = mono
	b.assume()
}

// assume works out when the boots were whose time is not known: when their wall clock said, unless that is
// before the end of those before them, or has them last beyond the beginning of the next. b.mu is held.
func (b *boots) assume() {
	end := time.Duration(0)
	for _, r := range b.list {
		r.assumed = max(r.shown, end)
		end = max(end, r.begins()+r.ended)
	}
	for i, r := range slices.Backward(b.list) {
		if i+1 < len(b.list) {
			r.assumed = min(r.assumed, b.list[i+1].begins()-r.ended)
		}
	}
}

// bootTime says how the stamps of a boot get their time.
type bootTime struct {
	name    clock.BootID
	offset  time.Duration // wall minus monotonic time
	trusted bool
}

// time returns how the stamps of a boot get their time by now.
func (b *boots) time(id int64, now *clock.Clock) bootTime {
	b.mu.RLock()
	r := b.byID[id]
	t := bootTime{}
	if r != nil {
		t = bootTime{r.name, r.begins(), r.known}
	}
	b.mu.RUnlock()
	if r != nil && !t.trusted && t.name == now.Boot() {
		if s := now.Now(); s.Trusted { // and is to be written with the next commit
			t.offset, t.trusted = offsetOf(s), true
		}
	}
	return t
}

// correct gives a stamp the name of its boot, and the time that it had.
func (t bootTime) correct(s clock.Stamp) clock.Stamp {
	s.Boot = t.name
	if !s.Trusted && t.name != "" && (t.trusted || s.Wall != 0) {
		s.Wall, s.Trusted = int64(s.Mono+t.offset), t.trusted
	}
	return s
}

// stamp makes a stamp of its four columns and corrects it if the time of its boot is known by now.
func (b *boots) stamp(columns []driver.Value, now *clock.Clock) clock.Stamp {
	id, _ := columns[0].(int64)
	mono, _ := columns[1].(int64)
	wall, _ := columns[2].(int64)
	trusted, _ := columns[3].(int64)
	return b.correct(id, clock.Stamp{Mono: time.Duration(mono), Wall: wall, Trusted: trusted != 0}, now)
}

// correct gives a stamp the name of its boot, and its time as that is known by now.
func (b *boots) correct(id int64, s clock.Stamp, now *clock.Clock) clock.Stamp {
	return b.time(id, now).correct(s)
}

// settled gives a stamp that is about to be saved its time, if that is known.
func (b *boots) settled(s clock.Stamp, now *clock.Clock) clock.Stamp {
	if s.Trusted || s.Boot == "" {
		return s
	}
	if s, ok := now.Correct(s); ok {
		return s
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if r := b.byName[s.Boot]; r != nil && r.known { // its clock was set wrong since
		s.Wall, s.Trusted = int64(s.Mono+r.latest), true
	}
	return s
}

func offsetOf(s clock.Stamp) time.Duration { return time.Duration(s.Wall) - s.Mono }
