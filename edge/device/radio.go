package device

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Radio is a kind of wire: a Bluetooth adapter that listens, shared by all devices that are heard through it.
const Radio Kind = "adapter"

// RadioAddress is the address of a Bluetooth device, its first byte the one that is written first. Written it is
// "A4:C1:38:12:34:56".
type RadioAddress [6]byte

func (a RadioAddress) String() string {
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", a[0], a[1], a[2], a[3], a[4], a[5])
}

// UnmarshalText reads an address with colons, hyphens or nothing between its bytes.
func (a *RadioAddress) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "").Replace(string(text)))
	if err != nil || len(b) != len(a) {
		return errors.New(`it is no address of a Bluetooth device, such as "A4:C1:38:12:34:56"`)
	}
	copy(a[:], b)
	return nil
}

// IsZero tells whether there is none.
func (a RadioAddress) IsZero() bool { return a == RadioAddress{} }

// Advert is a Bluetooth LE advertisement as it was heard.
type Advert struct {
	At   time.Time
	From RadioAddress
	// Random tells that the address is not one that a maker gave for good. It may change at each power-up, or every
	// quarter of an hour.
	Random bool
	Signal int    // how strong it was, in dBm; SignalUnknown if the adapter does not tell
	Data   []byte // its AD structures; not the listener's to keep or change
}

// SignalUnknown is the strength that an adapter tells if it knows none (Bluetooth Core Specification 5.4, Vol 4, Part E,
// 7.7.65.2).
const SignalUnknown = 127

// RadioBus is an adapter that listens to advertisements.
type RadioBus interface {
	Bus
	// Hear has hear called with all that the device of an address says, from a goroutine of the adapter, one at a time.
	// With the zero address it is called with what any device says. stop, which may be called twice, returns when it is
	// called no more, so hear must not call it.
	Hear(from RadioAddress, hear func(Advert)) (stop func())
	// Err tells why the adapter does not listen any more, and nil as long as it does. It wraps ErrBusGone.
	Err() error
}

// RegisterRadio names who opens the adapters of a scheme, as RegisterBus does for other wires.
func RegisterRadio(scheme string, open func(ctx context.Context, name string) (RadioBus, error)) {
	registry.Lock()
	defer registry.Unlock()
	if _, taken := registry.radios[scheme]; taken {
		panic(fmt.Sprintf("device: the adapters of the scheme %q are taken", scheme))
	}
	registry.radios[scheme] = open
}

// OpenRadio opens an adapter as the manager does, for who listens without a device, such as a scan.
func OpenRadio(ctx context.Context, name string) (RadioBus, error) {
	registry.RLock()
	open := registry.radios[""]
	if s, _, ok := strings.Cut(name, ":"); ok && registry.radios[s] != nil {
		open = registry.radios[s]
	}
	registry.RUnlock()
	if open == nil {
		return nil, notOpened(Radio, name)
	}
	return open(ctx, name)
}

// RegisterHeard is Register for a device that is heard through an adapter, which belongs to the manager.
func RegisterHeard[C any, D Device](name string, defaults C, open func(context.Context, RadioBus, C) (D, error)) {
	register(name, Radio, defaults, open)
}

// An Overheard is a sensor that nobody asks: it tells what its device said by itself. That it said nothing is no reason
// to open it again, nor to ask twice.
type Overheard interface {
	Waker
	// Space tells how far apart measurements are wanted, after opening and when it changes. The device asks to be read
	// no more often for numbers; what happens once, such as that a button is pressed, is worth more.
	Space(every time.Duration)
	// Learned tells, after Read, whether Channels lists another set than at the last call: what a device measures is
	// known only when it has said it.
	Learned() bool
}

// tryHeard is how long one waits for a device that speaks by itself who tries it: three times of most.
const tryHeard = 30 * time.Second

// hearOnce reads until there is something.
func hearOnce(ctx context.Context, d Overheard) (Sample, error) {
	for end := time.Now().Add(tryHeard); time.Now().Before(end); {
		s, err := d.Read(ctx)
		if err != nil || len(s) > 0 {
			return s, err
		}
		if err := Wait(ctx, tryHeard/100); err != nil {
			return nil, err
		}
	}
	i := d.Info()
	return nil, &Fault{
		Text:   fmt.Sprintf("%s was not heard on %s within %v", i.Address, i.Wire, tryHeard),
		Remedy: "check the address, its battery and the distance; a button or contact speaks only when something happens; who is in reach: selvage scan",
		Err:    ErrNoAnswer,
	}
}
