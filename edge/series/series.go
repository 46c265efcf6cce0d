// Package series packs the history of one lane into compressed blocks, exactly.
//
// A block holds up to MaxPoints points in columns. Sequence numbers, times and marks are columns of
// integers. Bodies are text and come back byte for byte; the numbers in them become columns too and
// the text around them, the template, is kept once. What a column foretells costs nothing: a body's
// at: that equals the point's time, a unit, a steady rate. What remains is Rice coded.
package series

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"
)

// Point is one change of a lane.
type Point struct {
	Seq     uint64
	Boot    int64 // id of the boot that Mono counts from
	Mono    int64 // ms since that boot
	Wall    int64 // ms since 1970
	Trusted bool  // Wall can be trusted
	Body    []byte
}

// MaxPoints is how many points a block holds at most. On recorded series 512 in a block take a tenth
// less space each than 256 do, and 2048 another twentieth to tenth less.
const MaxPoints = 8192

// A block is: version, number of points, and unless that is 0, least Seq, greatest less least,
// likewise of Wall; the columns seq, mono, wall, boot, trusted, template; the templates; columns of
// their numbers; CRC-32C of all before, low byte first. Seq and Wall are stored less their least.
const version = 1

const checksumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append packs points into a block behind dst. They come back in the order given; rising Seq takes
// the least space. No points are a block too. More than MaxPoints panic.
func Append(dst []byte, points []Point) []byte {
	if len(points) > MaxPoints {
		panic(fmt.Sprintf("series: %d points for one block, which holds %d", len(points), MaxPoints))
	}
	start := len(dst)
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, uint64(len(points)))
	if len(points) > 0 {
		p := packers.Get().(*packer)
		dst = p.append(dst, points)
		packers.Put(p)
	}
	return seal(dst, start)
}

// seal appends the checksum of the block that begins at start.
func seal(dst []byte, start int) []byte {
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// packer has the room that packing takes, some 100 bytes a point.
type packer struct {
	numbersWriter
	templates
	seq, mono, wall, boot, trusted, ids []int64
	wallOf, monoOf                      []int64 // of the points of one template
}

var packers = sync.Pool{New: func() any { return &packer{templates: templates{byText: map[string]int{}}} }}

func (p *packer) append(dst []byte, points []Point) []byte {
	h := headOf(points)
	dst = binary.AppendUvarint(dst, h.First)
	dst = binary.AppendUvarint(dst, h.Last-h.First)
	dst = binary.AppendVarint(dst, h.Least)
	dst = binary.AppendUvarint(dst, uint64(h.Greatest-h.Least))

	p.templates.reset()
	for _, c := range []*[]int64{&p.seq, &p.mono, &p.wall, &p.boot, &p.trusted, &p.ids} {
		*c = (*c)[:0]
	}
	id := -1
	for i := range points {
		pt := &points[i]
		p.seq = append(p.seq, int64(pt.Seq-h.First))
		p.mono = append(p.mono, pt.Mono)
		p.wall = append(p.wall, pt.Wall-h.Least)
		p.boot = append(p.boot, pt.Boot)
		trusted := int64(0)
		if pt.Trusted {
			trusted = 1
		}
		p.trusted = append(p.trusted, trusted)
		id = p.put(pt.Body, id)
		p.ids = append(p.ids, int64(id))
	}
	dst = p.column(dst, p.seq)
	dst = p.column(dst, p.mono)
	dst = p.columnBy(dst, p.wall, nil, p.mono)
	dst = p.column(dst, p.boot)
	dst = p.column(dst, p.trusted)
	dst = p.column(dst, p.ids)
	dst = p.appendTexts(dst)
	for i := range p.all {
		if tm := &p.all[i]; len(tm.slots) > 0 {
			wall, mono := p.times(i, h.Least)
			for c := range tm.slots {
				dst = p.numbers(dst, p.columns[tm.column+c], wall, mono)
			}
		}
	}
	return dst
}

// times returns those of the points of a template.
func (p *packer) times(id int, least int64) (wall, mono []int64) {
	p.wallOf, p.monoOf = p.wallOf[:0], p.monoOf[:0]
	for i, is := range p.ids {
		if is == int64(id) {
			p.wallOf, p.monoOf = append(p.wallOf, p.wall[i]+least), append(p.monoOf, p.mono[i])
		}
	}
	return p.wallOf, p.monoOf
}

// Head says what a block holds.
type Head struct {
	Points          int
	First, Last     uint64 // least and greatest Seq
	Least, Greatest int64  // Wall
}

func headOf(points []Point) Head {
	h := Head{len(points), points[0].Seq, points[0].Seq, points[0].Wall, points[0].Wall}
	for i := range points {
		h.First, h.Last = min(h.First, points[i].Seq), max(h.Last, points[i].Seq)
		h.Least, h.Greatest = min(h.Least, points[i].Wall), max(h.Greatest, points[i].Wall)
	}
	return h
}
