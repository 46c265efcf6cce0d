// Package broker is a small MQTT broker inside the host, for sites that have none. It speaks MQTT
// 3.1 and 3.1.1 over TCP, with QoS 0 to 2, retained messages, wills and sessions that outlast a
// connection.
//
// Everything is in memory: a restart of the host forgets retained messages and sessions. What a client with
// QoS 1 or 2 publishes is acknowledged when all Keepers that are to have it have acknowledged it; they see to it
// that it is on flash.
//
// It is mochi-mqtt within bounds: everything that a stranger can send is limited here where mochi
// has no limit, and what mochi does wrong in ways that matter to us is put right in its hooks. Each
// place says what and why, for version 2.7.9.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"selvage/edge/health"
)

// Options say where a broker listens. Only Listen is needed.
type Options struct {
	Listen string // host:port
	Health *health.Board
	Log    *slog.Logger // of what mochi says too, at debug level
	Limits Limits       // DefaultLimits when zero

	Keepers []Keeper // at the start, see Keep
}

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
	QueuedBytes:   32 << 20,
	Held:          1024, // below Queued, or a keeper's session could not take them
	HeldBytes:     16 << 20,
	Behind:        8 << 20,
	Stall:         5 * time.Second,
	Away:          72 * time.Hour, // a long weekend
}

// Stats are counts since Start, and what is there now.
type Stats struct {
	Clients     int64 // connected
	Sessions    int64 // of clients that are connected or may come back
	MessagesIn  int64 // total
	MessagesOut int64 // total
	Retained    int64 // messages
	Dropped     int64 // total: messages that a client missed since its queue was full or it did not read
}

// Between two attempts to listen.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

const listenCode = "broker.listen"

// Broker is a broker that listens, or tries to. Start makes it.
type Broker struct {
	Options
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	keepers []Keeper

	running atomic.Pointer[running]
}

// running is a broker that has its address.
type running struct {
	server *mqtt.Server
	door   *door
	hook   *hook
}

// Start makes a broker. It never fails: while its address cannot be had, it raises the condition
// broker.listen and goes on trying. Stop ends it.
func Start(o Options) *Broker {
	if o.Health == nil {
		o.Health = health.NewBoard()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	b := &Broker{Options: o, keepers: o.Keepers, ended: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	r, err := b.open() // here, so that a port that is free is served when Start returns
	go b.run(r, err)
	return b
}

func (b *Broker) run(r *running, err error) {
	defer close(b.ended)
	defer b.Health.Clear(listenCode)
	for wait := firstRetry; err != nil; wait = min(2*wait, lastRetry) {
		b.Health.Raise(cannotListen(b.Listen, err))
		select {
		case <-b.ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait)):
		}
		r, err = b.open()
	}
	b.Health.Clear(listenCode)
	<-b.ctx.Done()
	_ = r.server.Close() // always nil
}

// open listens and serves.
func (b *Broker) open() (*running, error) {
	ln, err := net.Listen("tcp", b.Listen)
	if err != nil {
		return nil, err
	}
	r := &running{server: mqtt.New(&mqtt.Options{
		Capabilities: capabilities(b.Limits),
		Logger:       slog.New(quiet{b.Log.Handler()}),
		// Each time all memory is measured, which stops the world.
		SysTopicResendInterval: 10,
	})}
	b.mu.Lock()
	defer b.mu.Unlock()
	r.hook = newHook(b.Options, r.server)
	r.hook.holds.set(b.keepers)
	for _, k := range b.keepers {
		r.hook.seat(k)
	}
	r.door = newDoor(b.Options, ln, &r.hook.published, r.hook.holds)
	err = errors.Join(r.server.AddHook(r.hook, nil), r.server.AddListener(r.door), r.server.Serve())
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	b.running.Store(r)
	return r, nil
}

func capabilities(l Limits) *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClients = int64(l.Clients)
	c.MaximumPacketSize = uint32(l.Packet)
	c.MaximumInflight = uint16(l.Queued)
	c.ReceiveMaximum = uint16(l.Queued)
	c.MaximumClientWritesPending = int32(l.Queued) // 8 bytes each for every connection
	c.MaximumSessionExpiryInterval = uint32(l.Away / time.Second)
	c.MaximumMessageExpiryInterval = 0 // else retained messages vanish after a day, and see hook.OnPublish
	c.TopicAliasMaximum = 0
	c.Compatibilities.NoInheritedPropertiesOnAck = true
	return c
}

func cannotListen(address string, err error) health.Condition {
	var cause syscall.Errno
	if errors.As(err, &cause) {
		err = cause // without net's own account of the address
	}
	_, port, _ := net.SplitHostPort(address)
	remedy := "change listen in the table [broker] to an address that this machine has"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		remedy = fmt.Sprintf("see who has the port: ss -ltnp 'sport = :%s'; if that is another broker, use it as it is:"+
			" remove the table [broker] and give the other's url to an [uplink.NAME]; else stop it, or change listen in [broker]", port)
	case errors.Is(err, syscall.EACCES):
		remedy = "ports below 1024 are not for everyone; change listen in the table [broker], MQTT's own port is 1883"
	}
	return health.Condition{
		Code:     listenCode,
		Text:     fmt.Sprintf("the MQTT broker cannot listen on %s: %v; it keeps trying", address, err),
		Remedy:   remedy,
		Severity: health.Failure,
	}
}

// Keep changes who the keepers are. One that is none any more loses its session.
func (b *Broker) Keep(keepers []Keeper) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keepers = keepers
	r := b.running.Load()
	if r == nil {
		return
	}
	for _, id := range r.hook.holds.set(keepers) {
		r.hook.unseat(id)
	}
	for _, k := range keepers {
		r.hook.seat(k)
	}
}

// Origin tells where a message comes from that a keeper was sent under a packet identifier and has not
// acknowledged.
func (b *Broker) Origin(keeper string, id uint16) (o Origin, known bool) {
	if r := b.running.Load(); r != nil {
		return r.hook.holds.origin(keeper, id)
	}
	return o, false
}

// Addr returns the address that the broker listens on, nil while it has none.
func (b *Broker) Addr() net.Addr {
	if r := b.running.Load(); r != nil {
		return r.door.Addr()
	}
	return nil
}

// Stats returns counts; all are zero while the broker has no address.
func (b *Broker) Stats() Stats {
	r := b.running.Load()
	if r == nil {
		return Stats{}
	}
	i := r.server.Info.Clone()
	return Stats{
		Clients:     i.ClientsConnected,
		Sessions:    int64(r.server.Clients.Len()),
		MessagesIn:  i.MessagesReceived,
		MessagesOut: i.MessagesSent,
		Retained:    r.hook.retained.count(),
		Dropped:     i.MessagesDropped + i.InflightDropped + r.hook.dropped.Load(),
	}
}

// Stop disconnects all clients and waits until nothing of the broker runs any more, though not
// longer than ctx. It may be called again.
func (b *Broker) Stop(ctx context.Context) error {
	b.cancel()
	select {
	case <-b.ended:
		return nil
	case <-ctx.Done():
		return errors.New("MQTT connections did not end in time")
	}
}
