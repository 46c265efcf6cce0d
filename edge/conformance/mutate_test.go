package conformance_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/gorilla/websocket"

	"selvage/edge/conformance"
)

// mutator breaks what peers send. The same seed breaks it in the same ways.
type mutator struct {
	rng   *rand.Rand
	texts [][]byte
}

// texts are all frames of warp.json and of the clients of the sessions, about agents that the
// hailed host has.
func texts(t *testing.T) (all [][]byte) {
	node := regexp.MustCompile(`/unit/[\w-]+|"/n"`)
	add := func(text string) {
		all = append(all, node.ReplaceAllFunc([]byte(text), func(name []byte) []byte {
			if name[0] == '"' {
				return []byte(`"/unit/1"`)
			}
			return []byte("/unit/1")
		}))
	}
	for _, v := range conformance.Read[struct{ In string }](t, "warp.json") {
		add(v.In)
	}
	for _, s := range conformance.Sessions(t) {
		for _, step := range s.Steps {
			if step.Dir == "c2s" && step.Frame != "" && !step.Binary {
				add(step.Frame)
			}
		}
	}
	return all
}

// nasty are pieces that mean something to some layer.
var nasty = []string{
	"{", "}", "(", ")", "[", "]", "@", `"`, "'", "`", "```", "\\", `\u`, `\ud800`, "%", "%zz", "%AA", "#", "$", "$*:", ":", ",", ";", "\n",
	"\x00", "\xff", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufeff", "\u00a0", "-", "0x", "0xffffffffffffffffff", "1e999", "-0.0", "1e-999", "NaN",
	"@link", "@sync", "@command", "@auth", "@event", "(node:", ",lane:", ",prio:", ",rate:", "@update(key:", "@drop(", "@take(-9999999999999999999999)",
	"//", "warp://", "swim:meta:", "../", "?", "#f", " && ", " => ", "!", "~",
}

func (m *mutator) pick(n int) int { return m.rng.IntN(n) }

// text is a frame with one to four things wrong with it.
func (m *mutator) text() []byte {
	b := bytes.Clone(m.texts[m.pick(len(m.texts))])
	for range 1 + m.pick(4) {
		at := m.pick(len(b) + 1)
		to := at + m.pick(len(b)-at+1)
		switch m.pick(10) {
		case 0: // cut off
			b = b[:at]
		case 1: // cut out
			b = append(b[:at:at], b[to:]...)
		case 2: // twice
			b = append(b[:to:to], b[at:]...)
		case 3, 4: // bits
			if at < len(b) {
				b[at] ^= 1 << m.pick(8)
			}
		case 5: // a piece of another frame
			other := m.texts[m.pick(len(m.texts))]
			from := m.pick(len(other) + 1)
			b = bytes.Join([][]byte{b[:at], other[from:], b[to:]}, nil)
		case 6, 7:
			b = bytes.Join([][]byte{b[:at], []byte(nasty[m.pick(len(nasty))]), b[at:]}, nil)
		case 8: // any bytes
			some := make([]byte, m.pick(16))
			for i := range some {
				some[i] = byte(m.rng.Uint32())
			}
			b = bytes.Join([][]byte{b[:at], some, b[at:]}, nil)
		case 9: // far too much of something, now and then
			if m.pick(20) == 0 {
				piece := append([]string{"9", "x", "{{", "@a("}, nasty...)[m.pick(4+len(nasty))]
				b = bytes.Join([][]byte{b[:at], bytes.Repeat([]byte(piece), 1+m.pick(20_000)), b[at:]}, nil)
			}
		}
	}
	return b
}

// broken are bytes that are no WebSocket frame, or one out of place (RFC 6455, 5).
func (m *mutator) broken() []byte {
	text := m.text()
	whole := frame(websocket.TextMessage, true, text)
	header := len(whole) - len(text)
	claims := func(length uint64) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, length), whole[header:]...)
	}
	switch m.pick(14) {
	case 0: // the end is missing
		return whole[:m.pick(len(whole))]
	case 1: // bits that no extension has a meaning for
		whole[0] |= 0x10 << m.pick(3)
	case 2: // an opcode that there is not
		whole[0] = 0x80 | byte(3+m.pick(5))
	case 3: // not masked
		whole[1] &^= 0x80
	case 4: // a continuation of nothing
		return frame(0, true, text)
	case 5: // a message within a message
		return append(frame(websocket.TextMessage, false, text), whole...)
	case 6: // a control frame that is too long
		return frame(websocket.PingMessage, true, append(text, make([]byte, 126)...))
	case 7: // a control frame in pieces
		return frame(websocket.PingMessage, false, text[:min(len(text), 10)])
	case 8:
		return claims(1 << 63)
	case 9:
		return claims(uint64(m.rng.Uint32()))
	case 10: // a close of one byte
		return frame(websocket.CloseMessage, true, []byte{3})
	case 11: // a close with any code and reason
		return frame(websocket.CloseMessage, true, append(binary.BigEndian.AppendUint16(nil, uint16(m.rng.Uint32())), text[:min(len(text), 100)]...))
	case 12: // anything
		for i := range whole {
			whole[i] = byte(m.rng.Uint32())
		}
	case 13: // pieces that never end
		piece := frame(0, false, text)
		return append(frame(websocket.TextMessage, false, text), bytes.Repeat(piece, m.pick(50))...)
	}
	return whole
}
