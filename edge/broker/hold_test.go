package broker

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"selvage/edge/leaktest"
)

// startKeeping serves a broker with a keeper of everything below kept/.
func startKeeping(t *testing.T, change func(*Limits)) *Broker {
	t.Helper()
	leaktest.Check(t)
	o := options()
	o.Keepers = []Keeper{{Client: "keeper", Filters: []string{"kept/#"}, QoS: 1}}
	if change != nil {
		change(&o.Limits)
	}
	return begin(t, o)
}

// keeper connects as the keeper of startKeeping, to the session that is there for it.
func keeper(t *testing.T, b *Broker) *raw {
	t.Helper()
	k := dial(t, b)
	if !k.join(t, "keeper", 0) {
		t.Fatal("there is no session for the keeper")
	}
	return k
}

// message reads a message with QoS 1, and returns its payload and packet identifier.
func (r *raw) message(t *testing.T, header byte) (payload string, id uint16) {
	t.Helper()
	body := r.want(t, header)
	rest := body[2+int(body[0])<<8+int(body[1]):]
	return string(rest[2:]), uint16(rest[0])<<8 | uint16(rest[1])
}

func idPacket(header byte, id uint16) []byte { return []byte{header, 2, byte(id >> 8), byte(id)} }

const (
	pubackPart  = 0x40
	pubrecPart  = 0x50
	pubrelPart  = 0x62
	pubcompPart = 0x70
)

// wantID reads an answer to a packet.
func (r *raw) wantID(t *testing.T, header byte, id uint16) {
	t.Helper()
	if got := r.want(t, header); !bytes.Equal(got, idPacket(header, id)[2:]) {
		t.Fatalf("read an answer %#x to packet %v, want one to %d", header, got, id)
	}
}

// Messages are acknowledged when the keeper has acknowledged them, not before, and in their order; their
// publisher may go on meanwhile.
func TestAcknowledgedByKeeper(t *testing.T) {
	b := startKeeping(t, nil)
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			p, k := dial(t, b), keeper(t, b)
			p.join(t, fmt.Sprint("publisher", qos), 0)
			answer := byte(pubackPart)
			if qos == 2 {
				answer = pubrecPart
			}
			p.send(t, publishPacket("other", qos, 1, []byte("a"))) // which nobody keeps
			p.wantID(t, answer, 1)
			for id := range uint16(20) {
				p.send(t, publishPacket("kept/x", qos, id+2, []byte{byte(id)}))
			}
			p.send(t, publishPacket("other", qos, 22, []byte("b")))
			p.ping(t) // whose answer is the next: no acknowledgement came
			var ids []uint16
			for n := range 20 {
				payload, id := k.message(t, 0x32)
				if payload != string([]byte{byte(n)}) {
					t.Fatalf("the keeper gets %q in place %d", payload, n)
				}
				o, known := b.Origin("keeper", id)
				if want := (Origin{fmt.Sprint("publisher", qos), uint16(n + 2), false, true, o.Number}); !known || o != want {
					t.Errorf("the origin is %+v, want %+v", o, want)
				}
				ids = append(ids, id)
			}
			for _, id := range ids[1:] {
				k.send(t, idPacket(pubackPart, id))
			}
			k.ping(t)
			p.ping(t) // the first one is not acknowledged, so none is
			k.send(t, idPacket(pubackPart, ids[0]))
			for id := range uint16(21) {
				p.wantID(t, answer, id+2)
			}
			if qos == 2 {
				p.send(t, idPacket(pubrelPart, 2))
				p.wantID(t, pubcompPart, 2)
			}
			if _, known := b.Origin("keeper", ids[0]); known {
				t.Error("a message that is done with is remembered")
			}
			k.Close()
		})
	}
}

// What a keeper subscribes to while it is connected is kept, too.
func TestKeeperSubscribes(t *testing.T) {
	b := startKeeping(t, nil)
	p, k := dial(t, b), keeper(t, b)
	p.join(t, "publisher", 0)
	k.send(t, subscribePacket(1, 1, "late/#"))
	k.want(t, 0x90)
	p.send(t, publishPacket("late/x", 1, 1, []byte("a")))
	p.ping(t) // whose answer is the next: no acknowledgement came
	_, id := k.message(t, 0x32)
	k.send(t, idPacket(pubackPart, id))
	p.wantID(t, pubackPart, 1)
}

