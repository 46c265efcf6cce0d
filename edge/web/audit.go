package web

import (
	"sync"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/policy"
	"selvage/edge/route"
)

// auditNode is the agent that tells what was commanded and refused at the doors. Its lane recent is a map
// of the last events by their number.
const auditNode route.NodeURI = "/host/audit"

const (
	maxAudit  = 500                    // events that the lane keeps
	auditRest = 200 * time.Millisecond // between two turns that add to it
)

// audited is an entry of the lane recent.
type audited struct {
	At    time.Time `recon:"at"`            // of the last, ms since 1970
	Who   string    `recon:"who,omitempty"` // nobody's without a login
	From  string    `recon:"from"`
	What  string    `recon:"what"` // login, logout, token, read, link or command
	Node  string    `recon:"node,omitempty"`
	Lane  string    `recon:"lane,omitempty"`
	OK    bool      `recon:"ok"`
	Times int       `recon:"times"` // such events, one right after the other
}

// audit gathers events for its agent, which shows them some at a time: an event costs whoever it is
// about no turn.
type audit struct {
	handle *host.Handle

	mu    sync.Mutex
	show  func() // for a turn of the agent; nil before its first
	next  []audited
	due   bool  // there are some, and the agent has been woken if it can be
	count int64 // number of the last shown
}

// beginAudit adds the agent to h.
func beginAudit(h *host.Host) (*audit, error) {
	t := &audit{}
	var err error
	t.handle, err = h.Add(auditNode, host.Things, agent.NewKind("audit", struct{}{}, t.setup), nil)
	return t, err
}

func (t *audit) setup(a *agent.Agent, _ struct{}) error {
	recent := agent.Map[int64, audited](a, "recent").Transient().ReadOnly()
	show := func() {
		t.mu.Lock()
		events := t.next
		t.next, t.due = nil, false
		first := t.count + 1
		t.count += int64(len(events))
		t.mu.Unlock()
		if over := recent.Len() + len(events) - maxAudit; over > 0 {
			recent.Drop(over)
		}
		for i, e := range events {
			recent.Set(first+int64(i), e)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count = 0 // the lane is empty after a restart too
	t.show = func() { a.After(auditRest, show) }
	if t.due {
		t.show()
	}
	return nil
}

func (t *audit) add(e policy.Event) {
	now := audited{Who: e.Who, From: e.From.String(), What: e.What, Node: string(e.Node), Lane: string(e.Lane), OK: e.OK, Times: 1, At: time.Now()}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.next); n > 0 {
		last := &t.next[n-1]
		same := now
		same.At, same.Times = last.At, last.Times
		if same == *last {
			last.At = now.At
			last.Times++
			return
		}
	}
	if len(t.next) == maxAudit {
		t.next = t.next[1:]
		t.count++
	}
	t.next = append(t.next, now)
	if !t.due && t.show != nil {
		t.handle.Wake(t.show)
	}
	t.due = true
}
