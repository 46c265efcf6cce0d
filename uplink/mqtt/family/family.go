// Package family is what all kinds of devices have in common that speak MQTT in a way of their own: how what they
// publish becomes devices, readings, states of outputs and commands.
//
// A Family is a pure machine: messages go in, what they mean comes out of a Sink. It has no socket, no clock and no
// goroutine, and is used by one goroutine at a time. What it knows of devices it knows from messages; those that it
// has asked to Keep are given to it again, before any other, after a restart.
package family

import (
	"time"

	"selvage/edge/device"
)

// Family understands one kind of devices, "zigbee2mqtt" for one.
type Family interface {
	// Filters are the subscriptions that bring what there is to know before any device is. None begins with + or #.
	Filters() []string
	// Take takes a message that Filters, or those of a device that was met, have brought. Of topics that it does not know
	// it says nothing. The payload is the caller's: what is to stay must be copied.
	Take(m Message, to Sink)
}

// Connecter is a Family that has something to do when the broker has been connected and all subscriptions are made:
// to ask devices to tell of themselves, for one.
type Connecter interface{ Connected(now time.Time, to Sink) }

// Ticker is a Family that waits for something. Tick is called about each second while the broker is connected.
type Ticker interface{ Tick(now time.Time, to Sink) }

// Loser is a Family to which it matters that the connection was lost.
type Loser interface{ Lost(now time.Time, to Sink) }

// Message is what came on a topic.
type Message struct {
	Topic   string
	Payload []byte // empty: something retained is taken away (which the broker does not mark as retained)
	// Retained: the broker kept it for those who subscribe later, so it is state from some time in the past.
	Retained bool
	Replayed bool      // it was kept by Sink.Keep, and no broker has sent it now
	At       time.Time // when it came, by this machine's clock
}

// Sink takes what a message means.
type Sink interface {
	// Meet tells of a device, or that it is described anew: what is not in a later description is not there any more,
	// but for lanes that have had readings.
	Meet(d Device)
	// Report tells what a device said, which was met before.
	Report(id string, r Report)
	// Gone tells that a device will not come back. Its history stays.
	Gone(id, why string)
	// Publish sends something that is of use now only: it is lost where the broker is not connected.
	Publish(p Publication)
	// Doubt tells people of something that is not as it should be, and cannot be told by a reading.
	Doubt(p Problem)
	// Keep has the message given to the family again at the next start, before all others and marked as Replayed: it says
	// what a device is. One for each topic is kept, the last; an empty payload takes it away. Keep may be called whenever
	// something is defined, also of a message that is replayed.
	Keep()
}

// Device is a device as a family knows it.
type Device struct {
	// ID is who it is, whatever it is called and in whichever family it is met: the address of its radio or network
	// interface where that is known, as "0x00124b0022f1a2b3" or "020000000001" (small letters, no colons), otherwise
	// the family's name, a slash, and what is unique there.
	ID string
	// Also are other IDs of the same device: those it was met by when less was known.
	Also []string

	Name    string // as people call it; it gives the twin its node URI
	Model   string // with its maker: "Aqara WSDCGQ11LM"
	Serial  string
	Address string // the topic it is at, for people

	Channels []device.Channel // by name; see Lane
	Outputs  []Output
	Every    time.Duration // how often it is expected to say something; 0 if it may be silent for long, or nobody knows
	Filters  []string      // subscriptions that bring its news, beside Family.Filters
}

// Output is something about a device that can be commanded.
type Output struct {
	// Name is "" for what the device mostly is: the switch of a plug, the light of a lamp. Each other output has a twin of
	// its own, named after the device and this: "lamp-brightness".
	Name    string
	Takes   device.Channel
	Options []string // the texts it takes, where Takes.Form is Text; empty for any
	// Command makes what commands the output. It is called by any goroutine, and v fits Takes and Options.
	Command func(v device.Value) (Publication, error)
	// Silent: the device never says what the output does, so that no confirmation is waited for.
	Silent bool
}

// Publication is something to be published.
type Publication struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
}

// Report is what a device said in one message.
type Report struct {
	// Readings have a zero At if they were true when the message came. One with quality Bad and a reason says what came
	// and cannot be read; the channel keeps what it has.
	Readings []device.NamedReading
	States   []State
	Presence Presence
	Why      string // for Away: what says so, for people; the topic is put before it
}

// State is what an output does, as its device said.
type State struct {
	Output string // Output.Name
	Value  device.Value
}

// Presence tells whether the device is there, as its will or what watches over it says.
type Presence int

// A device that says nothing about its presence is there when it says something.
const (
	Unsaid Presence = iota
	There
	Away
)

// Problem is something for people to know.
type Problem struct {
	Kind   string // of problem, one word: for each there is one condition, of the last that was told
	Text   string // what, where and why: "the template of homeassistant/sensor/a/config …"
	Remedy string
}