// What a keeper asks for with QoS 0 it does not acknowledge, and nobody waits for that, not after a reload either.
func TestKeeperSubscribesWithQoS0(t *testing.T) {
	b := startKeeping(t, nil)
	p, k := dial(t, b), keeper(t, b)
	p.join(t, "publisher", 0)
	k.send(t, subscribePacket(1, 0, "kept/#", "late/#"))
	k.want(t, 0x90)
	for id := range uint16(2) {
		p.send(t, publishPacket("kept/x", 1, 2*id+1, nil), publishPacket("late/x", 1, 2*id+2, nil))
		p.wantID(t, pubackPart, 2*id+1)
		p.wantID(t, pubackPart, 2*id+2)
		k.want(t, 0x30)
		k.want(t, 0x30)
		b.Keep([]Keeper{{Client: "keeper", Filters: []string{"kept/#"}, QoS: 1}})
	}
	k.send(t, subscribePacket(2, 1, "kept/#"))
	k.want(t, 0x90)
	p.send(t, publishPacket("kept/x", 1, 9, nil))
	p.ping(t)
	_, id := k.message(t, 0x32)
	k.send(t, idPacket(pubackPart, id))
	p.wantID(t, pubackPart, 9)
}

// What a keeper has subscribed to itself is waited for after a reload, too.
func TestKeeperSubscribesBeforeReload(t *testing.T) {
	b := startKeeping(t, nil)
	p, k := dial(t, b), keeper(t, b)
	p.join(t, "publisher", 0)
	k.send(t, subscribePacket(1, 1, "late/#"))
	k.want(t, 0x90)
	b.Keep([]Keeper{{Client: "keeper", Filters: []string{"kept/#", "new/#"}, QoS: 1}})
	for n, topic := range []string{"late/x", "kept/x", "new/x"} {
		p.send(t, publishPacket(topic, 1, uint16(n+1), nil))
		p.ping(t) // whose answer is the next: no acknowledgement came
		_, id := k.message(t, 0x32)
		k.send(t, idPacket(pubackPart, id))
		p.wantID(t, pubackPart, uint16(n+1))
	}
}

// What a keeper has unsubscribed from is not waited for.
func TestKeeperUnsubscribes(t *testing.T) {
	b := startKeeping(t, nil)
	p, k := dial(t, b), keeper(t, b)
	p.join(t, "publisher", 0)
	k.send(t, subscribePacket(1, 1, "late/#"))
	k.want(t, 0x90)
	k.send(t, packet(0xa2, []byte{0, 2}, text("late/#"), text("kept/#")))
	k.want(t, 0xb0)
	p.send(t, publishPacket("late/x", 1, 1, nil), publishPacket("kept/x", 1, 2, nil))
	p.wantID(t, pubackPart, 1)
	p.wantID(t, pubackPart, 2)
	p.ping(t) // mochi acknowledges before it hands on
	b.Keep([]Keeper{{Client: "keeper", Filters: []string{"kept/#"}, QoS: 1}})
	p.send(t, publishPacket("kept/x", 1, 3, nil))
	_, id := k.message(t, 0x32)
	p.ping(t)
	k.send(t, idPacket(pubackPart, id))
	p.wantID(t, pubackPart, 3)
}

// While a keeper that has ended its session has no other one yet, nothing that it is to keep is acknowledged.
func TestKeeperBetweenSessions(t *testing.T) {
	b := startKeeping(t, nil)
	p, k := dial(t, b), dial(t, b)
	p.join(t, "publisher", 0)
	k.join(t, "keeper", cleanSession)
	p.send(t, publishPacket("kept/x", 1, 1, nil))
	if header, body, err := p.next(); err == nil && header != 0xe0 { // mochi's DISCONNECT
		t.Errorf("read packet %#x %v", header, body)
	}
}

