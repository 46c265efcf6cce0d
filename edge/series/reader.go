package series

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Reader reads the points of a block in order. It reads from the block itself, which must not change
// meanwhile. It takes 5 to 10 kB for lanes of few templates, and whatever a block says at most 2 MB and
// 16 times the block.
type Reader struct {
	fault
	head                                Head
	left                                int // points not read yet
	at, have                            int // in what the columns have decoded ahead
	size                                int // of the last body
	seq, mono, wall, boot, trusted, ids column
	forms                               []form
	columns                             []numberColumn
}

// Open checks the checksum and the bounds of a block and prepares to read it.
func Open(block []byte) (*Reader, error) {
	p, h, err := open(block)
	if err != nil {
		return nil, err
	}
	r := &Reader{head: h, left: h.Points}
	if h.Points == 0 {
		return r, nil
	}
	for _, c := range r.each() {
		p.column(c, h.Points, &r.fault)
	}
	forms, columns := p.texts(h.Points)
	r.forms, r.columns = forms, make([]numberColumn, columns)
	for _, f := range forms {
		numbers := f.numbers(r.columns)
		for i := range numbers {
			p.numbers(&numbers[i], f.points, &r.fault)
		}
	}
	if len(p.rest) > 0 {
		p.fail("%d bytes too many", len(p.rest))
	}
	if p.err != nil {
		return nil, p.err
	}
	if r.err != nil {
		return nil, r.err
	}
	return r, nil
}

// HeadOf returns what a block says of itself, having checked the checksum but unpacked nothing.
func HeadOf(block []byte) (Head, error) {
	_, h, err := open(block)
	return h, err
}

// open checks a block of points and reads its head.
func open(block []byte) (p parser, h Head, err error) {
	if p, err = unseal(block, version); err != nil {
		return p, h, err
	}
	if h.Points = p.count("points", MaxPoints); h.Points > 0 {
		h.First = p.uvarint("the least sequence number")
		h.Last = h.First + p.uvarint("the greatest sequence number")
		h.Least = p.varint("the least time")
		h.Greatest = h.Least + int64(p.uvarint("the greatest time"))
	}
	return p, h, p.err
}

// unseal checks version and checksum and returns a parser of what is between.
func unseal(block []byte, version byte) (p parser, err error) {
	if len(block) < 2+checksumSize {
		return p, fmt.Errorf("series: block of %d bytes is cut short", len(block))
	}
	if block[0] != version {
		return p, fmt.Errorf("series: block is of kind or version %#02x, not %#02x: a newer program may have written it", block[0], version)
	}
	end := len(block) - checksumSize
	if got, want := crc32.Checksum(block[:end], castagnoli), binary.LittleEndian.Uint32(block[end:]); got != want {
		return p, fmt.Errorf("series: block is damaged: its checksum is %08x, not %08x as it says", got, want)
	}
	return parser{rest: block[1:end]}, nil
}

// Head returns what the block says of itself.
func (r *Reader) Head() Head { return r.head }

// Next reads the next point into p and tells whether there was one. The body is written over that of
// p if there is room. To keep it, set p.Body to nil before the next call, which then makes a new one.
func (r *Reader) Next(p *Point) bool {
	if r.at == r.have && !r.decode() {
		return false
	}
	i := r.at & (partition - 1)
	r.at++
	p.Seq = r.head.First + uint64(r.seq.ahead[i])
	p.Mono = r.mono.ahead[i]
	p.Wall = r.head.Least + r.wall.ahead[i]
	if r.wall.reference == toMono {
		p.Wall += p.Mono
	}
	p.Boot = r.boot.ahead[i]
	p.Trusted = r.trusted.ahead[i] != 0
	id := uint64(r.ids.ahead[i])
	if id >= uint64(len(r.forms)) {
		r.set("a point has template %d of %d", id, len(r.forms))
	} else {
		if p.Body == nil {
			p.Body = make([]byte, 0, r.size+4)
		}
		p.Body = r.forms[id].appendBody(p.Body[:0], r.columns, p.Wall, p.Mono)
		r.size = len(p.Body)
	}
	if r.err != nil {
		r.left, r.have = 0, r.at
		return false
	}
	return true
}

// decode decodes the next partition of all that each point has.
func (r *Reader) decode() bool {
	if r.left == 0 {
		return false
	}
	for _, c := range r.each() {
		if !c.decode() {
			r.left = 0
			return false
		}
	}
	r.at, r.have = 0, min(r.left, partition)
	r.left -= r.have
	return true
}

// each returns the columns that have a value for each point, as they come in a block.
func (r *Reader) each() [6]*column {
	return [...]*column{&r.seq, &r.mono, &r.wall, &r.boot, &r.trusted, &r.ids}
}

// Err returns why Next stopped before the end of the block, nil if it did not.
func (r *Reader) Err() error { return r.err }
