package mqtt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"selvage/uplink/mqtt/announce"
)

const (
	keepAlive   = 30 * time.Second
	pingTimeout = 20 * time.Second // a ping's answer waits behind all that came before it
	patience    = 10 * time.Second // for what the broker must answer
	writeTime   = 5 * time.Second
	farewell    = 250 * time.Millisecond // for what is on its way out when we leave
)

// session is one connection to the broker.
//
// Each has a client of its own. paho's Disconnect may return while parts of the client still run, and
// a client used again in that moment panics; nor is there anything to take over: what is not
// acknowledged the broker sends again, and a command that was not sent is not sent later.
type session struct {
	bridge    *bridge
	ctx       context.Context // ends with the connection
	cancel    context.CancelCauseFunc
	client    paho.Client
	lost      chan error
	acks      *acks
	parts     sync.WaitGroup
	turns     atomic.Int64    // of things, that have been posted and not ended
	rest      chan struct{}   // there are none
	known     bool            // the broker has had a session for us
	asked     map[string]byte // filters this connection has asked for, and their QoS
	heard     atomic.Int64    // when a message came last, Unix nanoseconds
	wantsCert atomic.Bool     // the broker has asked for a certificate

	orders      chan order    // to switch something
	commands    chan asked    // to a lane here
	resubscribe chan struct{} // families want other subscriptions

	mu   sync.Mutex
	conn *frames
	left bool // no more orders are taken
}

func newSession(ctx context.Context, b *bridge) *session {
	s := &session{bridge: b, lost: make(chan error, 1), orders: make(chan order, maxOrders), commands: make(chan asked, maxAsked), resubscribe: make(chan struct{}, 1), rest: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.acks = newAcks(b.line.Host.Flush, s.together)
	return s
}

// run connects and serves until the connection is lost or the context ends.
func (s *session) run() error {
	defer s.cancel(nil)
	if err := s.connect(); err != nil {
		return s.bridge.explain(err)
	}
	s.parts.Go(func() { s.acks.run(s.ctx) })
	for _, part := range []func(){s.publish, s.tellLanes, s.relay, s.obey} {
		s.parts.Go(part)
	}
	err := s.serve()
	s.end()
	return s.bridge.explain(err)
}

func (s *session) options() (*paho.ClientOptions, error) {
	c := &s.bridge.config
	password, err := c.Password.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPassword, err)
	}
	o := paho.NewClientOptions().AddBroker(c.URL).
		SetClientID(s.bridge.client()).SetUsername(c.User).SetPassword(password).
		SetProtocolVersion(4). // else a refusal is followed by a try with 3.1, whose refusal would be shown
		SetCleanSession(s.bridge.isBrief()).SetStore(nothing{}).
		SetAutoReconnect(false).SetConnectRetry(false). // the Line does
		SetKeepAlive(cmp.Or(c.KeepAlive, keepAlive)).SetPingTimeout(pingTimeout).SetConnectTimeout(patience).SetWriteTimeout(writeTime).
		SetAutoAckDisabled(true).SetOrderMatters(true).
		SetDefaultPublishHandler(s.take). // and no other: what comes before we subscribe again has no other
		SetConnectionLostHandler(func(_ paho.Client, err error) { s.lost <- err }).
		SetCustomOpenConnectionFn(s.open)
	if will := s.bridge.out.status; will != "" {
		o.SetWill(will, announce.Offline, 1, true)
	}
	return o, nil
}

func (s *session) connect() error {
	o, err := s.options()
	if err != nil {
		return err
	}
	if n := s.bridge.out.edge; n != nil {
		will, err := n.will(s)
		if err != nil {
			return err
		}
		o.SetBinaryWill(will.Topic, will.Payload, will.QoS, will.Retain)
	}
	return s.connectAs(o)
}

func (s *session) connectAs(o *paho.ClientOptions) error {
	s.client = paho.NewClient(o)
	stop := context.AfterFunc(s.ctx, s.hangUp)
	defer stop()
	token := s.client.Connect()
	token.Wait() // bounded by patience, or ended by hangUp
	if t, ok := token.(*paho.ConnectToken); ok {
		s.known = t.SessionPresent()
	}
	if err := token.Error(); s.wantsCert.Load() && isClosed(err) {
		return fmt.Errorf("%w: %w", errAsked, err)
	}
	return token.Error()
}

