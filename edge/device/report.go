package device

import (
	"time"

	"selvage/edge/clock"
)

// Spec says which device to run and how: one [device.…] table of the host file.
type Spec struct {
	Name   string // the device's name: "air"
	Driver string // registered driver name
	Wire   string // its bus, port or pin: "/dev/i2c-1", "/dev/ttyUSB0", "GPIO17"

	// Every is the time between two measurements; 0 stands for DefaultEvery, or a tenth of a second for
	// a device that only has Boolean channels, such as a contact. For an output it is the time after
	// which its state is written again, so that a board that lost power is put right; 0 = never.
	Every time.Duration
	// Timeout bounds one measurement or one switching; 0 stands for the driver's Patience.
	Timeout time.Duration
	// SafeWhen are codes of conditions, such as "uplink.cloud", "agent./room/air" and "device.air": when one begins, or
	// one below it such as "agent./room/air.turn", an output goes to its safe state until it is told again.
	SafeWhen []string
	// SafeAfter is how long an output does what it was told if it is not told again, before it goes to its safe state;
	// 0 = for ever.
	SafeAfter time.Duration
	// Adjust is what is known better than the device does about its channels, by their names. The device's twin goes by
	// it; a Manager has no use for it.
	Adjust map[string]Adjust
	// Config is a value of the driver's Config type; nil means its defaults.
	Config any
}

const (
	DefaultEvery   = 10 * time.Second
	DefaultTimeout = time.Second

	contactEvery = 100 * time.Millisecond // people press a button for a fifth of a second or more
)

// Report is what a device's owner found out in one attempt. What did not happen is nil. All slices
// and pointers belong to the receiver.
type Report struct {
	Device   string
	At       clock.Stamp    // when the attempt ended
	Opened   *Opened        // the device was opened, or opened again, just now
	Readings []NamedReading // what it measured
	State    *State         // what an output's wire has now
	Err      error          // why the attempt failed; often a *Fault with a remedy
	Tried    []Step         // what was tried since it began to fail, the first of each kind
}

// Opened tells what was found on the wire.
type Opened struct {
	Info     Info
	Channels []Channel // of a sensor
	Takes    *Channel  // of an output
}

// NamedReading is the reading of one channel.
type NamedReading struct {
	Channel string
	Reading Reading
}

// State is what an output does, as its driver reported after it was set.
type State struct {
	Value Value
	Safe  bool // nobody asked for it: it is the safe state
}
