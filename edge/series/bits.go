package series

import (
	"encoding/binary"
	"math/bits"
)

// bitWriter appends bits to buf, the highest of each byte first.
type bitWriter struct {
	buf  []byte
	word uint64 // bits not yet in buf, from the top
	used uint   // how many
}

// write appends the lowest width bits of v, which has no others; width is at most 64.
func (w *bitWriter) write(v uint64, width uint) {
	free := 64 - w.used
	if width < free {
		w.word |= v << (free - width)
		w.used += width
		return
	}
	over := width - free
	w.buf = binary.BigEndian.AppendUint64(w.buf, w.word|v>>over)
	w.word, w.used = v<<(64-over), over // a shift by 64 leaves 0
}

// flush fills the last byte with zeros.
func (w *bitWriter) flush() []byte {
	for ; w.used > 0; w.used -= min(w.used, 8) {
		w.buf = append(w.buf, byte(w.word>>56))
		w.word <<= 8
	}
	return w.buf
}

// bitReader reads what a bitWriter wrote. Behind the end it reads zeros; overrun tells.
type bitReader struct {
	buf  []byte
	pos  int    // the next byte of buf to load
	word uint64 // loaded bits, from the top; below them either zeros or the bits that come next
	have uint   // how many are loaded
}

// refill loads at least 56 bits, eight bytes at a time (Giesen, "Reading bits in far too many ways", variant 4).
func (r *bitReader) refill() {
	if r.pos+8 <= len(r.buf) {
		r.word |= binary.BigEndian.Uint64(r.buf[r.pos:]) >> r.have
		r.pos += int(63-r.have) >> 3
		r.have |= 56
		return
	}
	for ; r.have <= 56; r.have += 8 {
		if r.pos < len(r.buf) {
			r.word |= uint64(r.buf[r.pos]) << (56 - r.have)
		}
		r.pos++
	}
}

func (r *bitReader) skip(width uint) {
	r.word <<= width & 63
	r.have -= width
}

// read returns the next width bits, at most 64.
func (r *bitReader) read(width uint) uint64 {
	high := uint64(0)
	if width > 32 {
		r.refill()
		high = r.word >> 32 << (width - 32)
		r.skip(32)
		width -= 32
	}
	r.refill()
	v := r.word >> (64 - width) // a shift by 64 leaves 0
	r.skip(width)
	return high | v
}

func (r *bitReader) overrun() bool { return r.pos*8-int(r.have) > len(r.buf)*8 }

// A Rice code of parameter k is the value without its k lowest bits in unary, as zeros before a one,
// and then those bits (Rice and Plaunt, 1971). From longUnary zeros on, what follows instead is the
// length of the value less 1 in six bits, and the value: one outlier costs no more than 90 bits.
const longUnary = 20

func (w *bitWriter) rice(v uint64, k uint) {
	if high := v >> k; high < longUnary {
		w.write(1, uint(high)+1)
		w.write(v&(1<<k-1), k)
		return
	}
	size := uint(bits.Len64(v))
	w.write(0, longUnary)
	w.write(uint64(size-1), 6)
	w.write(v, size)
}

func riceCost(v uint64, k uint) uint {
	if high := v >> k; high < longUnary {
		return uint(high) + 1 + k
	}
	return longUnary + 6 + uint(bits.Len64(v))
}

// rices reads signed values that were written with the parameter k.
func (r *bitReader) rices(dst []int64, k uint) {
	b := *r // in registers
	k &= 63
	for i := range dst {
		b.refill()
		dst[i] = unzigzag(b.loaded(k))
	}
	*r = b
}

// apart reads signed values, of which zeros are a one bit and others a zero and a Rice code less 1.
func (r *bitReader) apart(dst []int64, k uint) {
	b := *r
	k &= 63
	for i := range dst {
		b.refill()
		zero := b.word>>63 == 1
		if b.skip(1); zero {
			dst[i] = 0
			continue
		}
		dst[i] = unzigzag(b.loaded(k) + 1)
	}
	*r = b
}

// loaded reads a Rice code of which up to 55 bits are loaded.
func (r *bitReader) loaded(k uint) uint64 {
	zeros := uint(bits.LeadingZeros64(r.word))
	size := zeros + 1 + k
	if zeros >= longUnary || size > 55 {
		return r.longRice(zeros, k)
	}
	v := uint64(zeros)<<k | r.word<<((zeros+1)&63)>>1>>(63-k)
	r.skip(size)
	return v
}

// longRice reads a Rice code that begins with so many zeros and may be longer than what refill loads.
func (r *bitReader) longRice(zeros, k uint) uint64 {
	if zeros >= longUnary {
		r.skip(longUnary)
		return r.read(uint(r.read(6)) + 1)
	}
	r.skip(zeros + 1)
	return uint64(zeros)<<k | r.read(k)
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
