package broker

import "time"

// Limits bound what clients can make a broker do and remember.
type Limits struct {
	Clients       int           // connected at one time; one more is told that the broker is unavailable
	Sessions      int           // of all clients; beyond, the session that is away longest is forgotten
	Packet        int           // bytes of one packet; a larger one ends its connection
	Will          int           // bytes of a will's payload, which mochi copies for each who gets it
	Topic         int           // bytes of a topic, filter or client identifier
	Levels        int           // of a topic or filter
	Subscriptions int           // of all clients; one more is refused
	Retained      int           // messages; one more is delivered and not retained
	RetainedBytes int64         // likewise
	Queued        int           // messages with QoS 1 or 2 for one session, while it is away or does not acknowledge
	QueuedBytes   int64         // likewise for all sessions; beyond, each gets an equal share
	Held          int           // messages that keepers have not acknowledged, and of one client; who publishes more waits
	HeldBytes     int64         // likewise
	Behind        int64         // bytes published while a client does not read; then it is disconnected
	BehindAll     int64         // that messages take besides their payloads for all of those, each getting an equal share
	Reading       int64         // that large packets take while they arrive; one more waits
	Writing       int64         // that they take while they are written; one more waits
	Stall         time.Duration // for a client to read something; then it is disconnected
	Away          time.Duration // for a session to be resumed
}

// LimitsFor are DefaultLimits for another number of clients.
func LimitsFor(clients int) Limits {
	l := DefaultLimits
	l.Clients, l.Sessions = clients, 2*clients
	if n := clients / DefaultLimits.Clients; n > 1 {
		l.Subscriptions *= n
		l.QueuedBytes *= int64(n)
		l.BehindAll *= int64(n)
	}
	return l
}

// DefaultLimits are for a board with 512 MB: with all of them reached the broker's heap is about 25 MB.
var DefaultLimits = Limits{
	Clients:       100,
	Sessions:      200,
	Packet:        1 << 20, // the device list of a large Zigbee network takes some hundred KB
	Will:          8 << 10,
	Topic:         1024,
	Levels:        32,
	Subscriptions: 10_000, // Home Assistant makes several for each entity
	Retained:      4000,
	RetainedBytes: 8 << 20,
	Queued:        1024,
	QueuedBytes:   4 << 20,
	Held:          512, // below Queued, or a keeper's session could not take them
	HeldBytes:     2 << 20,
	Behind:        2 << 20,
	BehindAll:     4 << 20,
	Reading:       2 << 20, // one of the largest packets
	Writing:       2 << 20, // one of the largest packets
	Stall:         5 * time.Second,
	Away:          72 * time.Hour, // a long weekend
}
