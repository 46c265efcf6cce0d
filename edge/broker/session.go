package broker

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// OnConnect refuses a CONNECT that asks for more than there is.
func (h *hook) OnConnect(cl *mqtt.Client, pk packets.Packet) error {
	code := h.judge(cl)
	if code == packets.CodeSuccess {
		code = h.login(cl, pk)
	}
	if code == packets.CodeSuccess && !h.hasRoom(cl.ID) {
		code = packets.ErrServerUnavailable
	}
	if code != packets.CodeSuccess {
		h.health.Add("broker.refused", 1)
		_ = h.server.SendConnack(cl, code, false, nil) // the connection ends either way
		return code
	}
	// These would hold on to all of the packet as long as the session lasts.
	cl.ID = strings.Clone(cl.ID)
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.named(cl.ID)
	}
	will := &cl.Properties.Will
	will.TopicName, will.Payload = strings.Clone(will.TopicName), bytes.Clone(will.Payload)
	cl.State.Keepalive = min(cl.State.Keepalive, maxKeepalive)
	return nil
}

// judge refuses what nobody may ask for.
func (h *hook) judge(cl *mqtt.Client) packets.Code {
	will := &cl.Properties.Will
	switch {
	case cl.Properties.ProtocolVersion > 4:
		// mochi's flow control of MQTT 5 locks a session's queue twice for reading, which hangs when a
		// message comes between (Inflight.NextImmediate), and it forgets what it has sent before that is
		// acknowledged. Clients that can speak 3.1.1 as well do so when they are told.
		return packets.ErrUnsupportedProtocolVersion
	case len(cl.ID) > h.limits.Topic:
		return packets.ErrClientIdentifierNotValid
	case will.Flag == 1 && !(h.isTopic(will.TopicName) && mqtt.IsValidFilter(will.TopicName, true)):
		return packets.ErrBadUsernameOrPassword // the client reads: not authorized
	case len(will.Payload) > h.limits.Will:
		return packets.ErrBadUsernameOrPassword // likewise; it has no code that says more
	}
	return packets.CodeSuccess
}

// login finds out whose client it is. A session belongs to its user: with its identifier another one would get
// what is meant for it, and could acknowledge that.
func (h *hook) login(cl *mqtt.Client, pk packets.Packet) packets.Code {
	u, err := h.access.login(cl.Net.Conn, string(pk.Connect.Username), string(pk.Connect.Password))
	switch {
	case errors.Is(err, errLater):
		return packets.ErrServerUnavailable
	case err != nil:
		return packets.ErrBadUsernameOrPassword
	}
	cl.Properties.Username = nil // what a client says of itself counts for nothing
	if u == nil {
		return packets.CodeSuccess
	}
	cl.Properties.Username = []byte(u.Name)
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.user = u
	}
	if of, seated := h.holds.userOf(cl.ID); seated && of != u.Name {
		return packets.ErrClientIdentifierNotValid
	}
	if old, ok := h.server.Clients.Get(cl.ID); ok && len(old.Properties.Username) > 0 && string(old.Properties.Username) != u.Name {
		return packets.ErrClientIdentifierNotValid
	}
	if will := &cl.Properties.Will; will.Flag == 1 && !h.mayPublish(cl, will.TopicName, "with this will it is not let in") {
		return packets.ErrBadUsernameOrPassword
	}
	return packets.CodeSuccess
}

// hasRoom makes room for the session of a client, if need be by forgetting the one that is away longest.
func (h *hook) hasRoom(id string) bool {
	if _, known := h.server.Clients.Get(id); known || h.server.Clients.Len() < h.limits.Sessions {
		return true
	}
	var oldest *mqtt.Client
	for _, cl := range h.server.Clients.GetAll() {
		if away := cl.StopTime(); away != 0 && !h.holds.isKeeper(cl.ID) && (oldest == nil || away < oldest.StopTime()) {
			oldest = cl
		}
	}
	if oldest == nil {
		return false
	}
	h.health.Add("broker.sessions.forgotten", 1)
	h.OnClientExpired(oldest)
	h.server.Clients.Delete(oldest.ID)
	return true
}

