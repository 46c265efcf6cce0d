package web_test

import (
	"testing"

	"selvage/edge/policy"
	"selvage/edge/web/browsertest"
)

// A person logs in by the page, sees what her role lets her see, and is sent back when the login is over.
func TestPageLogin(t *testing.T) {
	password, err := policy.NewPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	roles := []policy.Role{{Name: "r", Read: []string{"/host/*", "/a/*/*"}, Command: []string{"/a/1/target"}}}
	of := func(p policy.Password) *policy.Policy {
		made, err := policy.New(&policy.Config{Login: true, Users: []policy.User{{Name: "anna", Password: p, Roles: []string{"r"}}}, Roles: roles})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	s := show(t, "/a/1", "/b/1")
	s.server.SetPolicy(of(password))
	b := browsertest.Start(t)
	p := s.open(b)
	p.Allow("status of 401")
	p.Allow("WebSocket connection to")
	p.Wait(`location.pathname === "/login"`)
	p.Type("#user", "anna")
	p.Type("#password", "wrong horse")
	p.Click("form button")
	p.Wait(holds("form", "Not logged in: unknown user"))
	p.Wait(`document.querySelector("#password").value === ""`)
	p.Type("#user", "anna")
	p.Type("#password", "correct horse")
	p.Click("form button")
	p.Wait(`location.pathname === "/"`)
	p.Wait(says("#user", "anna"))
	p.Wait(says(row("/a/1", "target", ".value"), "21.5"))
	p.Wait(`document.cookie === ""`) // no script sees the cookie
	p.Wait(`document.querySelector('[data-node="/b/1"]') && !document.querySelector('[data-node="/b/1"] [data-lane="target"]')`)

	other, err := policy.NewPassword("another horse")
	if err != nil {
		t.Fatal(err)
	}
	s.server.SetPolicy(of(other))
	p.Wait(`location.pathname === "/login"`)
	p.Type("#user", "anna")
	p.Type("#password", "another horse")
	p.Press("Enter")
	p.Wait(says("#user", "anna"))
	p.Click("#logout")
	p.Wait(`location.pathname === "/login"`)
}