// hangUp closes the socket, which ends all that waits for it.
func (s *session) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// together does what has paho write many packets, and has them written at once.
func (s *session) together(do func()) {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		conn.hold()
		defer conn.release()
	}
	do()
}

func (s *session) serve() error {
	b := s.bridge
	if !s.known {
		if err := s.anew(); err != nil {
			return err
		}
	}
	if err := s.subscribe(); err != nil {
		return err
	}
	b.conn.Store(s)
	notify(b.out.wake) // an edge node may be born now
	b.line.Up()
	_ = b.line.Do(s.ctx, b.look)
	return s.stay()
}

// tickTime is how often families are told the time.
const tickTime = time.Second

// stay serves the families until the connection ends.
func (s *session) stay() error {
	var tick <-chan time.Time
	if len(s.bridge.members) > 0 {
		ticker := time.NewTicker(tickTime)
		defer ticker.Stop()
		tick = ticker.C
		s.tell(connected)
		defer s.tell(disconnected)
	}
	for {
		select {
		case <-tick:
			s.tell(ticked)
		case <-s.resubscribe:
			if err := s.subscribe(); err != nil {
				return err
			}
		case err := <-s.lost:
			return err
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

// anew has receipts forgotten that are of a session the broker does not know any more: it begins its packet
// identifiers anew. Nothing comes before we subscribe.
func (s *session) anew() error {
	return s.noted(func() { s.bridge.receipts.forget(s.bridge.line.Note) }) // on flash at the latest with the first receipt
}

// noted has a turn of the uplink's agent note something, and returns when it is on flash.
func (s *session) noted(note func()) error {
	line, done := s.bridge.line, make(chan error, 1)
	if err := line.Post(s.ctx, note, func(err error) { done <- err }); err != nil {
		return err
	}
	select {
	case <-done:
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
	_ = line.Host.Flush(s.ctx) // if that fails, the store tells people
	return nil
}

// subscribe asks for what the mappings and families read that is not subscribed to by this session, and no more for
// what those before them read: the broker would keep it in our session for ever.
func (s *session) subscribe() error {
	b := s.bridge
	repeated := b.repeated()
	qos := b.subscriptions()
	wanted := slices.Sorted(maps.Keys(qos))
	again := bringing(repeated, wanted)
	had := make(chan []string, 1)
	if err := b.line.Do(s.ctx, func() { had <- b.filters.Get() }); err != nil {
		return err
	}
	var old []string
	select {
	case old = <-had:
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
	stale := slices.DeleteFunc(slices.Clone(old), func(f string) bool { return slices.Contains(wanted, f) })
	for some := range slices.Chunk(stale, mostFilters) {
		if err := s.await(s.client.Unsubscribe(some...)); err != nil {
			return err
		}
	}
	fresh := slices.DeleteFunc(slices.Clone(wanted), func(f string) bool {
		was, is := s.asked[f]
		return is && was == qos[f] && !again[f]
	})
	var no []string
	for some := range slices.Chunk(fresh, mostFilters) {
		asked := map[string]byte{}
		for _, f := range some {
			asked[f] = qos[f]
		}
		token := s.client.SubscribeMultiple(asked, nil)
		if err := s.await(token); err != nil {
			return err
		}
		no = append(no, refusedOf(some, token)...)
	}
	s.asked = qos
	s.granted(no)
	if slices.Equal(old, wanted) {
		return nil
	}
	return b.line.Do(s.ctx, func() { b.filters.Set(wanted) })
}

// mostFilters is how many filters are asked for in one packet.
const mostFilters = 100

// bringing returns those subscriptions of all that bring what those of some do: these, or others that cover them.
func bringing(some map[string]bool, all []string) map[string]bool {
	found := map[string]bool{}
	for f := range some {
		for _, by := range all {
			if by == f || covers(by, f) {
				found[by] = true
			}
		}
	}
	return found
}

func (b *bridge) repeated() map[string]bool {
	b.taking.Lock()
	defer b.taking.Unlock()
	return b.wanted.repeated()
}

// subscriptions are those that bring everything that mappings, families and routes of commands read, and the QoS that each
// is asked for with. Those for commands have QoS 0: a broker keeps no such message while we are away, and what somebody
// wanted then is not done later. So none of them is left out because a filter of the others covers it.
func (b *bridge) subscriptions() map[string]byte {
	all := map[string]byte{}
	for _, f := range only(slices.Clone(b.out.filters)) {
		all[f] = 0
	}
	for _, f := range b.filtersKept() {
		all[f] = byte(b.config.QoS)
	}
	return all
}

// filtersKept are the subscriptions whose messages the broker keeps for us.
func (b *bridge) filtersKept() []string {
	b.taking.Lock()
	defer b.taking.Unlock()
	return only(slices.Concat(filters(b.mappings), b.wanted.filters()))
}

// refusedFilter is a broker's answer to a subscription (MQTT 3.1.1, 3.9.3).
const refusedFilter = 0x80

// refusedOf returns which of the filters the broker has refused.
func refusedOf(asked []string, token paho.Token) (no []string) {
	t, ok := token.(*paho.SubscribeToken)
	if !ok {
		return nil
	}
	for _, f := range asked {
		if qos, ok := t.Result()[f]; ok && qos == refusedFilter {
			no = append(no, f)
		}
	}
	return no
}

func (s *session) granted(no []string) {
	if len(no) == 0 {
		s.bridge.settle("filters")
		return
	}
	s.bridge.refuse("filters", fmt.Sprintf("the broker refuses the subscription to %q", no),
		"let this client's user read there: in Mosquitto by the acl_file")
}

// await waits for the broker's answer, which may stand behind a thousand messages that it sends first: as long as they
// come, it is not silent.
func (s *session) await(token paho.Token) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-token.Done():
			if token.Error() == nil {
				return nil
			}
			select {
			case err := <-s.lost: // says more
				return err
			default:
				return token.Error()
			}
		case err := <-s.lost:
			return err
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-timer.C:
			left := patience - time.Since(time.Unix(0, s.heard.Load()))
			if left <= 0 {
				return errSilent
			}
			timer.Reset(left)
		}
	}
}

// end leaves the broker and waits for everything that serves the connection.
func (s *session) end() {
	if s.bridge.conn.CompareAndSwap(s, nil) {
		s.bridge.downAt.Store(time.Now().UnixNano())
	}
	s.bye()
	s.leave()
	s.parts.Wait()
	s.settle()
}

// settle waits for turns that have been posted: the receipts they note are for who comes after us, maybe with another config.
func (s *session) settle() {
	for end := time.After(mostWait); s.turns.Load() > 0; {
		select {
		case <-s.rest:
		case <-end:
			return
		}
	}
}

func (s *session) leave() {
	s.cancel(nil) // who waits for room in a mailbox, or for the store, gives up; the broker has it still
	s.client.Disconnect(uint(farewell.Milliseconds()))
	s.hangUp()
	s.client.Disconnect(uint(patience.Milliseconds())) // returns when the first is through
}

// bye says that we leave: a client that does is not given its will.
func (s *session) bye() {
	if n := s.bridge.out.edge; n != nil && s.client.IsConnectionOpen() {
		n.bye(s)
	}
	if topic := s.bridge.out.status; topic != "" && s.client.IsConnectionOpen() {
		s.client.Publish(topic, 1, true, announce.Offline).WaitTimeout(farewell)
	}
}

var (
	errSilent   = errors.New("the broker does not answer")
	errPassword = errors.New("the password cannot be read")
)

// nothing is paho's store of what is under way, which a client made anew has no use for.
type nothing struct{}

func (nothing) Open()                             {}
func (nothing) Put(string, packets.ControlPacket) {}
func (nothing) Get(string) packets.ControlPacket  { return nil }
func (nothing) All() []string                     { return nil }
func (nothing) Del(string)                        {}
func (nothing) Close()                            {}
func (nothing) Reset()                            {}

var _ paho.Store = nothing{}
