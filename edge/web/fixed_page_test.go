package web_test

import (
	"fmt"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/web/browsertest"
)

// Lanes that take nothing are shown without a button, and one that answers HTTP is not linked to.
func TestPageOfLanesThatTakeNothing(t *testing.T) {
	s := show(t)
	k := agent.NewKind("giver", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Supply[int](a, "news")
		agent.Demand(a, "asked", func() int { return 7 })
		agent.HTTP(a, "doc", agent.Handlers{Get: func(*agent.Request) (any, error) { return 1, nil }})
		return nil
	})
	if _, err := s.Add("/giver", host.Things, k, nil); err != nil {
		t.Fatal(err)
	}
	p := s.open(browsertest.Start(t))
	p.Wait(says(row("/giver", "doc", ".value"), "answers HTTP requests"))
	p.Wait(says(row("/giver", "news", ".value"), "nothing yet"))
	p.Wait(says(row("/giver", "asked", ".value"), "7"))
	for _, lane := range []string{"doc", "news", "asked"} {
		p.Wait(fmt.Sprintf("document.querySelector(%q).hidden", row("/giver", lane, ".set")))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.links["/giver doc"] || !s.links["/giver news"] {
		t.Errorf("the page links to %v", s.links)
	}
}
