package broker

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"selvage/edge/policy"
)

func TestOverlap(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a/b", false}, {"a/b", "a", false},
		{"#", "a/b", true}, {"a/#", "a", true}, {"a", "a/#", true}, {"a/#", "+", true}, {"a/#", "b/#", false},
		{"+", "a", true}, {"+/b", "a/+", true}, {"+/b", "a/c", false}, {"+/b", "a", false}, {"a/+/c", "a/b/#", true},
		{"#", "$SYS/#", false}, {"$SYS/#", "$SYS/a", true}, {"+/a", "$SYS/a", false},
		{"", "", true}, {"a/", "a", false}, {"a/", "a/+", true}, {"/", "+/+", true},
	} {
		if got := overlap(tt.a, tt.b); got != tt.want {
			t.Errorf("overlap(%q, %q) = %v", tt.a, tt.b, got)
		}
	}
}

// Two filters that match one topic overlap: nobody is refused a subscription who may receive some of it.
func FuzzOverlap(f *testing.F) {
	f.Add("a/+", "#", "a/b")
	f.Add("$SYS/#", "+/a", "$SYS/a")
	f.Fuzz(func(t *testing.T, a, b, topic string) {
		if strings.ContainsAny(topic, "+#") {
			t.Skip()
		}
		if overlap(a, b) != overlap(b, a) {
			t.Errorf("overlap of %q and %q is not the same both ways", a, b)
		}
		whole := (&hook{limits: DefaultLimits}).isFilter
		if whole(a) && whole(b) && matches(a, topic) && matches(b, topic) && !overlap(a, b) {
			t.Errorf("%q and %q both match %q", a, b, topic)
		}
	})
}

// A client cannot choose its identifier so that it may do more.
func TestFill(t *testing.T) {
	for _, tt := range []struct{ filter, client, want string }{
		{"a/#", "#", "a/#"},
		{"{user}/x", "+", "anna/x"},
		{"{user}/{client}/#", "c1", "anna/c1/#"},
		{"x/dev-{client}", "c1", "x/dev-c1"},
		{"{client}/#", "{user}", "{user}/#"},
		{"{client}", "#", ""}, {"{client}", "+", ""}, {"{client}/x", "a/b", ""}, {"{client}/x", "", ""},
	} {
		if got, ok := fill(tt.filter, "anna", tt.client); got != tt.want || ok != (tt.want != "") {
			t.Errorf("fill(%q) for client %q = %q, %v", tt.filter, tt.client, got, ok)
		}
	}
}

