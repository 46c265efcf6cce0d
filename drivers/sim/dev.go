package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"selvage/edge/device"
)

// Dev is the sensor of some quantities of a room.
type Dev struct {
	room   *Room
	names  []string
	c      Config
	seed   uint64
	faults []*fault
	noise  map[string]*rand.Rand // of the sensor, by its channels
	closed bool
}

// Open finds the room. A quantity that is known there goes on from where it is.
func Open(ctx context.Context, c Config) (*Dev, error) {
	d, err := Find(c.Room).sensor(c)
	if err != nil {
		return nil, err
	}
	if err := d.dead(); err != nil {
		_ = d.Close() // has no error
		return nil, err
	}
	return d, ctx.Err()
}

func (r *Room) sensor(c Config) (*Dev, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUp()
	d := &Dev{room: r, names: slices.Sorted(maps.Keys(c.Channel)), c: c, seed: c.Seed, noise: map[string]*rand.Rand{}}
	if d.seed == 0 {
		d.seed = r.seed
	}
	for _, name := range d.names {
		l := r.levels[name]
		if l == nil {
			l = &level{now: c.Channel[name].Start, walked: int64(r.at.Sub(r.began) / time.Second)}
			r.levels[name] = l
		}
		if l.chance == nil || l.seed != d.seed {
			l.seed, l.chance = d.seed, chance(d.seed, "walk "+name)
		}
		l.Quantity = c.Channel[name]
		d.noise[name] = chance(d.seed, "noise "+name)
	}
	for i, f := range c.Fault {
		made, err := f.make(r, chance(d.seed, fmt.Sprint("fault ", i)))
		if err != nil {
			return nil, err
		}
		d.faults = append(d.faults, made)
	}
	// What has no value cannot be seen to be wrong, or get stuck, before it has one.
	slices.SortStableFunc(d.faults, func(a, b *fault) int {
		return cmp.Compare(device.Flag(b.Kind == dropOut), device.Flag(a.Kind == dropOut))
	})
	for _, f := range d.faults {
		f.turn(true)
	}
	return d, nil
}

// chance is the part of a seed's chance that something has for itself.
func chance(seed uint64, of string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(of))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// Channels lists the quantities by name.
func (d *Dev) Channels() []device.Channel {
	all := make([]device.Channel, len(d.names))
	for i, name := range d.names {
		q := d.c.Channel[name]
		all[i] = device.Channel{Name: name, Unit: device.Unit(q.Unit), Min: q.Min, Max: q.Max, Resolution: q.Resolution}
		if all[i].Resolution == 0 {
			all[i].Resolution = 0.1
		}
	}
	return all
}

// now is the time of the room.
func (d *Dev) now() time.Duration { return time.Since(d.room.began) }

// Read measures all of them, with what goes wrong now.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.closed {
		return nil, errors.New("the simulated sensor is closed")
	}
	for _, f := range d.faults {
		if _, _, on := f.table.at(d.now()); on && f.Kind == slow {
			if err := device.Wait(ctx, f.Late); err != nil {
				return nil, err
			}
		}
	}
	if err := d.dead(); err != nil {
		return nil, err
	}
	r := d.room
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUp()
	at := r.at.Sub(r.began)
	var s device.Sample
	for _, name := range d.names {
		l := r.levels[name]
		m := device.Measure{Channel: name, Value: l.within(l.signal(at) + l.Noise*d.noise[name].NormFloat64())}
		for _, f := range d.faults {
			if f.Wire == "" && (f.Channel == "" || f.Channel == name) {
				f.spoil(&m, at)
			}
		}
		s = append(s, m)
	}
	return s, nil
}

// dead is the error of a device that does not answer now, nil if it does.
func (d *Dev) dead() error {
	for _, f := range d.faults {
		if _, _, on := f.table.at(d.now()); on && f.Kind == dead {
			return &device.Fault{
				Text:   fmt.Sprintf("the simulated sensor in %s does not answer", d.room.name),
				Remedy: "so it is meant to be: a table [[device.NAME.fault]] says for how long",
				Err:    device.ErrNoAnswer,
			}
		}
	}
	return nil
}

// Info tells in which room it is.
func (d *Dev) Info() device.Info { return device.Info{Driver: "sim", Wire: d.room.name} }

// Close makes it unreadable, and takes back what it was to do to wires; the room goes on.
func (d *Dev) Close() error {
	d.closed = true
	for _, f := range d.faults {
		f.turn(false)
	}
	return nil
}

var _ device.Sensor = (*Dev)(nil)
