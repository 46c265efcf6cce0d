package wear

import (
	"slices"
	"time"
)

const (
	day = 24 * time.Hour

	// least is how long a rate is measured before anything is concluded from it: a start writes much at once.
	least = time.Hour
)

// Rate is the value of the lane rate: bytes a day, projected from what was written in the time before. A
// part of a process's first hour or day stands for all of it.
type Rate struct {
	Hour    int64  `recon:"hour"`    // going by the last hour
	Day     int64  `recon:"day"`     // going by the last day
	Seconds int64  `recon:"seconds"` // that day was measured
	By      string `recon:"by"`      // as in Life
}

// PerReading is the value of the lane per-reading.
type PerReading struct {
	Bytes float64 `recon:"bytes"` // for each reading saved in the last hour
	By    string  `recon:"by"`    // as in Life
}

// Process is the value of the lane process: what this process alone has caused, as far as the kernel tells.
type Process struct {
	Written    int64   `recon:"written"` // bytes since the process started
	Day        int64   `recon:"day"`     // bytes a day, going by the last day
	PerReading float64 `recon:"per-reading,omitempty"`
}

// counts reports whether the rate of the last day was measured long enough to conclude something from it.
func (r *Rate) counts() bool { return r != nil && r.Seconds >= int64(least/time.Second) }

// sample is what has been counted up to a time.
type sample struct {
	at       time.Time
	shown    int64  // bytes by the count that is shown: the disk's, or this process's where there is none
	process  *int64 // bytes by this process's count; nil if it is not known
	readings int64
	parts    []Part
}

// since returns what has been written since another sample.
func (s sample) since(was sample) int64 { return max(0, s.shown-was.shown) }

// byProcess is since of this process alone: not more than the disk. It is not ok if that is not known.
func (s sample) byProcess(was sample) (n int64, ok bool) {
	if s.process == nil || was.process == nil {
		return 0, false
	}
	return max(0, min(*s.process-*was.process, s.since(was))), true // what others dirtied may have been taken off
}

// window keeps samples of the time before the last one: a step apart at least, and back to span.
type window struct {
	span, step time.Duration
	kept       []sample
	last       sample
}

func (w *window) add(s sample) {
	w.last = s
	if n := len(w.kept); n == 0 || s.at.Sub(w.kept[n-1].at) >= w.step {
		w.kept = append(w.kept, s)
	}
	for len(w.kept) > 1 && s.at.Sub(w.kept[1].at) >= w.span {
		w.kept = slices.Delete(w.kept, 0, 1)
	}
}

// first is the sample that the last one is compared with.
func (w *window) first() sample {
	if len(w.kept) == 0 {
		return w.last
	}
	return w.kept[0]
}

// written returns the bytes written in the window.
func (w *window) written() int64 { return w.last.since(w.first()) }

// daily projects n bytes, counted since the first sample, to a day. It is 0 while there is nothing to compare.
func (w *window) daily(n int64) int64 {
	measured := w.measured()
	if measured <= 0 {
		return 0
	}
	return int64(float64(n) * (float64(day) / float64(measured)))
}

func (w *window) measured() time.Duration { return w.last.at.Sub(w.first().at) }

// perReading shares n bytes among the readings of the window; 0 if there were none.
func (w *window) perReading(n int64) float64 {
	readings := w.last.readings - w.first().readings
	if readings <= 0 {
		return 0
	}
	return float64(n) / float64(readings)
}

// greatest returns the part that wrote most, as bytes a day.
func (w *window) greatest() (most Part, perDay int64) {
	before := map[string]int64{}
	for _, p := range w.first().parts {
		before[p.Name] = p.Bytes
	}
	for _, p := range w.last.parts {
		if n := w.daily(p.Bytes - before[p.Name]); n > perDay {
			most, perDay = p, n
		}
	}
	return most, perDay
}