// good is a hash of "right-password" with few iterations, so that tests need not wait.
func good(t *testing.T) policy.Password {
	t.Helper()
	p, err := policy.ParsePassword("pbkdf2-sha256$100000$c2FtcGxlIHNhbHQgMTIzNA$103ROCJylGYXPXNFPKsrhBlIJNulH-0RKWK3Pm0YHIM")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startFor serves a broker for users.
func startFor(t *testing.T, change func(*Options)) *Broker {
	t.Helper()
	o := options()
	o.Users = []User{
		{Name: "garden", Password: good(t), Publish: []string{"garden/{client}/#"}, Subscribe: []string{"garden/+/state", "open/#"}},
		{Name: "boss", Password: good(t), Publish: []string{"#"}, Subscribe: []string{"#", "$SYS/#"}},
	}
	if change != nil {
		change(&o)
	}
	return begin(t, o)
}

const (
	hasUser     = 0x80
	hasPassword = 0x40
	hasWill     = 0x04

	accepted      = 0 // return codes of CONNACK [MQTT 3.1.1, 3.2.2.3]
	badIdentifier = 2
	unavailable   = 3
	notAuthorized = 5
)

// login connects as a user, and returns what CONNACK says.
func (r *raw) login(t *testing.T, id, user, password string, flags byte, will ...[]byte) byte {
	t.Helper()
	r.send(t, connectPacket(id, hasUser|hasPassword|flags, append(will, text(user), text(password))...))
	return r.want(t, connackPart)[1]
}

// as connects as a user who may.
func as(t *testing.T, b *Broker, user, id string, flags byte) *raw {
	t.Helper()
	c := dial(t, b)
	if code := c.login(t, id, user, "right-password", flags); code != accepted {
		t.Fatalf("CONNACK refuses %s with %d", user, code)
	}
	return c
}

func TestLogin(t *testing.T) {
	b := startFor(t, nil)
	willed := func(topic string) []byte { return slices.Concat(text(topic), text("gone")) }
	for _, tt := range []struct {
		name    string
		connect []byte
		want    byte
	}{
		{"nobody", connectPacket("c", cleanSession), notAuthorized},
		{"a name alone", connectPacket("c", cleanSession|hasUser, text("boss")), notAuthorized},
		{"a wrong password", connectPacket("c", cleanSession|hasUser|hasPassword, text("boss"), text("right-passwore")), notAuthorized},
		{"an empty password", connectPacket("c", cleanSession|hasUser|hasPassword, text("boss"), text("")), 0x82}, // by mochi, which takes it for malformed
		{"an unknown user", connectPacket("c", cleanSession|hasUser|hasPassword, text("bosss"), text("right-password")), notAuthorized},
		{"the right password", connectPacket("c", cleanSession|hasUser|hasPassword, text("boss"), text("right-password")), accepted},
		{"a forbidden will", connectPacket("c", cleanSession|hasUser|hasPassword|hasWill, willed("other"), text("garden"), text("right-password")), notAuthorized},
		{"a will that may be", connectPacket("c", cleanSession|hasUser|hasPassword|hasWill, willed("garden/c/x"), text("garden"), text("right-password")), accepted},
	} {
		c := dial(t, b)
		c.send(t, tt.connect)
		if got := c.want(t, connackPart)[1]; got != tt.want {
			t.Errorf("%s: CONNACK has %d, want %d", tt.name, got, tt.want)
		}
		if tt.want != accepted {
			c.wantEnd(t, tt.name)
		}
		c.Close()
	}
}

// What a user may not publish is acknowledged and reaches nobody, retained or not; a condition says so.
func TestForbiddenPublish(t *testing.T) {
	b := startFor(t, nil)
	all := as(t, b, "boss", "all", cleanSession)
	all.send(t, subscribePacket(1, 1, "#"))
	all.want(t, 0x90)
	c := as(t, b, "garden", "c1", cleanSession)
	c.send(t, publishPacket("other", 0, 0, []byte("no")), publishPacket("garden/c2/x", 1, 7, []byte("no")), publishPacket("garden", 2, 8, []byte("no")),
		packet(0x33, text("garden/c2/y"), []byte{0, 9}, []byte("no")))
	c.wantID(t, pubackPart, 7)
	c.wantID(t, pubrecPart, 8)
	c.wantID(t, pubackPart, 9)
	c.send(t, idPacket(pubrelPart, 8))
	c.wantID(t, pubcompPart, 8)
	c.send(t, publishPacket("garden/c1/x", 1, 10, []byte("yes")))
	c.wantID(t, pubackPart, 10)
	if payload, _ := all.message(t, 0x32); payload != "yes" {
		t.Errorf("others receive %q, want what may be published alone", payload)
	}
	if n := b.Stats().Retained; n != 0 {
		t.Errorf("%d messages are retained", n)
	}
	if n := b.Health.Count(forbiddenCode); n != 4 {
		t.Errorf("%d refusals were counted, want 4", n)
	}
	active := b.Health.Active()
	if len(active) != 1 || active[0].Code != forbiddenCode ||
		active[0].Text != `the MQTT client "c1" of user garden published to "other", which its user may not: the message was acknowledged and dropped` ||
		!strings.Contains(active[0].Remedy, "publish in [broker.user.garden]") {
		t.Errorf("conditions %+v", active)
	}
	b.hook.forbidden.lapse(b.hook.forbidden.last.Add(forbiddenLasts + 1))
	if active := b.Health.Active(); len(active) != 0 {
		t.Errorf("long after there are %+v", active)
	}
}

// A subscription brings what of it a user may receive, retained messages too; one that could bring nothing is
// refused.
func TestForbiddenSubscribe(t *testing.T) {
	b := startFor(t, nil)
	boss := as(t, b, "boss", "boss", cleanSession)
	boss.send(t, packet(0x31, text("secret"), []byte("no")), packet(0x31, text("garden/a/state"), []byte("on")))
	boss.ping(t)
	c := as(t, b, "garden", "c", 0)
	c.send(t, subscribePacket(1, 1, "secret", "garden/a", "$SYS/#", "$share/g/secret", "#", "$share/g/open/x"))
	if got := c.want(t, 0x90)[2:]; !bytes.Equal(got, []byte{0x80, 0x80, 0x80, 0x80, 1, 1}) {
		t.Errorf("SUBACK %x", got)
	}
	if body := c.want(t, 0x31); !bytes.Contains(body, []byte("garden/a/state")) {
		t.Errorf("of what is retained it receives %q", body)
	}
	boss.send(t, publishPacket("secret", 1, 1, []byte("no")), publishPacket("open/x/y", 1, 2, []byte("yes")))
	boss.want(t, pubackPart)
	boss.want(t, pubackPart)
	if payload, _ := c.message(t, 0x32); payload != "yes" {
		t.Errorf("it receives %q", payload)
	}
	c.Close()
	counts(t, b, "while it is away", func(s Stats) bool { return s.Clients == 1 })
	boss.send(t, publishPacket("secret", 1, 3, []byte("no")), publishPacket("open/x", 1, 4, []byte("later")))
	boss.want(t, pubackPart)
	boss.want(t, pubackPart)
	boss.ping(t)
	c = as(t, b, "garden", "c", 0)
	if payload, _ := c.message(t, 0x3a); payload != "yes" { // not acknowledged
		t.Errorf("it receives %q again", payload)
	}
	if payload, _ := c.message(t, 0x3a); payload != "later" {
		t.Errorf("of what was published while it was away it receives %q", payload)
	}
}

// While mochi sees to a client's SUBSCRIBE, what others publish meanwhile is held against its user's filters and the
// bounds of its queue all the same.
func TestForbiddenWhileSubscribing(t *testing.T) {
	b := startFor(t, func(o *Options) { small(&o.Limits) })
	as(t, b, "garden", "c", 0)
	cl, _ := b.hook.server.Clients.Get("c")
	c := cl.Net.Conn.(*conn)
	c.queue.add(packets.Packet{Payload: make([]byte, 64<<10)})
	b.hook.flow.queued.Store(64 << 10)
	cl.State.Inflight.Set(packets.Packet{PacketID: 1, Payload: make([]byte, 64<<10)})
	pk := b.hook.OnSubscribe(cl, packets.Packet{Filters: packets.Subscriptions{{Filter: "#"}, {Filter: "open/x"}, {Filter: "secret"}}})
	for i, want := range []bool{true, true, false} {
		if f := pk.Filters[i].Filter; want != (f != "" && b.hook.OnACLCheck(cl, f, false)) {
			t.Errorf("filter %d is allowed: %v", i, !want)
		}
	}
	for _, topic := range []string{"secret", "open/x"} {
		if b.hook.OnACLCheck(cl, strings.Clone(topic), false) {
			t.Errorf("a message to %s is let through, want it refused: forbidden, or the queue is full", topic)
		}
	}
	b.hook.OnSubscribed(cl, pk, nil)
	if b.hook.OnACLCheck(cl, pk.Filters[0].Filter, false) {
		t.Error("a filter is still asked for after SUBSCRIBE")
	}
}

// The same with real connections, whose SUBSCRIBE takes mochi long.
func TestForbiddenDuringSubscribe(t *testing.T) {
	b := startFor(t, nil)
	p, c := as(t, b, "boss", "p", cleanSession), as(t, b, "garden", "c", cleanSession)
	filters := []string{"#"}
	for i := range 2000 {
		filters = append(filters, fmt.Sprint("open/", i))
	}
	const rounds = 40
	stop := make(chan struct{})
	var others sync.WaitGroup
	defer others.Wait()
	defer close(stop)
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := p.Write(publishPacket("secret/x", 1, 1, []byte("no"))); err != nil {
				t.Error(err)
				return
			}
			if _, _, err := p.next(); err != nil { // its acknowledgement
				t.Error(err)
				return
			}
		}
	})
	for id := range uint16(rounds) {
		c.send(t, subscribePacket(id+1, 0, filters...))
		if header, body, err := c.next(); err != nil || header != 0x90 {
			t.Fatalf("read packet %#x %.40q, %v; want a SUBACK", header, body, err)
		}
	}
}

