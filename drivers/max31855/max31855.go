// Package max31855 is for the Maxim (Analog Devices) MAX31855, which measures the temperature at the tip of a
// thermocouple on an SPI bus.
//
// Wiring: VCC 3.0 to 3.6 V; SCK to SCLK, SO to MISO, CS to CE0 for /dev/spidev0.0; MOSI stays free. The thermocouple's
// tip must not touch ground, and 10 nF between T+ and T- help against noise. The type of thermocouple is that of the chip:
// a MAX31855K is for type K, from -200 to 1350 °C.
//
// The chip takes the voltage of a thermocouple for proportional to its temperature, which it is not: the value is some °C
// wrong far from 0 °C and 1000 °C. With linearise = true the voltage that the chip measured is computed from what it
// says, and turned into °C by the polynomials of ITS-90 for type K.
//
// Source: Maxim, MAX31855, 19-5793: the 32 bits in table 2, examples in tables 4 and 5, sensitivities in table 1; NIST,
// ITS-90 Thermocouple Database (monograph 175), type K.
package max31855

import (
	"context"
	"encoding/binary"
	"fmt"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

func init() { device.RegisterSPI("max31855", Config{}, Open) }

const (
	speed = 5 * physic.MegaHertz

	reserved = 1<<17 | 1<<3 // bits that are always 0
	fault    = 1 << 16
	toSupply = 1 << 2
	toGround = 1 << 1
	open     = 1 << 0

	coldest, hottest = -270, 1800 // °C, of all types of thermocouple
)

// Config is one [device.…] table of the host file.
type Config struct {
	_         struct{} `doc:"Maxim MAX31855: the temperature of a thermocouple, and of the chip." example:"oven"`
	Linearise bool     `toml:"linearise" doc:"whether the temperature is corrected by the tables for type K, rather than as the chip says it; for a MAX31855K only"`
}

// Dev is one chip.
type Dev struct {
	chip device.SPIChip
	c    Config
}

// Open reads the chip once: the bits that are always 0 must be, and some other must not.
func Open(ctx context.Context, port spi.Port, c Config) (*Dev, error) {
	chip, err := device.Connect(port, speed, spi.Mode0)
	if err != nil {
		return nil, err
	}
	d := &Dev{chip: chip, c: c}
	if _, err := d.ask(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Info tells the bus.
func (d *Dev) Info() device.Info { return d.chip.Info("max31855", "Maxim MAX31855") }

// Channels are the temperature at the tip and that of the chip, in °C.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{
		{Name: "temperature", Unit: "Cel", Min: coldest, Max: hottest, Resolution: 0.25},
		{Name: "chip-temperature", Unit: "Cel", Min: -55, Max: 127, Resolution: 0.0625},
	}
}

// Read takes what the chip, which measures ten times a second by itself, measured last.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	word, err := d.ask(ctx)
	if err != nil {
		return nil, err
	}
	return decode(word, d.c.Linearise), nil
}

// Close has nothing to do.
func (d *Dev) Close() error { return nil }

func (d *Dev) ask(ctx context.Context) (uint32, error) {
	var r [4]byte
	if err := d.chip.Tx(ctx, make([]byte, len(r)), r[:]); err != nil {
		return 0, err
	}
	word := binary.BigEndian.Uint32(r[:])
	switch {
	case word == 0: // 0.00 °C at the tip and 0.0000 °C in the chip are less likely than no chip
		return 0, d.chip.Idle("only zeros came")
	case device.Ones(r[:]):
		return 0, d.chip.Idle("only ones came")
	case word&reserved != 0 || word&fault == 0 && word&7 != 0:
		return 0, &device.Fault{
			Text:   fmt.Sprintf("what came on %s is not from a MAX31855: %08x", d.chip.Info("", "").Wire, word),
			Remedy: "check the driver, the chip select, and SCLK and MISO; long wires disturb, too",
			Err:    device.ErrGarbled,
		}
	}
	return word, nil
}

// decode turns the 32 bits into °C. A thermocouple with a fault has no temperature; the chip has.
func decode(word uint32, linearise bool) device.Sample {
	tip := float64(int32(word)>>18) / 4
	chip := float64(int16(word)>>4) / 16
	m := device.Measure{Channel: "temperature", Value: tip}
	switch {
	case word&open != 0:
		m.Err = &device.Fault{
			Text:   "the thermocouple is open",
			Remedy: "check its two wires at T+ and T-; if they are tight, it is broken",
		}
	case word&toGround != 0:
		m.Err = &device.Fault{
			Text:   "the thermocouple has contact with ground",
			Remedy: "its tip touches metal: use one with an insulated tip, and look for bare wires",
		}
	case word&toSupply != 0:
		m.Err = &device.Fault{
			Text:   "the thermocouple has contact with the supply",
			Remedy: "look for bare wires and solder bridges at T+ and T-",
		}
	case word&fault != 0:
		m.Err = &device.Fault{
			Text:   "the chip says that the thermocouple has a fault, and not which",
			Remedy: "check its two wires at T+ and T-, and the wires of the bus",
		}
	case linearise:
		m.Value = linearised(tip, chip)
	}
	if m.Err != nil {
		m.Value = 0
	} else if m.Value < coldestK || m.Value > hottestK {
		if linearise {
			m.Doubt = "outside what the tables of type K have"
		}
	}
	return device.Sample{m, {Channel: "chip-temperature", Value: chip}}
}

var _ device.Sensor = (*Dev)(nil)
