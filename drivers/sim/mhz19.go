package sim

import (
	"math"
	"time"
)

func init() { registerTalker("mhz19", func() Talker { return new(MHZ19) }) }

// MHZ19 is the carbon dioxide sensor as its manual describes it (Winsen, MH-Z19B, version 1.5), seen from the line.
type MHZ19 struct {
	// CO2 is its share in the air at a time in ppm; nil swings about 700.
	CO2 func(now time.Time) float64

	top         float64
	heard, said []byte
}

// Baud is fixed.
func (*MHZ19) Baud() int { return 9600 }

// PowerOff has it forget half a command. Its range it keeps.
func (m *MHZ19) PowerOff() { m.heard, m.said = nil, nil }

// Hear takes commands of nine bytes whose sum from the second on is 0.
func (m *MHZ19) Hear(now time.Time, b []byte) {
	for _, c := range b {
		m.heard = append(m.heard, c)
		if m.heard[0] != 0xFF {
			m.heard = nil
		}
		if len(m.heard) < 9 {
			continue
		}
		h := m.heard
		m.heard = nil
		if h[1] != 1 || total(h[1:])%256 != 0 {
			continue
		}
		switch h[2] {
		case 0x86:
			v := uint16(math.Round(min(max(m.air(now), 400), m.limit())))
			m.said = append(m.said, sealed([]byte{0xFF, 0x86, byte(v >> 8), byte(v), 65, 0, 0, 0})...)
		case 0x99:
			m.top = float64(int(h[6])<<8 | int(h[7]))
			m.said = append(m.said, sealed([]byte{0xFF, 0x99, 1, 0, 0, 0, 0, 0})...)
		}
	}
}

// Say has only answers.
func (m *MHZ19) Say(time.Time) ([]byte, time.Time) {
	said := m.said
	m.said = nil
	return said, time.Time{}
}

func (m *MHZ19) air(now time.Time) float64 {
	if m.CO2 != nil {
		return m.CO2(now)
	}
	return wave(now, 700, 250)
}

func (m *MHZ19) limit() float64 {
	if m.top == 0 {
		return 5000
	}
	return m.top
}

// sealed adds the byte that makes the sum of all but the first 0.
func sealed(b []byte) []byte { return append(b, byte(256-total(b[1:])%256)) }