// Nobody gets the session of another user.
func TestSessionOfAnother(t *testing.T) {
	b := startFor(t, func(o *Options) {
		o.Keepers = []Keeper{{Client: "keeper", User: "boss", Filters: []string{"kept"}, QoS: 1}}
	})
	as(t, b, "boss", "mine", 0).Close()
	for _, id := range []string{"mine", "keeper"} {
		if code := dial(t, b).login(t, id, "garden", "right-password", 0); code != badIdentifier {
			t.Errorf("with the identifier %s of another user CONNACK has %d", id, code)
		}
	}
	as(t, b, "boss", "mine", 0)
	as(t, b, "boss", "keeper", 0)
}

// When the users change, those clients go on that may what they could before.
func TestAdmit(t *testing.T) {
	b := startFor(t, nil)
	boss, garden := as(t, b, "boss", "b", cleanSession), as(t, b, "garden", "c", cleanSession)
	garden.send(t, subscribePacket(1, 0, "open/x"))
	garden.want(t, 0x90)
	users := slices.Clone(b.Users)
	users[0].Publish = nil
	if err := b.Admit(users); err != nil {
		t.Fatal(err)
	}
	boss.ping(t)
	garden.wantEnd(t, "a client whose user may other things now")
	if err := b.Admit(users[:1]); err != nil {
		t.Fatal(err)
	}
	boss.wantEnd(t, "a client of a user that is gone")
	if code := dial(t, b).login(t, "b", "boss", "right-password", cleanSession); code != notAuthorized {
		t.Errorf("a user that is gone: CONNACK has %d", code)
	}
	as(t, b, "garden", "c", cleanSession)
	if err := b.Admit(nil); err != nil {
		t.Fatal(err)
	}
	dial(t, b).join(t, "anybody", cleanSession)
}

// Who guesses is slowed.
func TestGuesses(t *testing.T) {
	b := startFor(t, nil)
	for range 20 {
		switch code := dial(t, b).login(t, "guess", "boss", "wrong-password", cleanSession); code {
		case unavailable:
			return
		case notAuthorized:
		default:
			t.Fatalf("a wrong password: CONNACK has %d", code)
		}
	}
	t.Error("twenty wrong passwords were looked at")
}

// Where an address is slowed, clients come in all the same with the password that has been right before.
func TestKnown(t *testing.T) {
	a := startFor(t, nil).hook.access
	a.pause = 0
	check := func(name, password string, want bool) {
		t.Helper()
		if got := a.known(t.Context(), name, password); got != want {
			t.Errorf("known(%s, %s) = %v", name, password, got)
		}
	}
	check("boss", "right-password", false)
	a.remember("boss", "right-password")
	a.remember("nobody", "right-password")
	check("boss", "right-password", true)
	check("boss", "wrong-password", false)
	check("boss", "", false)
	check("garden", "right-password", false)
	check("nobody", "right-password", false)
	for range slowOnes {
		a.slow <- struct{}{}
	}
	check("boss", "right-password", false)
}
