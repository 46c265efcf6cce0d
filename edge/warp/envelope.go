// Package warp speaks WARP, the message protocol of Swim hosts: the envelopes that
// travel, one per WebSocket message, and the state of one link. It knows no socket
// and no clock.
package warp

// Tag says what an envelope is for. The zero Tag is none.
type Tag uint8

// Clients send Link, Sync, Unlink, Command, Auth and Deauth; hosts answer with
// the others. The last four concern the whole connection and name no lane.
const (
	Link Tag = iota + 1
	Linked
	Sync
	Synced
	Unlink
	Unlinked
	Event
	Command
	Auth
	Authed
	Deauth
	Deauthed
)

var tagNames = [...]string{
	Link: "link", Linked: "linked", Sync: "sync", Synced: "synced", Unlink: "unlink", Unlinked: "unlinked",
	Event: "event", Command: "command", Auth: "auth", Authed: "authed", Deauth: "deauth", Deauthed: "deauthed",
}

// String is the tag as it stands on the wire, without its "@".
func (t Tag) String() string {
	if t == 0 || int(t) >= len(tagNames) {
		return "none"
	}
	return tagNames[t]
}

// tagOf is 0 for a name that is no tag; tags are case-sensitive.
func tagOf(name []byte) Tag {
	switch string(name) {
	case "event":
		return Event
	case "command":
		return Command
	case "link":
		return Link
	case "linked":
		return Linked
	case "sync":
		return Sync
	case "synced":
		return Synced
	case "unlink":
		return Unlink
	case "unlinked":
		return Unlinked
	case "auth":
		return Auth
	case "authed":
		return Authed
	case "deauth":
		return Deauth
	case "deauthed":
		return Deauthed
	}
	return 0
}

// addressed reports whether envelopes of this tag name a node and a lane.
func (t Tag) addressed() bool { return t <= Command }

// graded reports whether envelopes of this tag have a prio and a rate; on all
// others these headers mean nothing, whatever their value.
func (t Tag) graded() bool { return t == Link || t == Linked || t == Sync }

// Envelope is one WARP message, taken apart.
type Envelope struct {
	Tag Tag

	// Node and Lane are valid URI references as the peer wrote them, escapes of
	// the string undone but not normalised: see route.Node and route.Lane.
	Node, Lane []byte

	// Prio and Rate are zero where not given. They are single-precision numbers,
	// as they are for all Swim peers.
	Prio, Rate float64

	// Body is the Recon text of what follows the head, without space around it;
	// empty if nothing does. Its syntax is checked by whoever reads it: Scan
	// itself mostly only finds its end.
	Body []byte
}
