// Package broker is a small MQTT broker inside the host, for sites that have none. It speaks MQTT
// 3.1 and 3.1.1 over TCP and TLS, with QoS 0 to 2, retained messages, wills and sessions that outlast a
// connection.
//
// Sessions are in memory: a restart of the host forgets them. Retained messages are kept in a Book. What a
// client with QoS 1 or 2 publishes is acknowledged when all Keepers that are to have it have acknowledged it, who see to
// it that it is on flash, and, if it is retained, when the Book has it there.
//
// It is mochi-mqtt within bounds: everything that a stranger can send is limited here where mochi
// has no limit, and what mochi does wrong in ways that matter to us is put right in its hooks. Each
// place says what and why, for version 2.7.9.
package broker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"selvage/edge/health"
)

// Options say where a broker listens, and for whom.
type Options struct {
	Listen string // host:port without TLS; "" for none
	TLS    TLS
	Users  []User // nil for everybody
	Book   Book   // nil for one that forgets retained messages
	Health *health.Board
	Log    *slog.Logger // of what mochi says too, at debug level
	Limits Limits       // DefaultLimits when zero

	Keepers []Keeper // at the start, see Keep
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

// Broker is a broker that listens, or tries to. New makes it.
type Broker struct {
	Options
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	ended  chan struct{}
	once   sync.Once

	server *mqtt.Server
	hook   *hook
	door   *door

	keeping sync.Mutex // one call of Keep at a time
}

// New makes a broker that does nothing yet.
func New(o Options) *Broker {
	if o.Health == nil {
		o.Health = health.NewBoard()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	b := &Broker{Options: o, ended: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.server = mqtt.New(&mqtt.Options{
		Capabilities: capabilities(o.Limits),
		Logger:       slog.New(quiet{o.Log.Handler()}),
		// mochi would keep back small packets, and what stands for large ones that have room, while others follow.
		ClientNetWriteBufferSize: 1,
		// Each time all memory is measured, which stops the world.
		SysTopicResendInterval: 10,
	})
	b.hook = newHook(o, b.server)
	b.door = newDoor(o, b.hook.flow, b.hook.holds)
	return b
}

// Start has the broker listen. It never fails: while an address cannot be had, it raises a condition and goes on
// trying. Stop ends it.
func (b *Broker) Start() error {
	if _, err := b.hook.access.set(b.Users); err != nil {
		return err
	}
	b.hook.retained.load()
	atomic.StoreInt64(&b.server.Info.Retained, b.hook.retained.count())
	if err := errors.Join(b.server.AddHook(b.hook, nil), b.server.AddListener(b.door), b.server.Serve()); err != nil {
		return err
	}
	b.Keep(b.Keepers)
	b.tasks.Go(func() { b.hook.saver.run(b.ctx) })
	b.tasks.Go(func() { b.hook.forbidden.run(b.ctx) })
	for _, e := range b.entrances() {
		if err := b.admit(e); err != nil {
			b.tasks.Go(func() { b.admitLater(e, err) })
		}
	}
	return nil
}

func capabilities(l Limits) *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClients = int64(l.Clients)
	c.MaximumPacketSize = uint32(l.Packet)
	c.MaximumInflight = uint16(l.Queued)
	c.ReceiveMaximum = uint16(l.Queued)
	c.MaximumClientWritesPending = int32(l.Queued) // 8 bytes each for every connection
	c.MaximumSessionExpiryInterval = uint32(l.Away / time.Second)
	c.MaximumMessageExpiryInterval = 0 // else what waits for a session vanishes after a day, and see hook.OnPublish
	c.TopicAliasMaximum = 0
	c.Compatibilities.NoInheritedPropertiesOnAck = true
	return c
}

// Keep changes who the keepers are. One that is none any more loses its session.
func (b *Broker) Keep(keepers []Keeper) {
	b.keeping.Lock()
	defer b.keeping.Unlock()
	for _, id := range b.hook.holds.set(keepers) {
		b.hook.unseat(id)
	}
	for _, k := range keepers {
		b.hook.seat(k)
	}
}

// Admit changes who the users are. Clients whose user may not log in any more, or may do other things than
// before, are disconnected.
func (b *Broker) Admit(users []User) error {
	changed, err := b.hook.access.set(users)
	if err != nil {
		return err
	}
	for _, cl := range b.server.Clients.GetAll() {
		if changed(string(cl.Properties.Username)) {
			cl.Stop(packets.ErrAdministrativeAction)
		}
	}
	return nil
}

// Origin tells where a message comes from that a keeper was sent under a packet identifier and has not
// acknowledged.
func (b *Broker) Origin(keeper string, id uint16) (o Origin, known bool) {
	return b.hook.holds.origin(keeper, id)
}

// Addresses returns what the broker listens on, "" while it has no address.
func (b *Broker) Addresses() string { return b.door.addresses() }

// Stats returns counts.
func (b *Broker) Stats() Stats {
	i := b.server.Info.Clone()
	return Stats{
		Clients:     i.ClientsConnected,
		Sessions:    int64(b.server.Clients.Len()),
		MessagesIn:  i.MessagesReceived,
		MessagesOut: i.MessagesSent,
		Retained:    b.hook.retained.count(),
		Dropped:     i.MessagesDropped + i.InflightDropped + b.hook.dropped.Load(),
	}
}

// Stop disconnects all clients and waits until nothing of the broker runs any more, though not
// longer than ctx. It may be called again.
func (b *Broker) Stop(ctx context.Context) error {
	b.once.Do(func() { go b.end() })
	select {
	case <-b.ended:
		return nil
	case <-ctx.Done():
		return errors.New("MQTT connections did not end in time")
	}
}

func (b *Broker) end() {
	defer close(b.ended)
	b.cancel()
	b.tasks.Wait()
	_ = b.server.Close() // always nil
	b.hook.saver.finish()
	b.hook.access.gate.Stop()
}
