package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"selvage/edge/leaktest"
)

// thorough tells whether to take the time for all cases.
func thorough() bool {
	n, _ := strconv.Atoi(os.Getenv("SELVAGE_KILLS"))
	return n >= 500
}

// sample returns one in how many points to check: every one, or what fits into a normal run.
func sample(normal, race int) int {
	switch {
	case thorough():
		return 1
	case raceEnabled:
		return race
	}
	return normal
}

// survey is what power cuts throughout a log have shown.
type survey struct {
	points, images int
	faults         map[error]int // by kind
	first          []error
}

// every selects one in stride entries of the log, others in each run, and acknowledgements:
// all, or a third under the race detector.
func (r *script) every(stride int) func(k int) bool {
	phase := rand.IntN(stride)
	return func(k int) bool { return k%stride == phase || r.d.log[k].kind == opAck && (!raceEnabled || k%3 == 0) }
}

// surveyCuts cuts the power after the entries of the log that cut selects and checks what is left,
// until, unless nil, says that it has seen enough. Images that were checked before with as much
// acknowledged are not checked again.
func (r *script) surveyCuts(t *testing.T, cut func(k int) bool, until func(survey) bool) survey {
	t.Helper()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	v := survey{faults: map[error]int{}}
	seen := map[[sha256.Size]byte]bool{}
	r.walk(func(k int, p *platter, acked, begun int) bool {
		if !cut(k) {
			return true
		}
		v.points++
		p.cuts(random, func(name string, reached []diskOp) {
			img := p.image(reached)
			sum := img.sum(acked, begun)
			if seen[sum] {
				return
			}
			seen[sum] = true
			v.images++
			if err := r.check(t, img, acked, begun); err != nil {
				v.add(fmt.Errorf("cut after entry %d of %d (%s; seed %d): the store %w", k+1, len(r.d.log), name, seed, err))
			}
		})
		return until == nil || !until(v)
	})
	return v
}

// walk calls each after every entry k of the log, with the disk as it is then and the last steps that
// were acknowledged and begun, -1 for none, until it returns false.
func (r *script) walk(each func(k int, p *platter, acked, begun int) bool) {
	p, acked, begun := newPlatter(r.d.base), -1, -1
	for k, o := range r.d.log {
		switch p.step(o); o.kind {
		case opBegin:
			begun = int(o.at)
		case opAck:
			acked = int(o.at)
		}
		if !each(k, p, acked, begun) {
			return
		}
	}
}

func (img image) sum(acked, begun int) (sum [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintln(h, acked, begun)
	for _, name := range slices.Sorted(maps.Keys(img)) {
		fmt.Fprintln(h, name, len(img[name]))
		h.Write(img[name])
	}
	h.Sum(sum[:0])
	return sum
}

func (v *survey) add(err error) {
	for _, kind := range []error{errShut, errTorn, errLost, errMixed} {
		if errors.Is(err, kind) {
			v.faults[kind]++
		}
	}
	if len(v.first) < 5 {
		v.first = append(v.first, err)
	}
}

func (v survey) log(t *testing.T, log []diskOp) {
	t.Helper()
	count := map[kind]int{}
	for _, o := range log {
		count[o.kind]++
	}
	t.Logf("%d writes, %d truncations, %d syncs; %d power cuts, %d images: %v",
		count[opWrite], count[opTruncate], count[opSync], v.points, v.images, v.faults)
}

func TestPowerCutKeepsWhatWasAcknowledged(t *testing.T) {
	leaktest.Check(t)
	r := newScript(mount(t, nil))
	r.run(t)
	r.d.unmount(t)
	v := r.surveyCuts(t, r.every(sample(12, 100)), nil)
	v.log(t, r.d.log)
	for _, err := range v.first {
		t.Error(err)
	}
}

// TestPowerCutDuringRecovery cuts the power once more while a Store opens over what a first cut left, and
// while it closes.
func TestPowerCutDuringRecovery(t *testing.T) {
	leaktest.Check(t)
	r := newScript(mount(t, nil))
	r.run(t)
	r.d.unmount(t)
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	stride, rounds := max(sample(190, 390), 29), 0
	r.walk(func(k int, p *platter, acked, begun int) bool {
		if k%stride != stride/2 || acked < 0 {
			return true
		}
		var names []string
		var images []image
		p.cuts(random, func(name string, reached []diskOp) {
			names, images = append(names, name), append(images, p.image(reached))
		})
		i := random.IntN(len(images))
		again := newScript(mount(t, images[i]))
		again.want, again.epoch = r.want, r.epoch
		again.d.mark(opBegin, begun)
		again.d.mark(opAck, acked)
		again.open(t)
		again.close(t)
		again.d.unmount(t)
		v := again.surveyCuts(t, again.every(sample(9, 9)), nil)
		v.log(t, again.d.log)
		for _, err := range v.first {
			t.Errorf("after a cut at entry %d (%s): %v", k+1, names[i], err)
		}
		rounds++
		return true
	})
	if rounds == 0 {
		t.Error("no cut was ever made")
	}
}

// TestPowerCutsFindLoss: the survey sees what a commit without its sync would lose.
func TestPowerCutsFindLoss(t *testing.T) {
	leaktest.Check(t)
	tests := []struct {
		name    string
		pragmas []string
		lies    bool
		want    error
	}{
		{"synchronous = NORMAL", []string{"PRAGMA synchronous = NORMAL"}, false, errLost},
		{"synchronous = OFF", []string{"PRAGMA synchronous = OFF"}, false, errLost},
		{"a disk that lies about fsync", nil, true, errLost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newScript(mount(t, nil))
			r.pragmas, r.d.lies = tt.pragmas, tt.lies
			r.run(t)
			r.d.unmount(t)
			v := r.surveyCuts(t, r.every(sample(80, 300)), func(v survey) bool {
				return v.faults[tt.want] > 0
			})
			v.log(t, r.d.log)
			if v.faults[tt.want] == 0 {
				t.Errorf("no power cut found that the store %v", tt.want)
			}
		})
	}
}
