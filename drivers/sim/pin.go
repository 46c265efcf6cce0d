package sim

import (
	"errors"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

const relayPin = "GPIO17"

// Pin returns the pin the relay hangs on; high switches the heater on.
func (r *Room) Pin() gpio.PinIO { return relay{r} }

type relay struct{ room *Room }

func (p relay) String() string { return p.Name() }
func (p relay) Name() string   { return p.room.name + "/" + relayPin }
func (p relay) Number() int    { return 17 }
func (p relay) Halt() error    { return nil }

func (p relay) Function() string {
	return "Out/" + p.Read().String()
}

func (p relay) Out(l gpio.Level) error {
	p.room.heat(bool(l))
	return nil
}

func (p relay) Read() gpio.Level { return gpio.Level(p.room.Heating()) }

// In lets go of the relay, whose own resistor then pulls it off.
func (p relay) In(_ gpio.Pull, edge gpio.Edge) error {
	if edge != gpio.NoEdge {
		return errors.New("a simulated pin has no edges")
	}
	p.room.heat(false)
	return nil
}

func (p relay) WaitForEdge(time.Duration) bool { return false }
func (p relay) Pull() gpio.Pull                { return gpio.PullDown }
func (p relay) DefaultPull() gpio.Pull         { return gpio.PullDown }

func (p relay) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("a relay cannot be dimmed")
}

var _ gpio.PinIO = relay{}
