package broker

import "time"

// Limits bound what clients can make a broker do and remember.
type Limits struct {
	Clients       int           // connected at one time; one more is told that the broker is unavailable
	Sessions      int           // of all clients; beyond, the session that is away longest is forgotten
	Packet        int           // bytes of one packet; a larger one ends its connection
	Topic         int           // bytes of a topic, filter or client identifier
	Levels        int           // of a topic or filter
	Subscriptions int           // of all clients; one more is refused
	Retained      int           // messages; one more is delivered and not retained
	RetainedBytes int64         // likewise
	Queued        int           // messages with QoS 1 or 2 for one session, while it is away or does not acknowledge
	QueuedBytes   int64         // likewise for all sessions, each getting an equal share
	Held          int           // messages that keepers have not acknowledged, and of one client; who publishes more waits
	HeldBytes     int64         // likewise
	Behind        int64         // bytes published while a client does not read; then it is disconnected
	BehindAll     int64         // likewise for all of those, each getting an equal share
	Stall         time.Duration // for a client to read something; then it is disconnected
	Away          time.Duration // for a session to be resumed
}

// DefaultLimits are for a board with 512 MB. Retained is below the 4,096 messages that may wait for
// one connection to be written, since a new subscription to # gets all retained ones at once.
var DefaultLimits = Limits{
	Clients:       1000,
	Sessions:      2000,
	Packet:        1 << 20, // the device list of a large Zigbee network takes some hundred KB
	Topic:         1024,
	Levels:        32,
	Subscriptions: 10_000, // Home Assistant makes several for each entity
	Retained:      4000,
	RetainedBytes: 16 << 20,
	Queued:        4096,
	QueuedBytes:   16 << 20,
	Held:          1024, // below Queued, or a keeper's session could not take them
	HeldBytes:     8 << 20,
	Behind:        4 << 20,
	BehindAll:     16 << 20,
	Stall:         5 * time.Second,
	Away:          72 * time.Hour, // a long weekend
}
