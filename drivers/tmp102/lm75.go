package tmp102

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("lm75", LM75{Address: 0x48, Bits: 9}, OpenLM75) }

const (
	// faults2 is a configuration that none of these chips has after a start: the OS output changes at the second
	// temperature beyond its limit. It tells whether the power was away.
	faults2 = 0x08
	// bits12 is the resolution of those that can be set.
	bits12 = 0x60

	// firstTime is how long the first conversion after a start takes, 300 ms, with a margin. Until then the temperature
	// is 0 °C.
	firstTime = 350 * time.Millisecond
)

// LM75 is one [device.…] table of the host file.
type LM75 struct {
	_       struct{} `doc:"LM75 and its kin (LM75A, LM75B, DS75, TMP75, TMP105, …): temperature." example:"cabinet"`
	Address uint16   `toml:"address" doc:"its address on the bus: 0x48, plus 1, 2 and 4 for A0, A1 and A2 at V+"`
	Bits    int      `toml:"bits" doc:"how finely it resolves: 9 (0.5 °C) for any of them, 11 for LM75A and LM75B of NXP, 12 for DS75, TMP75, TMP105 and others that are set to it"`
}

// Check names what cannot work.
func (c LM75) Check(fault func(key, problem, remedy string)) {
	if c.Address < 0x48 || c.Address > 0x4F {
		fault("address", fmt.Sprintf("an LM75 does not answer at 0x%02x", c.Address), "use 0x48 to 0x4F")
	}
	if c.Bits != 9 && c.Bits != 11 && c.Bits != 12 {
		fault("bits", fmt.Sprintf("no LM75 or kin has %d bits", c.Bits), "use 9, 11 or 12")
	}
}

// Addresses are those it may have. It has no identity to probe for.
func (LM75) Addresses() []uint16 { return []uint16{0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F} }

// Dev75 is one LM75.
type Dev75 struct {
	chip     device.Chip
	bits     int
	settings byte
	ready    time.Time // when it has measured since it was set
}

// OpenLM75 has the chip keep a setting, which is all that one of this kin can be known by.
func OpenLM75(ctx context.Context, bus i2c.Bus, c LM75) (*Dev75, error) {
	d := &Dev75{chip: device.Chip{Bus: bus, Addr: c.Address}, bits: c.Bits, settings: faults2}
	if c.Bits == 12 {
		d.settings |= bits12
	}
	return d, d.set(ctx)
}

// set has the chip measure all the time.
func (d *Dev75) set(ctx context.Context) error {
	if err := d.chip.Tx(ctx, []byte{regConfig, d.settings}, nil); err != nil {
		return err
	}
	d.ready = time.Now().Add(firstTime)
	switch config, err := d.config(ctx); {
	case err != nil:
		return err
	case config == d.settings:
		return nil
	case config&bits12 == bits12:
		return d.chip.Other("a TMP102, or set to 12 bits for good", fmt.Sprintf("an LM75 with %d bits", d.bits), `write driver = "tmp102", or bits = 12`)
	case d.bits == 12 && config == faults2:
		return d.chip.Other("an LM75 whose bits cannot be set", "one with 12", "write bits = 9, or 11 if it is of NXP")
	default:
		return d.chip.Other(fmt.Sprintf("another chip (it made 0x%02x of the configuration 0x%02x)", config, d.settings), "an LM75", "")
	}
}

func (d *Dev75) config(ctx context.Context) (byte, error) {
	var r [1]byte
	err := d.chip.Steady(ctx, "configuration", []byte{regConfig}, r[:])
	if err == nil && device.Ones(r[:]) {
		err = d.chip.Idle()
	}
	return r[0], err
}

// Info tells the chip's address. It has no serial number.
func (d *Dev75) Info() device.Info { return d.chip.Info("lm75", "LM75 or alike", "") }

// Channels is temperature in °C.
func (d *Dev75) Channels() []device.Channel {
	return []device.Channel{{Name: "temperature", Unit: "Cel", Min: -55, Max: 125, Resolution: 128 / float64(int(1)<<(d.bits-1))}}
}

// Read takes the newest of the conversions that the chip makes all the time.
func (d *Dev75) Read(ctx context.Context) (device.Sample, error) {
	for range 2 {
		if err := device.Wait(ctx, time.Until(d.ready)); err != nil {
			return nil, err
		}
		t, err := d.temperature(ctx)
		if err != nil {
			return nil, err
		}
		// What has its settings still now had power when it measured.
		config, err := d.config(ctx)
		if err != nil {
			return nil, err
		}
		if config == d.settings {
			return decode(t &^ (0xFFFF >> d.bits)), nil // bits that it does not have may be anything
		}
		if err := d.set(ctx); err != nil {
			return nil, err
		}
	}
	return nil, d.chip.Lost()
}

// temperature may be only ones: −0.5 °C of a chip whose unused bits are ones. Then the configuration tells whether it is
// there.
func (d *Dev75) temperature(ctx context.Context) (uint16, error) {
	var r [2]byte
	err := d.chip.Steady(ctx, "temperature", []byte{regTemperature}, r[:])
	return binary.BigEndian.Uint16(r[:]), err
}

// Close has nothing to do: the chip needs 0.3 mA while it measures.
func (d *Dev75) Close() error { return nil }

var _ device.Sensor = (*Dev75)(nil)
