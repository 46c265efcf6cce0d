// Package veml7700 is for the Vishay VEML7700, which measures illuminance on an I²C bus, from moonlight to sunlight.
//
// Wiring: VDD to 3.3 V (2.5 to 3.6 V), GND, SDA, SCL. Its address is 0x10. Range: 0 to 120,000 lx; behind a cover less
// light comes in, which an offset and scale of the config put right.
//
// Source: Vishay, VEML7700 data sheet, document 84286: registers; application note 84323, Designing the VEML7700 into an
// Application: resolution and maximum, choice of gain, correction above 1000 lx. The resolution is 0.0042 lx, which Vishay
// put in the place of 0.0036 in November 2023 as wrongly stated before (Linux, commit c9e9746f275c, for the VEML6030, which
// has the same table).
package veml7700

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/edge/device"
)

func init() { device.RegisterI2C("veml7700", Config{Address: address}, Open) }

const (
	address = 0x10

	regConfig = 0
	regLight  = 4
	regID     = 7

	identity = 0x81 // the low byte of regID; the high one stands for the address
	shutdown = 1
)

// scale is a gain with an integration time.
type scale struct {
	config uint16
	time   time.Duration
	lx     float64 // that one count stands for: 0.0042·(800 ms/time)·(2/gain)
	less   uint16  // below as many counts the next finer scale is better
}

// scales go from bright to dark. Only gain 1/8 is straight enough for more than 100 lx or so, says the application note;
// its integration time of 100 ms already reaches beyond sunlight.
var scales = [...]scale{
	{2 << 11, 100 * time.Millisecond, 0.5376, 1000},
	{1 << 11, 100 * time.Millisecond, 0.0336, 1000},
	{1<<11 | 2<<6, 400 * time.Millisecond, 0.0084, 0},
}

// full is where the next coarser scale is better.
const full = 60_000

// settle is how long the first result takes: waking up, and integrating with a slow oscillator.
func (s *scale) settle() time.Duration { return 5*time.Millisecond + s.time*11/10 }

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{} `doc:"Vishay VEML7700: illuminance." example:"window"`
	Address uint16   `toml:"address" doc:"its address on the bus, which is always 0x10"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address != address {
		fault("address", fmt.Sprintf("a VEML7700 does not answer at 0x%02x", c.Address), "use 0x10")
	}
}

// Addresses is the one it has.
func (Config) Addresses() []uint16 { return []uint16{address} }

// Probe asks what is at an address for its identity.
func (Config) Probe(ctx context.Context, bus i2c.Bus, addr uint16) (string, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: addr}}
	return model, d.identify(ctx)
}

const model = "Vishay VEML7700"

// Dev is one chip.
type Dev struct {
	chip  device.Chip
	scale int       // in scales
	ready time.Time // when it has measured with that
}

// Open asks the chip who it is and has it measure all the time.
func Open(ctx context.Context, bus i2c.Bus, c Config) (*Dev, error) {
	d := &Dev{chip: device.Chip{Bus: bus, Addr: c.Address}}
	return d, d.set(ctx, 0)
}

func (d *Dev) identify(ctx context.Context) error {
	var id [2]byte
	err := d.chip.Steady(ctx, "identity", []byte{regID}, id[:])
	switch {
	case err != nil:
	case device.Ones(id[:]):
		err = d.chip.Idle()
	case id[0] != identity:
		err = d.chip.Other(fmt.Sprintf("another chip (id 0x%02x%02x)", id[1], id[0]), "a VEML7700", "")
	}
	return err
}

// set looks who is there, and has it measure with another scale. The data sheet asks to shut it down for that.
func (d *Dev) set(ctx context.Context, n int) error {
	d.scale = n
	if err := d.identify(ctx); err != nil {
		return err
	}
	for _, v := range []uint16{scales[n].config | shutdown, scales[n].config} {
		if err := d.chip.Tx(ctx, []byte{regConfig, byte(v), byte(v >> 8)}, nil); err != nil {
			return err
		}
	}
	d.ready = time.Now().Add(scales[n].settle())
	return nil
}

func (d *Dev) reg(ctx context.Context, reg byte) (uint16, error) {
	var r [2]byte
	err := d.chip.Steady(ctx, "register", []byte{reg}, r[:])
	return binary.LittleEndian.Uint16(r[:]), err
}

// Info tells the chip's address. It has no serial number.
func (d *Dev) Info() device.Info { return d.chip.Info("veml7700", model, "") }

// Channels is illuminance in lx.
func (d *Dev) Channels() []device.Channel {
	return []device.Channel{{Name: "illuminance", Unit: "lx", Min: 0, Max: 120_000, Resolution: 0.01}}
}

// Read takes the newest of the results that the chip makes all the time. Where the light is much brighter or darker than
// before it sets another scale and waits for its first result, up to half a second.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	for range 2 * len(scales) {
		if err := device.Wait(ctx, time.Until(d.ready)); err != nil {
			return nil, err
		}
		n, err := d.reg(ctx, regLight)
		if err != nil {
			return nil, err
		}
		// What has its settings still now had power when it measured.
		config, err := d.reg(ctx, regConfig)
		switch s := &scales[d.scale]; {
		case err != nil:
			return nil, err
		case config == 0xFFFF:
			return nil, d.chip.Idle()
		case config != s.config:
			err = d.set(ctx, d.scale)
		case n > full && d.scale > 0:
			err = d.set(ctx, d.scale-1)
		case n < s.less:
			err = d.set(ctx, d.scale+1)
		case n == 0xFFFF:
			return nil, d.chip.Idle() // no light is that bright with the coarsest scale
		default:
			return decode(n, s.lx), nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, d.chip.Unready("steady light", 2*scales[len(scales)-1].settle())
}

// Close has nothing to do: the chip needs 45 µA while it measures.
func (d *Dev) Close() error { return nil }

// decode turns counts into lx. Above 1000 lx the chip shows less than there is.
func decode(n uint16, lx float64) device.Sample {
	v := float64(n) * lx
	if v > 1000 {
		v = (((6.0135e-13*v-9.3924e-9)*v+8.1488e-5)*v + 1.0023) * v
	}
	return device.Sample{{Channel: "illuminance", Value: v}}
}

var _ device.Sensor = (*Dev)(nil)
