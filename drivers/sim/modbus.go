package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

func init() {
	for kind := range meters {
		registerTalker(kind, func() Talker { return makeMeters(kind) })
	}
}

// meters are the kinds of units that there are, by what they answer.
var meters = map[string]func(now time.Time, address byte, u *ModbusUnit){
	"sdm120": sdm120, "sdm630": sdm630, "pzem-016": pzem016,
}

// Meters returns a line of 9600 baud with a meter of a kind at every address.
func Meters(kind string) (*Modbus, error) {
	if meters[kind] == nil {
		return nil, fmt.Errorf("no simulated meter is called %q", kind)
	}
	return makeMeters(kind), nil
}

func makeMeters(kind string) *Modbus {
	m := &Modbus{Speed: 9600, Units: map[byte]*ModbusUnit{}}
	for a := byte(1); a <= 247; a++ {
		m.Units[a] = &ModbusUnit{Fill: meters[kind]}
	}
	return m
}

// Modbus is an RS-485 line with units that speak Modbus RTU (MODBUS over Serial Line V1.02, Application Protocol V1.1b3).
// It takes the time that bytes take.
type Modbus struct {
	Speed int           // baud
	Turn  time.Duration // how long a unit takes to begin its answer; 0 = 5 ms
	Units map[byte]*ModbusUnit
	TCP   bool // frames are those of Modbus TCP
	Asked int  // requests that units understood

	heard   []byte
	last    time.Time // when something was heard
	answers []timed
}

// timed is an answer and when it is all there.
type timed struct {
	at time.Time
	b  []byte
}

// ModbusUnit is a unit. What is not in its tables it does not have.
type ModbusUnit struct {
	Coils, Discrete map[uint16]bool
	Input, Holding  map[uint16]uint16
	Fill            func(now time.Time, address byte, u *ModbusUnit) // before each request, if there is one
	Dead            bool
	Limit           int // registers it gives at a time; 0 = 125
}

// Float puts a number into two input registers, the higher word first.
func (u *ModbusUnit) Float(register uint16, v float64) {
	bits := math.Float32bits(float32(v))
	u.Input[register], u.Input[register+1] = uint16(bits>>16), uint16(bits)
}

// Baud is that of the line.
func (m *Modbus) Baud() int { return m.Speed }

// PowerOff has all units forget half a request.
func (m *Modbus) PowerOff() { m.heard, m.answers = nil, nil }

func (m *Modbus) air(bytes int) time.Duration {
	if m.TCP {
		return 0
	}
	return time.Duration(bytes) * 11 * time.Second / time.Duration(m.Speed)
}

// Hear takes requests. After a pause of 50 ms what was heard before is no begin of one.
func (m *Modbus) Hear(now time.Time, b []byte) {
	if now.Sub(m.last) > 50*time.Millisecond {
		m.heard = nil
	}
	m.last = now
	m.heard = append(m.heard, b...)
	turn := m.Turn
	if turn == 0 {
		turn = 5 * time.Millisecond
	}
	for {
		head, pdu, unit, n := m.request()
		if n == 0 {
			return
		}
		m.heard = m.heard[n:]
		u := m.Units[unit]
		if u == nil || u.Dead {
			continue
		}
		if u.Fill != nil {
			u.Fill(now, unit, u)
		}
		m.Asked++
		answer := u.answer(pdu)
		if m.TCP {
			f := append(append([]byte(nil), head[:4]...), 0, byte(1+len(answer)), unit)
			answer = append(f, answer...)
		} else {
			answer = modbusSealed(append([]byte{unit}, answer...))
		}
		m.answers = append(m.answers, timed{now.Add(m.air(n) + turn + m.air(len(answer))), answer})
	}
}

// request takes the first request out of what was heard: its header, what is asked of which unit, and its length; 0 is
// that there is none yet.
func (m *Modbus) request() (head, pdu []byte, unit byte, n int) {
	h := m.heard
	start := 1
	if m.TCP {
		start = 7
	}
	if len(h) < start+5 {
		return nil, nil, 0, 0
	}
	length := 5
	if f := h[start]; f == 15 || f == 16 {
		if len(h) < start+6 {
			return nil, nil, 0, 0
		}
		length = 6 + int(h[start+5])
	}
	n = start + length
	if !m.TCP {
		n += 2
	}
	if len(h) < n {
		return nil, nil, 0, 0
	}
	f := h[:n]
	if m.TCP {
		return f[:7], f[7:], f[6], n
	}
	if string(modbusSealed(append([]byte(nil), f[:n-2]...))) != string(f) {
		return nil, nil, 0, n // not understood: nobody answers
	}
	return nil, f[1 : n-2], f[0], n
}

// modbusSealed adds the checksum, lower byte first: the remainder with the first sixteen bits inverted.
func modbusSealed(b []byte) []byte {
	c := append([]byte(nil), b...)
	c[0], c[1] = ^c[0], ^c[1]
	return binary.LittleEndian.AppendUint16(b, remainder(c))
}

