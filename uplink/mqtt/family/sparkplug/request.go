package sparkplug

import (
	"fmt"
	"time"

	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/sparkplug"
)

// A birth may be large, and each host may ask for it.
const (
	asksPerSecond = 20
	shortPause    = 10 * time.Second // between two requests to a node; it doubles
	longPause     = 10 * time.Minute // up to this
	mostTries     = 3                // with a node that nothing is heard of, and before people are told
)

// request is the wish for a node's births.
type request struct {
	wanted    bool
	tries     int // since its last birth, or since the broker was connected
	askedAt   time.Time
	pause     time.Duration
	notBefore time.Time
}

// want asks for the births of a node, as soon as it may be asked.
func (h *Host) want(n *node, now time.Time, to family.Sink) {
	n.wanted = true
	if n.due(now) {
		h.ask(n, now, to)
	}
}

// askAll asks those that have to be asked. No node has two turns before each has had one.
func (h *Host) askAll(now time.Time, to family.Sink) {
	for range h.all {
		h.turn %= len(h.all)
		if n := h.all[h.turn]; n.due(now) && !h.ask(n, now, to) {
			return
		}
		h.turn++
	}
}

func (n *node) due(now time.Time) bool {
	return n.wanted && !now.Before(n.notBefore) && (n.heard || n.tries < mostTries)
}

// ask returns false if too many have been asked just now.
func (h *Host) ask(n *node, now time.Time, to family.Sink) bool {
	if !h.mayAsk(now) {
		return false
	}
	topic, payload := sparkplug.AskRebirth(n.group, n.name, now)
	to.Publish(family.Publication{Topic: topic, Payload: payload})
	if n.pause == 0 || now.Sub(n.askedAt) > 2*longPause {
		n.pause = shortPause
	} else {
		n.pause = min(2*n.pause, longPause)
	}
	n.tries++
	n.askedAt, n.notBefore = now, now.Add(n.pause)
	if n.heard && n.tries > mostTries {
		to.Doubt(family.Problem{Kind: "rebirth",
			Text:   fmt.Sprintf("the edge node %s/%s was asked %d times to say which metrics it has, by %s, and has not", n.group, n.name, n.tries-1, topic),
			Remedy: "let this client's user publish there, and see whether the node takes Node Control/Rebirth; until then values without a name are uncertain"})
	}
	return true
}

func (h *Host) mayAsk(now time.Time) bool {
	if d := now.Sub(h.asking); d >= time.Second || d < 0 {
		h.asking, h.asked = now, 0
	}
	h.asked++
	return h.asked <= asksPerSecond
}
