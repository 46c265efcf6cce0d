package store

import (
	"database/sql/driver"
	"sync"
	"time"

	"selvage/edge/clock"
)

// boots are the boots that stamps in the database refer to. The writer adds to them, readers look up.
type boots struct {
	mu     sync.RWMutex
	byName map[clock.BootID]*boot
	byID   map[int64]*boot
	last   int64 // highest id
}

type boot struct {
	id     int64
	name   clock.BootID
	stored bool          // has a row; only the writer looks
	known  bool          // offset is known
	offset time.Duration // wall minus monotonic time when the wall clock was last trusted
}

func loadBoots(c *session) (*boots, error) {
	b := &boots{byName: map[clock.BootID]*boot{}, byID: map[int64]*boot{}}
	err := c.once("SELECT id, boot, offset_ns FROM boot", func(columns []driver.Value) {
		r := &boot{stored: true}
		r.id, _ = columns[0].(int64)
		name, _ := columns[1].(string)
		r.name = clock.BootID(name)
		if offset, ok := columns[2].(int64); ok {
			r.known, r.offset = true, time.Duration(offset)
		}
		b.byName[r.name], b.byID[r.id] = r, r
		b.last = max(b.last, r.id)
	})
	return b, err
}

// of returns the boot with this name, a new one if there is none.
func (b *boots) of(name clock.BootID) *boot {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.byName[name]
	if r == nil {
		b.last++
		r = &boot{id: b.last, name: name}
		b.byName[name], b.byID[r.id] = r, r
	}
	return r
}

// learn notes the offset of a boot once it is on flash.
func (b *boots) learn(r *boot, offset time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.known, r.offset = true, offset
}

// stamp makes a stamp of its four columns and corrects it if the time of its boot is known by now.
func (b *boots) stamp(columns []driver.Value, now *clock.Clock) clock.Stamp {
	id, _ := columns[0].(int64)
	mono, _ := columns[1].(int64)
	wall, _ := columns[2].(int64)
	trusted, _ := columns[3].(int64)
	return b.correct(id, clock.Stamp{Mono: time.Duration(mono), Wall: wall, Trusted: trusted != 0}, now)
}

// correct gives a stamp the name of its boot, and its time if that is known by now.
func (b *boots) correct(id int64, s clock.Stamp, now *clock.Clock) clock.Stamp {
	b.mu.RLock()
	r := b.byID[id]
	var known bool
	var offset time.Duration
	if r != nil {
		s.Boot, known, offset = r.name, r.known, r.offset
	}
	b.mu.RUnlock()
	if s.Trusted || s.IsZero() {
		return s
	}
	if known {
		s.Wall, s.Trusted = int64(s.Mono+offset), true
		return s
	}
	s, _ = now.Correct(s)
	return s
}
