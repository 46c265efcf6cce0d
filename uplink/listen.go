package uplink

import (
	"context"
	"time"
)

// Listener is the Config of a kind whose other end can be listened to, to see what is there before a config takes
// it in.
type Listener interface {
	// Listen connects to the other end as somebody else than the uplink would be, who leaves nothing behind. It returns
	// when ctx ends, which is no error, or when the connection is lost, often with a *Fault. What was found until then
	// is returned in any case.
	Listen(ctx context.Context, l Listening) (Found, error)
}

// Listening says what to listen to.
type Listening struct {
	Name   string      // of the uplink, for the config
	URL    string      // in place of the config's, unless it is empty
	Filter string      // of topics
	Up     func()      // is called when it has been connected
	Heard  func(Heard) // is called with each message, one after the other
}

// Heard is a message.
type Heard struct {
	Topic    string
	Payload  []byte // of the callee only until it returns
	Retained bool
	At       time.Time
	Family   string // of devices that it looks like, "" for none
}

// Found is what there is at the other end.
type Found struct {
	Groups []Group
	Config string // the lines of a config that take it in, behind those of the table [uplink.NAME]
	Left   int    // messages that there was no room to remember
}

// Group is topics of one kind.
type Group struct {
	Name   string // of a family, or a topic in which {name} stands for what varies
	Family bool
	Said   string // how much was heard, for people
}
