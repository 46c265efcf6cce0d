package onewire

import (
	"fmt"
	"strconv"
	"strings"

	"selvage/edge/device"
)

const (
	unknown = -1
	// afterPowerOn is byte 6 of the scratchpad when nothing has been measured since power came. The
	// datasheet has it reserved; w1_therm.c of the kernel tells a failed measurement by it, too.
	afterPowerOn = 0x0C

	powerOnValue = 85000  // the register after power came: 0x0550
	sentinel     = 127937 // 0x07FF, 127.94 °C: the voltage fell while measuring
)

// decode reads what w1_slave has:
//
//	5e 01 ff ff 7f ff ff ff 52 : crc=52 YES
//	5e 01 ff ff 7f ff ff ff 52 t=21875
//
// After NO the second line is of the measurement before, so it is not looked at.
func decode(id, text string) (device.Measure, error) {
	first, second, _ := strings.Cut(text, "\n")
	pad, verdict, ok := strings.Cut(first, " : crc=")
	if !ok {
		return device.Measure{}, nonsense(id, text)
	}
	b, err := scratchpad(pad)
	if err != nil {
		return device.Measure{}, nonsense(id, text)
	}
	switch {
	case same(b, 0x00): // of which the checksum is right
		return device.Measure{}, unanswered(id, "the data wire is at ground")
	case same(b, 0xFF):
		return device.Measure{}, unanswered(id, "only ones came")
	case strings.HasSuffix(verdict, "NO") || crc(b[:8]) != b[8]:
		return device.Measure{}, &device.Fault{
			Text:   fmt.Sprintf("what the thermometer %s sent came with a wrong checksum", id),
			Remedy: "noise or a weak pull-up: make the wire shorter, use a resistor of 2.2 to 4.7 kΩ from data to 3.3 V, and a third wire for power",
			Err:    device.ErrGarbled,
		}
	}
	_, t, ok := strings.Cut(second, "t=")
	milli, err := strconv.ParseInt(strings.TrimSpace(t), 10, 32)
	if !ok || err != nil || !strings.HasSuffix(verdict, "YES") {
		return device.Measure{}, nonsense(id, text)
	}
	return measured(milli, int(b[6])), nil
}

// measured doubts the two values that stand for no measurement, unless the scratchpad says it is one.
func measured(milli int64, reserved int) device.Measure {
	m := device.Measure{Channel: "temperature", Value: float64(milli) / 1000}
	switch {
	case milli == powerOnValue && (reserved == unknown || reserved == afterPowerOn):
		m.Doubt = "85 °C is what the chip has after power-on: its power may fail while it measures"
	case milli == sentinel:
		m.Doubt = "127.94 °C is what the chip has when its power fails while it measures"
	}
	return m
}

// scratchpad reads nine bytes in hex.
func scratchpad(text string) (b [9]byte, err error) {
	fields := strings.Fields(text)
	if len(fields) != len(b) {
		return b, fmt.Errorf("%d bytes", len(fields))
	}
	for i, f := range fields {
		v, err := strconv.ParseUint(f, 16, 8)
		if err != nil {
			return b, err
		}
		b[i] = byte(v)
	}
	return b, nil
}

func same(b [9]byte, want byte) bool {
	for _, v := range b {
		if v != want {
			return false
		}
	}
	return true
}

// crc is the 1-Wire CRC-8: x⁸+x⁵+x⁴+1, from the lowest bit on (Maxim, Application Note 27).
func crc(b []byte) (c byte) {
	for _, v := range b {
		c ^= v
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0x8C
			} else {
				c >>= 1
			}
		}
	}
	return c
}

func unanswered(id, why string) error {
	return &device.Fault{
		Text:   fmt.Sprintf("the thermometer %s does not answer: %s", id, why),
		Remedy: "check its three wires and the resistor of 4.7 kΩ from data to 3.3 V",
		Err:    device.ErrNoAnswer,
	}
}

func nonsense(id, text string) error {
	const enough = 60
	return &device.Fault{
		Text:   fmt.Sprintf("the kernel's words on the thermometer %s are not understood: %.*q", id, enough, text),
		Remedy: "see dmesg; if that says nothing, please report this",
		Err:    device.ErrGarbled,
	}
}
