package sim

import (
	"fmt"
	"strings"
	"time"
)

func init() { registerTalker("dsmr", func() Talker { return &DSMR{Every: time.Second} }) }

// DSMR is a smart meter of DSMR 5.0 with a gas meter, seen from its P1 port (P1 Companion Standard, version 5.0.2).
type DSMR struct {
	Every time.Duration               // between two telegrams: 1 s
	Power func(now time.Time) float64 // taken from the grid, below 0 given to it, in W; nil swings about 500

	spoke  time.Time
	energy [2]float64 // kWh in and out
}

// Baud is fixed.
func (*DSMR) Baud() int { return 115200 }

// Hear hears nothing: the port goes one way.
func (*DSMR) Hear(time.Time, []byte) {}

// PowerOff keeps its counters.
func (d *DSMR) PowerOff() { d.spoke = time.Time{} }

// Say sends a telegram when it is time.
func (d *DSMR) Say(now time.Time) ([]byte, time.Time) {
	if d.spoke.IsZero() {
		d.spoke = now
	}
	if now.Before(d.spoke.Add(d.Every)) {
		return nil, d.spoke.Add(d.Every)
	}
	in := wave(now, 500, 900)
	if d.Power != nil {
		in = d.Power(now)
	}
	out := max(-in, 0)
	in = max(in, 0)
	hours := min(now.Sub(d.spoke), time.Hour).Hours()
	d.spoke = now
	d.energy[0] += in / 1000 * hours
	d.energy[1] += out / 1000 * hours
	summer := "W"
	volts := wave(now, 230, 3)
	lines := []string{
		`/SIM5\2SELVAGE-P1`, "",
		"1-3:0.2.8(50)",
		"0-0:1.0.0(" + now.Format("060102150405") + summer + ")",
		"0-0:96.1.1(53494D30303030303030303030303031)",
		fmt.Sprintf("1-0:1.8.1(%010.3f*kWh)", 4321+d.energy[0]),
		"1-0:1.8.2(001234.567*kWh)",
		fmt.Sprintf("1-0:2.8.1(%010.3f*kWh)", 321+d.energy[1]),
		"1-0:2.8.2(000123.456*kWh)",
		"0-0:96.14.0(0001)",
		fmt.Sprintf("1-0:1.7.0(%06.3f*kW)", in/1000),
		fmt.Sprintf("1-0:2.7.0(%06.3f*kW)", out/1000),
		"0-0:96.7.21(00003)", "0-0:96.13.0()",
		fmt.Sprintf("1-0:32.7.0(%05.1f*V)", volts),
		fmt.Sprintf("1-0:31.7.0(%06.2f*A)", (in+out)/volts),
		"0-1:24.1.0(003)",
		"0-1:96.1.0(53494D4741533030303030303030303031)",
		"0-1:24.2.1(" + now.Truncate(5*time.Minute).Format("060102150405") + summer + ")(00987.654*m3)",
		"!",
	}
	text := []byte(strings.Join(lines, "\r\n"))
	return append(text, fmt.Sprintf("%04X\r\n", remainder(text))...), d.spoke.Add(d.Every)
}

// remainder divides a message, its bits sent lowest first, by x¹⁶+x¹⁵+x²+1.
func remainder(b []byte) (r uint16) {
	for i := range 8 * (len(b) + 2) {
		out := r&1 == 1
		r >>= 1
		if i/8 < len(b) && b[i/8]>>(i%8)&1 == 1 {
			r |= 1 << 15
		}
		if out {
			r ^= 0xA001
		}
	}
	return r
}
