package sim

import (
	"math"
	"time"
)

func init() { registerTalker("pms5003", func() Talker { return new(PMS5003) }) }

// PMS5003 is the dust sensor as its data manual describes it (Plantower, version 2.3, 2016), seen from the line.
type PMS5003 struct {
	// Dust is the mass up to 2.5 µm at a time in µg/m³; nil swings about 12.
	Dust func(now time.Time) float64

	asleep, passive bool
	spoke           time.Time
	heard, said     []byte
}

// Baud is fixed.
func (*PMS5003) Baud() int { return 9600 }

// PowerOff makes it speak unasked again.
func (p *PMS5003) PowerOff() { p.asleep, p.passive, p.heard, p.said = false, false, nil, nil }

// Hear takes commands of seven bytes. Wrong ones are not answered.
func (p *PMS5003) Hear(now time.Time, b []byte) {
	for _, c := range b {
		p.heard = append(p.heard, c)
		if n := len(p.heard); n == 1 && c != 'B' || n == 2 && c != 'M' {
			p.heard = nil
		}
		if len(p.heard) < 7 {
			continue
		}
		h := p.heard
		p.heard = nil
		if total(h[:5]) != int(h[5])<<8|int(h[6]) {
			continue
		}
		switch {
		case h[2] == 0xE4:
			p.asleep = h[4] == 0
		case p.asleep:
		case h[2] == 0xE1:
			p.passive = h[4] == 0
			p.said = append(p.said, withTotal([]byte{'B', 'M', 0, 4, 0xE1, h[4]})...)
		case h[2] == 0xE2 && p.passive:
			p.said = append(p.said, p.frame(now)...)
		}
	}
}

// Say speaks each second, unless it is to wait for questions.
func (p *PMS5003) Say(now time.Time) ([]byte, time.Time) {
	if !p.passive && !p.asleep && now.Sub(p.spoke) >= time.Second {
		p.spoke = now
		p.said = append(p.said, p.frame(now)...)
	}
	said := p.said
	p.said = nil
	if p.passive || p.asleep {
		return said, time.Time{}
	}
	return said, p.spoke.Add(time.Second)
}

// frame has few large particles for many small ones, as air in a room has.
func (p *PMS5003) frame(now time.Time) []byte {
	dust := wave(now, 12, 8)
	if p.Dust != nil {
		dust = p.Dust(now)
	}
	values := []float64{0.7, 1, 1.1, 0.7, 1, 1.1, 150, 42, 6.5, 0.7, 0.2, 0.1}
	f := []byte{'B', 'M', 0, 28}
	for _, share := range values {
		v := uint16(math.Round(min(share*dust, 65535)))
		f = append(f, byte(v>>8), byte(v))
	}
	return withTotal(append(f, 0x97, 0))
}

func total(b []byte) (n int) {
	for _, v := range b {
		n += int(v)
	}
	return n
}

// withTotal adds the sum of all bytes.
func withTotal(b []byte) []byte {
	n := total(b)
	return append(b, byte(n>>8), byte(n))
}
