package web

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"selvage/edge/policy"
)

// shown logs anna in and returns the header with her cookie.
func (j *jar) shown(t *testing.T) string {
	t.Helper()
	c := j.send(t, "POST", "/login", login("anna", "correct horse"), isForm).Cookies()[0]
	return "Cookie: " + c.Name + "=" + c.Value
}

// Links are those of who has asked for them.
func TestLinksEndWithTheirIdentity(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	c := b.talk(t)
	c.say(annaIs, "@authed{user:anna}")
	c.say("@link("+level+")", "@linked("+level+")")
	c.say("@link("+other+")", "@linked("+other+")")
	c.say(fmt.Sprintf("@auth{token:%q}", boardSecret), "@authed{user:board}", "@unlinked("+other+")")
	c.say("@deauth", "@deauthed", "@unlinked("+level+")")
	for _, lane := range []string{"level", "any"} {
		if status, text, _ := b.do(t, "POST", "/box/1?lane="+lane, "42", asAnna); status != 200 && lane == "level" {
			t.Fatal(status, text)
		}
	}
	c.say(annaIs, "@authed{user:anna}") // with no event before it
	c.say("@sync("+level+")", "@linked("+level+")", "@event("+level+") 42", "@synced("+level+")")
}

func TestNobodyStaysAfterDeauth(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	b.authTime = 2 * time.Second
	c := b.talk(t)
	c.say(fmt.Sprintf("@auth{token:%q}", boardSecret), "@authed{user:board}")
	c.say("@deauth", "@deauthed")
	c.closed(unauthorized)
}

// Who needs no login and has shown one all the same would be nobody under another policy.
func TestSetPolicyEndsLocalLogins(t *testing.T) {
	for name, change := range map[string]func(c *policy.Config){
		"another policy": func(c *policy.Config) { c.Audit = true },
		"without anna":   func(c *policy.Config) { c.Users = c.Users[1:] },
	} {
		b := start(t, Options{Policy: strict(t, onLoopback)})
		c := b.talk(t)
		c.say(annaIs, "@authed{user:anna}")
		c.say("@link("+level+")", "@linked("+level+")")
		b.SetPolicy(strict(t, onLoopback, change))
		if err := b.Host.Do(t.Context(), "/box/1", "level", []byte("33")); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		c.closed(newPolicy)
	}
}

// A session that had to give way takes its connections with it.
func TestEvictedSessionEndsConnections(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	first := b.browser(t).shown(t)
	c := b.talk(t, first)
	c.say("@link("+level+")", "@linked("+level+")")
	for range 20 {
		b.browser(t).shown(t)
	}
	c.closed(loggedOut)
	if status, _, _ := b.do(t, "GET", "/box/1?lane=level", "", first); status != 401 {
		t.Errorf("the session that gave way is answered %d", status)
	}
}

// A connection that stands when its session has ended already is not that of its user.
func TestLogoutDuringHandshake(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	who, err := b.gate.Password(t.Context(), address(&http.Request{RemoteAddr: "127.0.0.1:1"}, false), "anna", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		secret, session := b.gate.Begin(who)
		header := http.Header{"Cookie": {b.cookie + "=" + secret}}
		out := make(chan bool)
		go func() {
			defer close(out)
			for range i * 1000 { // at any moment of the handshake
			}
			b.browser(t).send(t, "POST", "/logout", "", "Cookie: "+header.Get("Cookie"))
		}()
		ws, _, err := websocket.DefaultDialer.Dial("ws"+b.url[4:]+"/", header)
		<-out
		if b.gate.Lives(session) {
			t.Fatal("the session lives after its logout")
		}
		if err != nil {
			continue
		}
		ws.SetReadDeadline(time.Now().Add(30 * time.Second))
		c := &talk{t, ws}
		if err := ws.WriteMessage(websocket.TextMessage, []byte("@sync("+level+")")); err == nil {
			c.ended()
		}
		ws.Close()
	}
}

// ended reads on until the connection is closed, or nobody's link is refused.
func (c *talk) ended() {
	c.Helper()
	for n := 0; ; n++ {
		_, got, err := c.ReadMessage()
		if err != nil || string(got) == "@unlinked("+level+")" {
			return
		}
		if n > 3 {
			c.Fatalf("a connection outlives its logout: %s", got)
		}
	}
}