// answer is what a unit says to a request, without address and checksum.
func (u *ModbusUnit) answer(q []byte) []byte {
	f := q[0]
	refuse := func(code byte) []byte { return []byte{f | 0x80, code} }
	at, n := binary.BigEndian.Uint16(q[1:]), binary.BigEndian.Uint16(q[3:])
	limit := u.Limit
	if limit == 0 {
		limit = 125
	}
	switch f {
	case 1, 2:
		bits := u.Coils
		if f == 2 {
			bits = u.Discrete
		}
		if n == 0 || n > 2000 {
			return refuse(3)
		}
		a := make([]byte, 2+(n+7)/8)
		a[0], a[1] = f, byte((n+7)/8)
		for i := range n {
			v, ok := bits[at+i]
			if !ok {
				return refuse(2)
			}
			if v {
				a[2+i/8] |= 1 << (i % 8)
			}
		}
		return a
	case 3, 4:
		words := u.Holding
		if f == 4 {
			words = u.Input
		}
		if n == 0 || int(n) > limit {
			return refuse(3)
		}
		a := []byte{f, byte(2 * n)}
		for i := range n {
			v, ok := words[at+i]
			if !ok {
				return refuse(2)
			}
			a = binary.BigEndian.AppendUint16(a, v)
		}
		return a
	case 5:
		if _, ok := u.Coils[at]; !ok {
			return refuse(2)
		}
		if n != 0 && n != 0xFF00 {
			return refuse(3)
		}
		u.Coils[at] = n != 0
		return q[:5]
	case 6:
		if _, ok := u.Holding[at]; !ok {
			return refuse(2)
		}
		u.Holding[at] = n
		return q[:5]
	case 16:
		if int(q[5]) != 2*int(n) || len(q) != 6+int(q[5]) {
			return refuse(3)
		}
		for i := range n {
			if _, ok := u.Holding[at+i]; !ok {
				return refuse(2)
			}
		}
		for i := range n {
			u.Holding[at+i] = binary.BigEndian.Uint16(q[6+2*i:])
		}
		return q[:5]
	}
	return refuse(1)
}

// Say has the answers that are all there.
func (m *Modbus) Say(now time.Time) (said []byte, next time.Time) {
	for len(m.answers) > 0 && !m.answers[0].at.After(now) {
		said = append(said, m.answers[0].b...)
		m.answers = m.answers[1:]
	}
	if len(m.answers) > 0 {
		next = m.answers[0].at
	}
	return said, next
}

// input has the unit answer for all registers of a meter, those without a meaning as 0.
func (u *ModbusUnit) input(last uint16) {
	if u.Input == nil {
		u.Input, u.Holding = map[uint16]uint16{}, map[uint16]uint16{0xFC00: 0x0123, 0xFC01: 0x4567}
		for r := range last + 1 {
			u.Input[r] = 0
		}
	}
}

func sdm120(now time.Time, address byte, u *ModbusUnit) {
	u.input(0x0159)
	volts, amps := wave(now, 230, 3), wave(now.Add(time.Duration(address)*time.Minute), 5, 4)
	for r, v := range map[uint16]float64{
		0x00: volts, 0x06: amps, 0x0C: volts * amps * 0.95, 0x12: volts * amps, 0x18: volts * amps * 0.31, 0x1E: 0.95, 0x46: 50,
		0x48: 1234.5, 0x4A: 0.5, 0x4C: 321, 0x4E: 12, 0x156: 1235, 0x158: 333,
	} {
		u.Float(r, v)
	}
}

func sdm630(now time.Time, address byte, u *ModbusUnit) {
	u.input(0x0159)
	var sum [5]float64 // A, W, VA, var, V
	for i := range uint16(3) {
		volts, amps := wave(now, 230, 3)+float64(i), wave(now.Add(time.Duration(address)*time.Minute), 5, 4)
		all := [6]float64{volts, amps, volts * amps * 0.95, volts * amps, volts * amps * 0.31, 0.95}
		for k, v := range all {
			u.Float(uint16(6*k)+2*i, v)
		}
		sum = [5]float64{sum[0] + amps, sum[1] + all[2], sum[2] + all[3], sum[3] + all[4], sum[4] + volts}
		u.Float(0xC8+2*i, volts*math.Sqrt(3))
	}
	for r, v := range map[uint16]float64{
		0x2A: sum[4] / 3, 0x2E: sum[0] / 3, 0x30: sum[0], 0x34: sum[1], 0x38: sum[2], 0x3C: sum[3], 0x3E: 0.95, 0x46: 50,
		0x48: 1234.5, 0x4A: 0.5, 0x4C: 321, 0x4E: 12, 0xE0: 0.1, 0x156: 1235, 0x158: 333,
	} {
		u.Float(r, v)
	}
}

func pzem016(now time.Time, _ byte, u *ModbusUnit) {
	volts, amps := wave(now, 230, 3), wave(now, 5, 4)
	milliamps, deciwatts := uint32(amps*1000), uint32(volts*amps*9.5)
	u.Input = map[uint16]uint16{
		0: uint16(volts * 10), 1: uint16(milliamps), 2: uint16(milliamps >> 16), 3: uint16(deciwatts), 4: uint16(deciwatts >> 16),
		5: 1234, 6: 0, 7: 500, 8: 95, 9: 0,
	}
}
