package sim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

const (
	pins      = 28 // as on a Raspberry Pi's header: GPIO0 to GPIO27
	heaterPin = 17 // the relay with the heater hangs on it
)

// pinNumber reads "GPIO17".
func pinNumber(name string) (n int, ok bool) {
	digits, ok := strings.CutPrefix(name, "GPIO")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && n < pins && name == pinName(n)
}

func pinName(n int) string { return fmt.Sprintf("GPIO%d", n) }

// Pin returns a pin by its number, from 0 to 27; high switches on what hangs on it.
func (r *Room) Pin(number int) gpio.PinIO { return relay{r, number} }

type relay struct {
	room   *Room
	number int
}

func (p relay) String() string { return p.Name() }
func (p relay) Name() string   { return p.room.name + "/" + pinName(p.number) }
func (p relay) Number() int    { return p.number }
func (p relay) Halt() error    { return nil }

func (p relay) Function() string {
	return "Out/" + p.Read().String()
}

func (p relay) Out(l gpio.Level) error {
	p.room.drive(p.number, bool(l))
	return nil
}

func (p relay) Read() gpio.Level {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return gpio.Level(p.room.high[p.number])
}

// In lets go of the relay, whose own resistor then pulls it off.
func (p relay) In(_ gpio.Pull, edge gpio.Edge) error {
	if edge != gpio.NoEdge {
		return errOldEdges
	}
	p.room.drive(p.number, false)
	return nil
}

func (p relay) WaitForEdge(time.Duration) bool { return false }
func (p relay) Pull() gpio.Pull                { return gpio.PullDown }
func (p relay) DefaultPull() gpio.Pull         { return gpio.PullDown }

func (p relay) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("a relay cannot be dimmed")
}

var _ gpio.PinIO = relay{}