// Before a keeper has come for the first time, and while it is away, nothing is acknowledged that it is to keep.
func TestKeeperAway(t *testing.T) {
	b := startKeeping(t, nil)
	p := dial(t, b)
	p.join(t, "publisher", 0)
	p.send(t, publishPacket("kept/x", 1, 1, []byte("first")))
	p.ping(t)
	k := keeper(t, b)
	if payload, _ := k.message(t, 0x3a); payload != "first" {
		t.Fatalf("the keeper gets %q", payload)
	}
	p.send(t, publishPacket("kept/x", 1, 2, []byte("second")))
	k.message(t, 0x32)
	k.Close()
	p.send(t, publishPacket("kept/x", 1, 3, []byte("third")))
	p.ping(t)
	k = keeper(t, b)
	for n, want := range []string{"first", "second", "third"} {
		payload, id := k.message(t, 0x3a)
		o, known := b.Origin("keeper", id)
		if payload != want || !known || o.ID != uint16(n+1) || o.Again {
			t.Errorf("sent again: %q of %+v, want %q", payload, o, want)
		}
		k.send(t, idPacket(pubackPart, id))
		p.wantID(t, pubackPart, uint16(n+1))
	}
}

// A keeper that comes back again and again while much is published gets all of it in order, each time from the
// first that it has not acknowledged, and no publisher is cut off over it.
func TestKeeperComesBackInOrder(t *testing.T) {
	const messages, each = 2000, 7
	b := startKeeping(t, func(l *Limits) { l.Held = 100 })
	p := dial(t, b)
	p.join(t, "publisher", 0)
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		for n := range uint16(messages) {
			if _, err := p.Write(publishPacket("kept/x", 1, n+1, fmt.Append(nil, n))); err != nil {
				t.Errorf("message %d: %v", n, err)
				return
			}
		}
	})
	for done := 0; done < messages; {
		k := keeper(t, b)
		for range min(each, messages-done) {
			header, body, err := k.next()
			if err != nil || header&0xf7 != 0x32 { // but for DUP
				t.Fatalf("after %d messages: read packet %#x %q, %v", done, header, body, err)
			}
			rest := body[2+int(body[0])<<8+int(body[1]):]
			if got, want := string(rest[2:]), fmt.Sprint(done); got != want {
				t.Fatalf("the keeper gets message %s, want %s", got, want)
			}
			k.send(t, []byte{pubackPart, 2, rest[0], rest[1]})
			done++
		}
		k.send(t, []byte{0xc0, 0}) // whose answer says that the acknowledgements have been read
		for header := byte(0); header != 0xd0; {
			var err error
			if header, _, err = k.next(); err != nil {
				t.Fatal(err)
			}
		}
		k.Close()
	}
	for n := range uint16(messages) {
		p.wantID(t, pubackPart, n+1)
	}
}

// A publisher with QoS 2 that comes back is not told earlier that its message is kept.
func TestPublisherComesBack(t *testing.T) {
	b := startKeeping(t, nil)
	k := keeper(t, b)
	for _, qos := range []byte{1, 2} {
		p := dial(t, b)
		p.join(t, "publisher", 0)
		message := publishPacket("kept/x", qos, 7, []byte("x"))
		p.send(t, message)
		_, first := k.message(t, 0x32)
		p.Close()
		p = dial(t, b)
		p.join(t, "publisher", 0)
		message[0] |= 0x08 // DUP
		p.send(t, message)
		if p.ping(t); qos == 1 {
			_, second := k.message(t, 0x32) // to mochi a new one; the keeper is told that it is not
			if o, _ := b.Origin("keeper", second); !o.Again || o.ID != 7 {
				t.Errorf("the origin is %+v", o)
			}
			k.send(t, idPacket(pubackPart, second))
			p.wantID(t, pubackPart, 7)
			k.send(t, idPacket(pubackPart, first))
		} else {
			k.send(t, idPacket(pubackPart, first))
			p.wantID(t, pubrecPart, 7)
			p.send(t, idPacket(pubrelPart, 7))
			p.wantID(t, pubcompPart, 7)
		}
		p.Close()
	}
}

