package drivertest

import (
	"context"
	"testing"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"selvage/edge/device"
)

// spiConfig says what is wrong with the driver under test; the zero spiConfig is a good driver.
type spiConfig struct{ Often, Mute, Bare, NoAsk, Ones, HasSettings, Deaf bool }

// sloppySPI doubles what the chip has in its one register, which it sets when it is opened.
type sloppySPI struct {
	c    spiConfig
	port spi.Port
	chip device.SPIChip
}

func init() {
	device.RegisterSPI("sloppy-spi", spiConfig{}, func(ctx context.Context, port spi.Port, c spiConfig) (d *sloppySPI, err error) {
		d = &sloppySPI{c: c, port: port}
		if d.chip, err = device.Connect(port, physic.MegaHertz, spi.Mode0); err != nil || c.NoAsk {
			return d, err
		}
		if err := d.chip.Tx(ctx, []byte{0x80, 4}, make([]byte, 2)); err != nil {
			return nil, err
		}
		_, err = d.ask(ctx)
		return d, err
	})
}

func (d *sloppySPI) ask(ctx context.Context) (byte, error) {
	if d.c.Often {
		d.chip, _ = device.Connect(d.port, physic.MegaHertz, spi.Mode0)
	}
	if d.c.Deaf {
		time.Sleep(time.Millisecond)
	} else if err := device.Wait(ctx, time.Millisecond); err != nil {
		return 0, err
	}
	var r [2]byte
	switch err := d.chip.Tx(ctx, []byte{0, 0}, r[:]); {
	case err != nil && d.c.Mute:
	case err != nil && d.c.Bare:
		return 0, err.(*device.Fault).Err
	case err != nil:
		return 0, err
	case r[1] == 0xFF && !d.c.Ones:
		return 0, d.chip.Idle("only ones came")
	case r[1] == 0 && !d.c.HasSettings:
		return 0, d.chip.Tx(ctx, []byte{0x80, 4}, make([]byte, 2))
	}
	return r[1], nil
}

func (d *sloppySPI) Info() device.Info { return d.chip.Info("sloppy-spi", "") }
func (d *sloppySPI) Close() error      { return nil }

func (d *sloppySPI) Channels() []device.Channel {
	return []device.Channel{{Name: "value", Unit: "1", Max: 10}}
}

func (d *sloppySPI) Read(ctx context.Context) (device.Sample, error) {
	v, err := d.ask(ctx)
	if err == nil && v == 0 && !d.c.HasSettings && !d.c.Mute {
		err = d.chip.Lost("chip")
	}
	if err != nil {
		return nil, err
	}
	if d.c.Deaf {
		_, err = d.ask(context.WithoutCancel(ctx))
	}
	return device.Sample{{Channel: "value", Value: float64(v)}}, err
}

// register is a chip of one register, which is 0 after power-on.
type register struct{ v byte }

func newRegister() spi.Port { return &register{} }

func (r *register) String() string               { return "register" }
func (r *register) PowerOff()                    { r.v = 0 }
func (r *register) Duplex() conn.Duplex          { return conn.Full }
func (r *register) TxPackets([]spi.Packet) error { return nil }

func (r *register) Connect(physic.Frequency, spi.Mode, int) (spi.Conn, error) { return r, nil }

func (r *register) Tx(w, in []byte) error {
	in[1] = r.v
	if w[0] == 0x80 {
		r.v = w[1]
	}
	return nil
}

func TestGoodSPIDriver(t *testing.T) {
	Run(t, Case{Driver: "sloppy-spi", SPI: newRegister})
}

func TestSloppySPIDrivers(t *testing.T) {
	for _, c := range []struct {
		rule   string
		config spiConfig
		fault  string
	}{
		{"connects once", spiConfig{Often: true}, "Connect was called 3 times"},
		{"reports every transfer that fails", spiConfig{Mute: true}, "transfer 2 fails: error <nil>"},
		{"reports every transfer that fails", spiConfig{Bare: true}, "with a remedy"},
		{"reports every transfer that fails", spiConfig{NoAsk: true, HasSettings: true}, "opening makes no transfer"},
		{"takes ones for nobody", spiConfig{Ones: true}, "open where only ones come"},
		{"bears a power cut", spiConfig{HasSettings: true}, "value is 0, and was 4 just before"},
		{"refuses another chip on SPI", spiConfig{}, "open with another chip: error <nil>"},
		{"cuts its waits short", spiConfig{Deaf: true}, "waited 1ms more"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			wantFault(t, c.rule, Case{Driver: "sloppy-spi", Config: c.config, SPI: newRegister, OtherSPI: newRegister}, c.fault)
		})
	}
}
