package broker

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"selvage/edge/health"
)

// maxKeepalive is the longest keep-alive in seconds whose one and a half, which mochi counts with,
// does not overflow its 16 bits.
const maxKeepalive = 43_690

var errBehind = errors.New("the client reads too slowly")

// hook is asked by mochi at each step. Methods that mochi calls on goroutines of its own, where a
// panic would end the host, have a guard.
type hook struct {
	mqtt.HookBase
	server *mqtt.Server
	limits Limits
	health *health.Board
	log    *slog.Logger

	access    *access
	forbidden *forbidden
	retained  *retained
	saver     *saver
	holds     *holds
	order     atomic.Int64 // of messages
	flow      *flow
	dropped   atomic.Int64 // messages
}

func newHook(o Options, s *mqtt.Server) *hook {
	kept := &retained{limits: o.Limits, board: o.Health}
	kept.saver = newSaver(o, kept.get)
	h := &hook{
		server: s, limits: o.Limits, health: o.Health, log: o.Log,
		access: newAccess(o.Health, o.Log), forbidden: &forbidden{board: o.Health},
		retained: kept,
		saver:    kept.saver,
		holds:    newHolds(o.Limits, kept.saver),
		flow:     newFlow(o.Limits),
	}
	h.order.Store(firstNumber)
	return h
}

func (h *hook) ID() string { return "selvage" }

func (h *hook) Provides(b byte) bool {
	return slices.Contains([]byte{
		mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnSessionEstablish, mqtt.OnSessionEstablished,
		mqtt.OnDisconnect, mqtt.OnClientExpired, mqtt.OnACLCheck, mqtt.OnPacketRead, mqtt.OnPacketEncode,
		mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnUnsubscribe, mqtt.OnPublish, mqtt.OnWill,
		mqtt.OnQosPublish, mqtt.OnPublishDropped, mqtt.OnPacketProcessed,
	}, b)
}

func (h *hook) guard() {
	if p := recover(); p != nil {
		panicked(h.health, h.log, p)
	}
}

// OnConnectAuthenticate lets in whom OnConnect has not refused.
func (h *hook) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

// OnACLCheck is asked for each message from a client, for each that goes to a client, and for each
// subscription. To refuse a message with QoS 1 or 2 from a client here is to disconnect it; what its user may
// not publish OnPublish sees to.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) (ok bool) {
	defer h.guard()
	if write {
		if ok = h.isTopic(topic); !ok {
			h.health.Add("broker.refused", 1)
		}
		return ok
	}
	c, known := cl.Net.Conn.(*conn)
	if known && c.asksFor(topic) {
		return true // OnSubscribe has checked it
	}
	if h.holds.isKeeper(cl.ID) {
		if known {
			h.keepUp(cl, c)
		}
		return true // what it does not get is not acknowledged, and of that there is a bound
	}
	if !h.access.mayReceive(string(cl.Properties.Username), cl.ID, topic) {
		return false
	}
	if !known {
		return true
	}
	h.keepUp(cl, c)
	if h.isFull(cl, c) {
		h.dropped.Add(1)
		return false
	}
	return true
}

// asksFor tells whether mochi asks for a filter of the SUBSCRIBE that it is at. Meanwhile it asks on other clients'
// goroutines for messages to this one, maybe to a topic that is such a filter. So what counts is the string itself,
// which OnSubscribe has made, not what it says.
func (c *conn) asksFor(topic string) bool {
	asked := c.asked.Load()
	return asked != nil && (*asked)[unsafe.StringData(topic)]
}

// keepUp disconnects a client that reads too slowly.
func (h *hook) keepUp(cl *mqtt.Client, c *conn) {
	if c.tooFar() && !cl.Closed() {
		h.health.Add("broker.behind", 1)
		h.log.Debug("MQTT client disconnected: it reads too slowly", "client", cl.ID)
		cl.Stop(errBehind) // what its session is to get waits there from now on
	}
}

// isTopic tells whether messages may be published to topic. mochi has checked for wildcards, except
// in wills.
func (h *hook) isTopic(topic string) bool {
	return topic != "" && len(topic) <= h.limits.Topic && strings.Count(topic, "/") < h.limits.Levels
}

// isFilter tells whether f is a topic filter [MQTT 3.1.1, 4.7.1]. mochi takes some that are none, and
// sees to shared subscriptions itself.
func (h *hook) isFilter(f string) bool {
	if !h.isTopic(f) {
		return false
	}
	levels := strings.Split(f, "/")
	for i, level := range levels {
		if strings.ContainsAny(level, "+#") && level != "+" && (level != "#" || i < len(levels)-1) {
			return false
		}
	}
	return true
}

// OnPacketRead ends the connection of a client that begins ever more publications with QoS 2.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Type == packets.Publish && pk.FixedHeader.Qos == 2 && cl.State.Inflight.Len() >= 2*h.limits.Queued {
		h.health.Add("broker.refused", 1)
		return pk, packets.ErrRejectPacket
	}
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return pk, nil
	}
	c.ids.in(cl.State.Inflight, &pk)
	if kind := pk.FixedHeader.Type; kind == packets.Puback || kind == packets.Pubrec {
		h.holds.acknowledged(cl.ID, pk.PacketID)
	}
	return pk, nil
}

// OnPacketEncode is where a client is waited for that does not read: on its own goroutines, before
// mochi takes its lock.
func (h *hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) (out packets.Packet) {
	defer h.guard()
	out = pk
	if pk.FixedHeader.Type == packets.Publish {
		out.Payload = payload(pk)
	}
	if c, ok := cl.Net.Conn.(*conn); ok && pk.FixedHeader.Type != packets.Disconnect {
		c.ids.out(&out)
		c.await()
		out.Payload = c.grantOut(out)
	}
	return out
}

