package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// sector is what a disk writes whole or not at all, in bytes.
const sector = 512

// platter is what a disk holds for certain after a part of its log, and what it may hold. Certain is
// what was synced; a name is certain once its folder was synced.
type platter struct {
	content map[int][]byte // by file number
	names   map[string]int
	pending []diskOp // in the order the program made them
}

// newPlatter returns a disk that holds img. Its files have the numbers from 1.
func newPlatter(img image) *platter {
	p := &platter{content: map[int][]byte{}, names: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(img)) {
		number := len(p.names) + 1
		p.names[name], p.content[number] = number, slices.Clone(img[name])
	}
	return p
}

func (o diskOp) naming() bool { return o.kind == opCreate || o.kind == opRemove }

// step takes the next entry of the log.
func (p *platter) step(o diskOp) {
	switch o.kind {
	case opCreate, opWrite, opTruncate:
		p.pending = append(p.pending, o)
	case opRemove:
		p.pending = append(p.pending, o)
		if o.dir {
			p.settle(diskOp.naming)
		}
	case opSync:
		if o.lost {
			p.lose(o)
			return
		}
		p.settle(func(w diskOp) bool { return w.file == o.file && !w.naming() })
		if o.dir {
			p.settle(diskOp.naming)
		}
	}
}

// lose drops what a failed sync was to write. The length of a file is in the file system's own log.
func (p *platter) lose(o diskOp) {
	n := 0
	p.pending = slices.DeleteFunc(p.pending, func(w diskOp) bool {
		if w.kind != opWrite || w.file != o.file {
			return false
		}
		if n++; o.half && n%2 == 0 {
			apply(w, p.content, p.names)
		}
		return true
	})
}

// settle makes certain what which selects.
func (p *platter) settle(which func(o diskOp) bool) {
	p.pending = slices.DeleteFunc(p.pending, func(o diskOp) bool {
		if !which(o) {
			return false
		}
		apply(o, p.content, p.names)
		return true
	})
}

func apply(o diskOp, content map[int][]byte, names map[string]int) {
	switch o.kind {
	case opCreate:
		names[o.name] = o.file
	case opRemove:
		delete(names, o.name)
	case opTruncate:
		content[o.file] = resize(content[o.file], int(o.at))
	case opWrite:
		end := int(o.at) + len(o.data)
		c := content[o.file]
		if len(c) < end {
			c = resize(c, end)
		}
		copy(c[o.at:], o.data)
		content[o.file] = c
	}
}

// resize cuts or extends c; what is new is zero.
func resize(c []byte, n int) []byte {
	if n <= len(c) {
		return c[:n:n] // so that growing again finds zeros
	}
	return append(c, make([]byte, n-len(c))...)
}

// image is the content of a folder by base name.
type image map[string][]byte

func (img image) write(t *testing.T, dir string) {
	t.Helper()
	for name, content := range img {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// image is what the disk holds if, of what is pending, just these reached it.
func (p *platter) image(reached []diskOp) image {
	names, content := maps.Clone(p.names), maps.Clone(p.content)
	for _, o := range reached {
		if !o.naming() {
			if _, own := content[-o.file]; !own {
				content[-o.file], content[o.file] = nil, slices.Clone(content[o.file])
			}
		}
		apply(o, content, names)
	}
	img := image{}
	for name, file := range names {
		img[name] = content[file]
	}
	return img
}

// cuts calls each with what may have reached the disk when the power went: nothing, all, random
// halves, later writes without earlier ones, names without content and content without names, and the
// last write torn at each sector, either side of it.
func (p *platter) cuts(random *rand.Rand, each func(name string, reached []diskOp)) {
	all := p.pending
	each("none", nil)
	if len(all) == 0 {
		return
	}
	each("all", all)
	pick := func(keep func(i int, o diskOp) bool) (kept []diskOp) {
		for i, o := range all {
			if keep(i, o) {
				kept = append(kept, o)
			}
		}
		return kept
	}
	each("names only", pick(func(_ int, o diskOp) bool { return o.naming() }))
	each("content only", pick(func(_ int, o diskOp) bool { return !o.naming() }))
	each("without the first", all[1:])
	each("the later half", all[len(all)/2:])
	each("the last", all[len(all)-1:])
	for i := range 3 {
		each(fmt.Sprint("random half ", i), pick(func(int, diskOp) bool { return random.IntN(2) == 0 }))
	}
	shuffled := pick(func(int, diskOp) bool { return random.IntN(4) > 0 })
	random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	each("random order", shuffled)

	last := len(all) - 1
	for last >= 0 && all[last].kind != opWrite {
		last--
	}
	if last < 0 {
		return
	}
	w := all[last]
	for edge := (w.at/sector + 1) * sector; edge < w.at+int64(len(w.data)); edge += sector {
		for _, begins := range []bool{true, false} {
			torn := w
			if begins {
				torn.data = w.data[:edge-w.at]
			} else {
				torn.at, torn.data = edge, w.data[edge-w.at:]
			}
			reached := slices.Clone(all)
			reached[last] = torn
			each(fmt.Sprintf("torn at %d, its beginning there: %t", edge, begins), reached)
		}
	}
}
