package sparkplug

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Namespace is what all topics begin with.
const Namespace = "spBv1.0"

// Verb is the kind of a message.
type Verb string

const (
	NBIRTH Verb = "NBIRTH" // a node says which metrics it has
	NDEATH Verb = "NDEATH" // it is not there any more; this is its will
	NDATA  Verb = "NDATA"
	NCMD   Verb = "NCMD" // a host commands it
	DBIRTH Verb = "DBIRTH"
	DDEATH Verb = "DDEATH"
	DDATA  Verb = "DDATA"
	DCMD   Verb = "DCMD"
	STATE  Verb = "STATE" // a host says whether it is there
)

// Topic says of whom a message is, or for whom.
type Topic struct {
	Group  string
	Verb   Verb
	Node   string // of STATE: the host
	Device string // empty where the message is the node's own
}

// String writes the topic: spBv1.0/group/DDATA/node/device, or spBv1.0/STATE/host.
func (t Topic) String() string {
	switch {
	case t.Verb == STATE:
		return Namespace + "/STATE/" + t.Node
	case t.Device == "":
		return Namespace + "/" + t.Group + "/" + string(t.Verb) + "/" + t.Node
	}
	return Namespace + "/" + t.Group + "/" + string(t.Verb) + "/" + t.Node + "/" + t.Device
}

// ParseTopic reads a topic. ok is false for one that is not Sparkplug B's.
func ParseTopic(text string) (t Topic, ok bool) {
	rest, ok := strings.CutPrefix(text, Namespace+"/")
	if !ok || !utf8.ValidString(text) {
		return Topic{}, false
	}
	parts := strings.Split(rest, "/")
	for _, p := range parts {
		if p == "" {
			return Topic{}, false
		}
	}
	switch {
	case len(parts) == 2 && parts[0] == string(STATE):
		return Topic{Verb: STATE, Node: parts[1]}, true
	case len(parts) == 3:
		t = Topic{Group: parts[0], Verb: Verb(parts[1]), Node: parts[2]}
		return t, t.Verb == NBIRTH || t.Verb == NDEATH || t.Verb == NDATA || t.Verb == NCMD
	case len(parts) == 4:
		t = Topic{Group: parts[0], Verb: Verb(parts[1]), Node: parts[2], Device: parts[3]}
		return t, t.Verb == DBIRTH || t.Verb == DDEATH || t.Verb == DDATA || t.Verb == DCMD
	}
	return Topic{}, false
}

// CheckID says why a name cannot be that of a group, node, device or host.
func CheckID(name string) error {
	if name == "" || strings.ContainsAny(name, "+/#\x00") || !utf8.ValidString(name) {
		return fmt.Errorf("%q cannot be part of a topic: it needs text without +, / and #", name) // tck-id-topic-structure-namespace-valid-group-id
	}
	return nil
}

// Presence is what a host says on its topic STATE.
type Presence struct {
	Online    bool   `json:"online"`
	Timestamp uint64 `json:"timestamp"`
}

// Encode writes it as JSON.
func (p Presence) Encode() []byte {
	b, _ := json.Marshal(p) // a bool and a number cannot fail
	return b
}

// ParsePresence reads it.
func ParsePresence(b []byte) (p Presence, err error) {
	if err := json.Unmarshal(b, &p); err != nil {
		return Presence{}, fmt.Errorf("want such as {\"online\":true,\"timestamp\":1700000000000}: %w", err)
	}
	return p, nil
}

// Names of metrics that every node has.
const (
	BdSeq   = "bdSeq"                // which session of the node it is, in its birth and its death
	Rebirth = "Node Control/Rebirth" // has the node publish its births again
)

// Millis is how payloads write a time.
func Millis(t time.Time) uint64 { return uint64(max(t.UnixMilli(), 0)) }

// AskRebirth is what a host publishes for a node to be born again.
func AskRebirth(group, node string, now time.Time) (topic string, payload []byte) {
	p := Payload{Timestamp: Millis(now), Metrics: []Metric{{Name: Rebirth, Timestamp: Millis(now), DataType: Boolean, Value: true}}}
	return Topic{Group: group, Verb: NCMD, Node: node}.String(), p.Encode()
}