// OnSubscribe has mochi refuse what is no filter, one too many or forbidden: it refuses an empty one.
func (h *hook) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	asked := map[*byte]bool{}
	room := h.limits.Subscriptions - int(atomic.LoadInt64(&h.server.Info.Subscriptions))
	for i := range pk.Filters {
		f := &pk.Filters[i].Filter
		_, had := cl.State.Subscriptions.Get(*f)
		switch {
		case !h.isFilter(*f) || !had && room <= 0:
			*f = ""
			h.health.Add("broker.refused", 1)
		case !h.maySubscribe(cl, *f):
			*f = ""
		default:
			*f = strings.Clone(*f) // else it would hold on to all of its packet
			if isByHand(*f) {
				pk.Filters[i].RetainHandling = byHand
			}
			asked[unsafe.StringData(*f)] = true
			h.holds.subscribe(cl.ID, *f, pk.Filters[i].Qos)
			if !had {
				room--
			}
		}
	}
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.asked.Store(&asked)
	}
	return pk
}

func (h *hook) OnSubscribed(cl *mqtt.Client, _ packets.Packet, _ []byte) {
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.asked.Store(nil)
	}
}

// OnUnsubscribe is for what a client asks for: mochi says OnUnsubscribed of sessions that end, too, and what a keeper
// misses between two sessions must not be acknowledged.
func (h *hook) OnUnsubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	for _, s := range pk.Filters {
		h.holds.unsubscribe(cl.ID, func(f string) bool { return f == s.Filter })
	}
	return pk
}

// maySubscribe lets a keeper have what it is a keeper for. MQTT 3.1.1 tells a client of a refusal.
func (h *hook) maySubscribe(cl *mqtt.Client, filter string) bool {
	user := string(cl.Properties.Username)
	if h.holds.isKeeper(cl.ID) || h.access.maySubscribe(user, cl.ID, filter) {
		return true
	}
	h.forbidden.tell(user, cl.ID, "subscribed to", filter, "subscribe", "it was refused")
	return false
}

// mayPublish tells of what a client's user may not publish.
func (h *hook) mayPublish(cl *mqtt.Client, topic, fate string) bool {
	user := string(cl.Properties.Username)
	if h.access.mayPublish(user, cl.ID, topic) {
		return true
	}
	h.forbidden.tell(user, cl.ID, "published to", topic, "publish", fate)
	return false
}

// OnPublish has mochi acknowledge and drop what a user may not publish, for which MQTT 3.1.1 has no error. It numbers
// messages. mochi delivers what waited for a session in the order of Created, in
// seconds, that is in any order within one; nothing else of it uses Created while
// MaximumMessageExpiryInterval is 0.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if !h.mayPublish(cl, pk.TopicName, "the message was acknowledged and dropped") {
		return pk, packets.CodeSuccessIgnore
	}
	pk.Created = h.order.Add(1)
	if c, ok := cl.Net.Conn.(*conn); ok && pk.FixedHeader.Qos > 0 {
		c.turn.Lock()
		c.inTurn = true
		o := Origin{cl.ID, c.ids.name(pk.PacketID), pk.FixedHeader.Dup, !cl.Properties.Clean, pk.Created}
		if !h.holds.take(c, o, &pk, pk.FixedHeader.Retain && h.saver.book != nil) {
			return pk, packets.ErrRejectPacket
		}
	}
	h.flow.publish(sizeOf(pk))
	if pk.FixedHeader.Retain {
		h.retain(message{pk.TopicName, pk.Payload, pk.FixedHeader.Qos, pk.Created})
		pk.FixedHeader.Retain = false // mochi need not
	}
	share(&pk)
	return pk, nil
}

// OnPacketProcessed ends what OnPublish has begun. When mochi cannot write an acknowledgement it does not hand the
// message out, but would write the acknowledgement to the next connection of the session.
func (h *hook) OnPacketProcessed(cl *mqtt.Client, pk packets.Packet, err error) {
	c, ok := cl.Net.Conn.(*conn)
	if ok && err == nil && pk.FixedHeader.Type == packets.Subscribe {
		h.hand(cl, c, pk.Filters)
	}
	if !ok || !c.inTurn {
		return
	}
	if err != nil && cl.State.Inflight.Delete(pk.PacketID) {
		atomic.AddInt64(&h.server.Info.Inflight, -1)
	}
	c.endTurn(err)
}

// nowhere is a topic that wildcards do not match [MQTT-4.7.2-1].
const nowhere = "$refused"

func (h *hook) OnWill(cl *mqtt.Client, will mqtt.Will) (mqtt.Will, error) {
	if !h.mayPublish(cl, will.TopicName, "its will was dropped") { // it might when it connected
		return mqtt.Will{TopicName: nowhere}, nil
	}
	m := message{will.TopicName, will.Payload, will.Qos, h.order.Add(1)}
	h.flow.publish(m.size())
	if will.Retain {
		h.retain(m)
		will.Retain = false
	}
	return will, nil
}

func (h *hook) retain(m message) {
	h.retained.keep(m)
	atomic.StoreInt64(&h.server.Info.Retained, h.retained.count())
}

func (h *hook) OnQosPublish(cl *mqtt.Client, pk packets.Packet, _ int64, _ int) {
	defer h.guard()
	if pk.FixedHeader.Type != packets.Publish {
		return
	}
	h.holds.hand(cl.ID, pk, cl.IsTakenOver())
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.queue.add(pk)
		h.flow.queued.Add(sizeOf(pk))
	}
}

func (h *hook) OnPublishDropped(cl *mqtt.Client, pk packets.Packet) {
	defer h.guard()
	h.holds.drop(cl.ID, pk.Created)
}

var _ mqtt.Hook = (*hook)(nil)