// OnClientExpired takes a session's subscriptions away; mochi keeps them for good.
func (h *hook) OnClientExpired(cl *mqtt.Client) {
	defer h.guard()
	h.server.UnsubscribeClient(cl)
	cl.ClearInflights()
}

// OnSessionEstablish comes before mochi hands the session of an earlier connection to this one. If
// that ends at the same time, mochi may remove the new one's session with the old one's: so either
// the old one has gone before, or it waits until the new one stands.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, pk packets.Packet) {
	now, _ := cl.Net.Conn.(*conn)
	if now != nil {
		h.holds.move(now, cl.ID)
	}
	old, ok := h.server.Clients.Get(cl.ID)
	if !ok {
		return
	}
	was, _ := old.Net.Conn.(*conn) // nil where a keeper comes for the first time
	if was != nil && now != nil && !was.succeed(now) {
		<-was.left
	}
	old.Stop(packets.ErrSessionTakenOver)
	if was != nil { // what is in hand is to be seen to, or not to be in the session
		was.turn.Lock()
		defer was.turn.Unlock()
	}
	if !pk.Connect.Clean {
		renumber(old.State.Inflight)
	}
}

// seat has a keeper get what it is to keep although it is not connected. What it has subscribed to itself stays as it
// has asked for it.
func (h *hook) seat(k Keeper) {
	cl, ok := h.server.Clients.Get(k.Client)
	if !ok {
		cl = h.server.NewClient(nil, "tcp", k.Client, false)
		cl.Stop(packets.ErrServerShuttingDown) // as mochi does with sessions that it loads
		h.server.Clients.Add(cl)
		h.holds.unsubscribe(k.Client, func(string) bool { return true }) // of a session that is gone
	}
	for _, f := range k.Filters {
		if _, has := cl.State.Subscriptions.Get(f); has {
			continue
		}
		h.holds.subscribe(k.Client, f, k.QoS)
		sub := packets.Subscription{Filter: f, Qos: k.QoS}
		if h.server.Topics.Subscribe(k.Client, sub) {
			atomic.AddInt64(&h.server.Info.Subscriptions, 1)
		}
		cl.State.Subscriptions.Add(f, sub)
	}
}

// unseat ends the session of one that is no keeper any more.
func (h *hook) unseat(id string) {
	if cl, ok := h.server.Clients.Get(id); ok {
		cl.Stop(packets.ErrAdministrativeAction)
		h.OnClientExpired(cl)
		h.server.Clients.Delete(id)
	}
}

func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.settle()
		if !h.access.stands(c.user) { // the users have changed since it logged in
			cl.Stop(packets.ErrAdministrativeAction)
		}
	}
}

func (h *hook) OnDisconnect(cl *mqtt.Client, _ error, ends bool) {
	if !ends && cl.Closed() {
		h.drain(cl)
	}
	if c, ok := cl.Net.Conn.(*conn); ok {
		if next := c.leave(); next != nil {
			<-next.settled
		}
	}
}

// drain lets go of what a client that has left was to be sent with QoS 0, which mochi would keep as long as the
// session. Of a client that is closed WriteLoop throws away one message or ends, by chance.
func (h *hook) drain(cl *mqtt.Client) {
	for range 4 * h.limits.Queued { // which is the bound of what there is, see capabilities
		cl.WriteLoop()
	}
}

// succeed notes that next takes over the session of c, unless c is about to leave already.
func (c *conn) succeed(next *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return false
	}
	c.next = next
	return true
}

// leave notes that c ends its session, and returns the connection that takes it over, if any.
func (c *conn) leave() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	return c.next
}

// named notes whose connection it is.
func (c *conn) named(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = id
}

// settle says that c has its session, or never will.
func (c *conn) settle() {
	c.settling.Do(func() {
		if c.moves != nil {
			c.holds.moved(c.moves)
		}
		close(c.settled)
	})
}