// There is a bound of what keepers are behind with. Who publishes more waits, and goes on later.
func TestHeldBound(t *testing.T) {
	b := startKeeping(t, func(l *Limits) { l.Held = 3 })
	p, q, k := dial(t, b), dial(t, b), keeper(t, b)
	p.join(t, "publisher", 0)
	q.join(t, "leaves", 0)
	for id := range uint16(5) {
		p.send(t, publishPacket("kept/x", 1, id+1, []byte{byte(id)}))
	}
	var ids []uint16
	for range 3 {
		_, id := k.message(t, 0x32)
		ids = append(ids, id)
	}
	q.send(t, publishPacket("kept/x", 1, 1, []byte("y")))
	k.ping(t) // nothing more came
	r := dial(t, b)
	r.join(t, "leaves", 0) // in the place of the one that waits
	q.wantEnd(t, "whose place was taken")
	for n := range uint16(5) {
		k.send(t, idPacket(pubackPart, ids[n]))
		p.wantID(t, pubackPart, n+1)
		if n < 2 {
			_, id := k.message(t, 0x32)
			ids = append(ids, id)
		}
	}
}

// A message that a keeper cannot be sent is not acknowledged: its publisher is cut off, and no later message is
// acknowledged to it either.
func TestKeeperFull(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		b := startKeeping(t, func(l *Limits) { l.Queued = 2 })
		p := dial(t, b)
		p.join(t, "publisher", 0)
		p.send(t, publishPacket("kept/x", qos, 1, nil), publishPacket("kept/x", qos, 2, nil),
			publishPacket("kept/x", qos, 3, nil), publishPacket("other", qos, 4, nil))
		if header, body, err := p.next(); err == nil && header != 0xe0 { // mochi's DISCONNECT
			t.Errorf("QoS %d: read packet %#x %v", qos, header, body)
		}
		p = dial(t, b)
		p.join(t, "publisher", 0)
		p.ping(t)
		if _, ok := b.hook.server.Clients.Get("publisher"); !ok {
			t.Error("the session is gone")
		}
		stop(t, b)
	}
}

// Nobody waits for one that is no keeper any more.
func TestKeeperRemoved(t *testing.T) {
	b := startKeeping(t, nil)
	p := dial(t, b)
	p.join(t, "publisher", 0)
	p.send(t, publishPacket("kept/x", 1, 1, nil))
	p.ping(t)
	b.Keep(nil)
	p.wantID(t, pubackPart, 1)
	p.send(t, publishPacket("kept/x", 1, 2, nil))
	p.wantID(t, pubackPart, 2)
	if n := b.Stats().Sessions; n != 1 {
		t.Errorf("there are %d sessions, want that of the publisher", n)
	}
}

// A broker stops although publishers wait for room and for acknowledgements.
func TestStopWhileHeld(t *testing.T) {
	b := startKeeping(t, func(l *Limits) { l.Held = 1 })
	p := dial(t, b)
	p.join(t, "publisher", 0)
	p.send(t, publishPacket("kept/x", 1, 1, nil), publishPacket("kept/x", 1, 2, nil))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	p.wantEnd(t, "the publisher")
}

func TestMatches(t *testing.T) {
	tests := []struct {
		filter, topic string
		want          bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a/b", "a", false}, {"a", "a/b", false}, {"#", "a/b", true}, {"a/#", "a", true},
		{"a/#", "a/b/c", true}, {"a/#", "b", false}, {"+", "a", true}, {"+", "a/b", false}, {"+/b", "a/b", true}, {"a/+", "a", false},
		{"a/+/c", "a/b/c", true}, {"+", "", true}, {"/+", "/a", true}, {"+/+", "/", true}, {"#", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true},
	}
	for _, tt := range tests {
		if got := matches(tt.filter, tt.topic); got != tt.want {
			t.Errorf("matches(%q, %q) = %v", tt.filter, tt.topic, got)
		}
	}
}
