package gpio

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/gpio"

	"selvage/edge/device"
)

// EchoConfig is one [device.…] table with driver = "hc-sr04".
type EchoConfig struct {
	_           struct{} `doc:"HC-SR04 and its kin: distance by ultrasound, from 2 cm to 4 m. The pin is its trigger." example:"level"`
	Echo        string   `toml:"echo" doc:"the pin of its echo, which needs a divider from 5 V to 3.3 V"`
	Temperature float64  `toml:"temperature" doc:"of the air, in °C; 10 °C more or less are 2 % of the distance"`
}

// Check names what cannot work.
func (c EchoConfig) Check(fault func(key, problem, remedy string)) {
	if c.Echo == "" {
		fault("echo", "an HC-SR04 has a second pin, its echo", `add echo = "GPIO24", or the pin it is on`)
	}
	if !(c.Temperature >= -40 && c.Temperature <= 85) {
		fault("temperature", fmt.Sprintf("the air is not at %v °C", c.Temperature), "use -40 to 85")
	}
}

const (
	// triggerTime is how long the trigger must be high at least, by the leaflet of the module.
	triggerTime = 10 * time.Microsecond
	// beginWithin bounds the wait for the echo to rise: the module sends eight periods of 40 kHz first.
	beginWithin = 50 * time.Millisecond
	// endWithin is beyond the pulse of a module that hears nothing: 38 ms by the leaflet, up to 200 ms of others.
	endWithin = 250 * time.Millisecond

	farthest = 4.0  // m
	nearest  = 0.02 // m
)

// Echo measures distances with an HC-SR04 (ElecFreaks, Ultrasonic Ranging Module HC-SR04). The kernel
// takes the time of both edges of the echo in its interrupt handler, so what this program is doing
// meanwhile does not matter; how late the handler comes does, which is some 10 µs, or 2 mm, on a quiet
// machine and may be a hundred times that on a busy one. A filter behind it takes care of that.
type Echo struct {
	trigger gpio.PinIO
	echo    device.EdgePin
	c       EchoConfig
	edges   chan device.Edge
	closed  bool
}

// OpenEcho takes both pins and measures once, for a module that is there answers whatever it hears.
func OpenEcho(ctx context.Context, trigger gpio.PinIO, c EchoConfig) (*Echo, error) {
	pin, err := device.OpenPin(ctx, c.Echo)
	if err != nil {
		return nil, err
	}
	e := &Echo{trigger: trigger, c: c, edges: make(chan device.Edge, most)}
	var ok bool
	if e.echo, ok = pin.(device.EdgePin); !ok {
		return nil, noEdges(pin, "the echo", nil)
	}
	if err := trigger.Out(gpio.Low); err != nil {
		return nil, refused(trigger, "an output", err)
	}
	if err := e.echo.Watch(gpio.Float, 0, e.note); err != nil {
		return nil, refused(pin, "an input that tells its edges", err)
	}
	if _, err := e.pulse(ctx); err != nil {
		_ = e.Close() // what failed is told
		return nil, err
	}
	return e, nil
}

// note keeps an edge, in the goroutine of the pin. More than a measurement has are of no use.
func (e *Echo) note(edge device.Edge) {
	select {
	case e.edges <- edge:
	default:
	}
}

// Channels is the distance in metres.
func (e *Echo) Channels() []device.Channel {
	return []device.Channel{{Name: "distance", Unit: "m", Min: nearest, Max: farthest, Resolution: 0.001}}
}

// Read measures once.
func (e *Echo) Read(ctx context.Context) (device.Sample, error) {
	if err := done(ctx, e.closed); err != nil {
		return nil, err
	}
	d, err := e.pulse(ctx)
	if err != nil {
		return nil, err
	}
	m := device.Measure{Channel: "distance", Value: metres(d, e.c.Temperature)}
	if m.Value > farthest {
		m = device.Measure{Channel: "distance", Err: &device.Fault{
			Text:   fmt.Sprintf("nothing within %v m sends the sound back", farthest),
			Remedy: "turn it to something hard and flat; cloth, foam and slanting walls are not heard",
		}}
	}
	return device.Sample{m}, nil
}

// metres is half the way of sound: 331.3 m/s at 0 °C and 0.606 m/s more for each degree, the usual
// approximation for dry air.
func metres(echo time.Duration, celsius float64) float64 {
	return (331.3 + 0.606*celsius) * echo.Seconds() / 2
}

// pulse has the module measure and returns how long its echo was high.
func (e *Echo) pulse(ctx context.Context) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for len(e.edges) > 0 {
		if edge := <-e.edges; edge.Err != nil {
			return 0, refused(e.echo, "an input", edge.Err)
		}
	}
	switch high, err := e.echo.Level(); {
	case err != nil:
		return 0, refused(e.echo, "an input", err)
	case bool(high):
		return 0, e.silent("its echo is high all the time")
	}
	if err := e.trigger.Out(gpio.High); err != nil {
		return 0, refused(e.trigger, "an output", err)
	}
	time.Sleep(triggerTime) // it may be longer
	if err := e.trigger.Out(gpio.Low); err != nil {
		return 0, refused(e.trigger, "an output", err)
	}
	rise, err := e.next(ctx, gpio.High, beginWithin, "it does not answer")
	if err != nil {
		return 0, err
	}
	fall, err := e.next(ctx, gpio.Low, endWithin, "its echo does not end")
	if err != nil {
		return 0, err
	}
	return fall.At - rise.At, nil
}

// next waits for an edge.
func (e *Echo) next(ctx context.Context, to gpio.Level, within time.Duration, or string) (device.Edge, error) {
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case edge := <-e.edges:
		switch {
		case edge.Err != nil:
			return edge, refused(e.echo, "an input", edge.Err)
		case edge.Level != to || edge.Lost > 0:
			return edge, &device.Fault{
				Text:   fmt.Sprintf("the echo on %s came with edges of something else", e.echo.Name()),
				Remedy: "keep its wires short and away from others, and check the divider",
				Err:    device.ErrGarbled,
			}
		}
		return edge, nil
	case <-late.C:
		return device.Edge{}, e.silent(or)
	case <-ctx.Done():
		return device.Edge{}, ctx.Err()
	}
}

func (e *Echo) silent(why string) error {
	return &device.Fault{
		Text:   fmt.Sprintf("no distance from the HC-SR04 on %s and %s: %s", e.trigger.Name(), e.echo.Name(), why),
		Remedy: "check its 5 V, ground, that the pin is its trigger, and that its echo comes by a divider",
		Err:    device.ErrNoAnswer,
	}
}

// Info tells the two pins.
func (e *Echo) Info() device.Info {
	return device.Info{Driver: "hc-sr04", Wire: e.trigger.Name(), Address: e.echo.Name(), Model: "HC-SR04"}
}

// Close lets go of the pins.
func (e *Echo) Close() error {
	e.closed = true
	return errors.Join(e.trigger.Halt(), e.echo.Halt())
}

var _ device.Sensor = (*Echo)(nil)
