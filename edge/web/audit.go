package web

import (
	"sync"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/policy"
	"selvage/edge/route"
)

// auditNode is the agent that tells what happened at the doors. Each of its lanes is a map of the last
// events by their number: recent of commands, refused of logins and what was refused, which many
// commands must not push out.
const auditNode route.NodeURI = "/host/audit"

const (
	maxAudit  = 500                    // events that a lane keeps
	auditRest = 200 * time.Millisecond // between two turns that add to it
)

// audited is an entry of a lane.
type audited struct {
	At    time.Time `recon:"at"`            // of the last, ms since 1970
	Who   string    `recon:"who,omitempty"` // nobody's without a login
	From  string    `recon:"from"`
	What  string    `recon:"what"` // login, logout, token, connect, read, link or command
	Node  string    `recon:"node,omitempty"`
	Lane  string    `recon:"lane,omitempty"`
	OK    bool      `recon:"ok"`
	Times int       `recon:"times"` // such events, one right after the other
}

// audit gathers events for its agent, which shows them some at a time: an event costs whoever it is
// about no turn.
type audit struct {
	handle *host.Handle

	mu              sync.Mutex
	show            func() // for a turn of the agent; nil before its first
	due             bool   // there is something to show, and the agent has been woken if it can be
	recent, refused trail
}

// trail is what one lane is to show.
type trail struct {
	next  []audited
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
	refused := agent.Map[int64, audited](a, "refused").Transient().ReadOnly()
	show := func() {
		t.mu.Lock()
		commands, others := t.recent.take(), t.refused.take()
		t.due = false
		t.mu.Unlock()
		commands.add(recent)
		others.add(refused)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recent.count, t.refused.count = 0, 0 // the lanes are empty after a restart too
	t.show = func() { a.After(auditRest, show) }
	if t.due {
		t.show()
	}
	return nil
}

// take returns what is to be shown, its count that of the last before.
func (t *trail) take() trail {
	taken := *t
	t.count += int64(len(t.next))
	t.next = nil
	return taken
}

func (t trail) add(to *agent.MapLane[int64, audited]) {
	if over := to.Len() + len(t.next) - maxAudit; over > 0 {
		to.Drop(over)
	}
	for i, e := range t.next {
		to.Set(t.count+1+int64(i), e)
	}
}

func (t *trail) put(now audited) {
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
}

func (t *audit) add(e policy.Event) {
	now := audited{Who: e.Who, From: e.From.String(), What: e.What, Node: string(e.Node), Lane: string(e.Lane), OK: e.OK, Times: 1, At: time.Now()}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.OK && e.What == policy.Command.String() {
		t.recent.put(now)
	} else {
		t.refused.put(now)
	}
	if !t.due && t.show != nil {
		t.handle.Wake(t.show)
	}
	t.due = true
}
