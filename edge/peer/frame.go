package peer

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// compressed is the bit of a frame's first byte that says so (RFC 7692, 6).
const compressed = 0x40

// appendFrame appends one unfragmented WebSocket frame (RFC 6455, 5.2). Frames are made here and
// not by the WebSocket library so that many of them go out in one write.
func appendFrame(dst []byte, op int, payload []byte, mask bool) []byte {
	bit := byte(0)
	if mask {
		bit = 0x80
	}
	dst = append(dst, 0x80|byte(op))
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, bit|byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, bit|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, bit|127), uint64(n))
	}
	if !mask {
		return append(dst, payload...)
	}
	var key [4]byte
	binary.LittleEndian.PutUint32(key[:], rand.Uint32())
	dst = append(dst, key[:]...)
	at := len(dst)
	dst = append(dst, payload...)
	for i := range payload {
		dst[at+i] ^= key[i&3]
	}
	return dst
}
