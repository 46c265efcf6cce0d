package warp

import (
	"fmt"

	wire "selvage/edge/warp"

	"selvage/edge/agent"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// What an edge tells its hub, all of it as commands, so that it also may be told to any WARP host:
//
//	@command(node:"/edge/a",lane:hello)@hello(name:a)      this connection speaks for /edge/a
//	@command(node:"/edge/a",lane:hello)@synced             and has shown all of what it sends
//	@command(node:"/edge/a/x",lane:mirror)@lane(name:t,kind:value)   /x has a lane t; its state follows
//	@command(node:"/edge/a/x",lane:mirror)@synced(name:t)            the state of t is complete
//	@command(node:"/edge/a/x",lane:t)…                     a value, or an operation on a map lane
//
// The hub's answer to hello is an Answer, the value of the lane hello of /edge/a.
const (
	HelloLane  route.LaneName = "hello"
	MirrorLane route.LaneName = "mirror"
)

// TakenOver begins the reason with which a hub closes the connection that spoke for an edge before.
const TakenOver = "another connection speaks for "

// maxName bounds the names that an edge gives itself and its lanes, in bytes.
const maxName = 255

// Answer is what a hub tells who says hello.
type Answer struct {
	Speaks string `recon:"speaks,omitempty"` // the address from which the edge's connection comes
}

// Hello says whose connection it is.
type Hello struct{ Name string }

func (h Hello) body() []byte {
	return recon.Append(nil, tagged("hello", recon.Field("name", recon.String(h.Name))))
}

// ReadHello reads a command for the lane hello: a Hello, or synced.
func ReadHello(body []byte) (hello Hello, synced bool, err error) {
	v, err := recon.Parse(body)
	if err != nil {
		return Hello{}, false, err
	}
	switch v.Tag() {
	case "synced":
		return Hello{}, true, nil
	case "hello":
		name, _ := v.Header("hello").Get("name").Text()
		if len(name) > maxName {
			return Hello{}, false, fmt.Errorf("a name has at most %d bytes", maxName)
		}
		return Hello{Name: name}, false, nil
	}
	return Hello{}, false, fmt.Errorf("want @hello(name:…) or @synced, got %s", v)
}

// Declared says that a node has a lane. Its state follows until the same with Synced.
type Declared struct {
	Lane   route.LaneName
	Kind   agent.LaneKind
	Synced bool
}

func (d Declared) body() []byte {
	name := recon.Field("name", recon.String(string(d.Lane)))
	if d.Synced {
		return recon.Append(nil, tagged("synced", name))
	}
	return recon.Append(nil, tagged("lane", name, recon.Field("kind", recon.String(d.Kind.String()))))
}

// ReadDeclared reads a command for the lane mirror.
func ReadDeclared(body []byte) (Declared, error) {
	v, err := recon.Parse(body)
	if err != nil {
		return Declared{}, err
	}
	head := v.Header(v.Tag())
	name, _ := head.Get("name").Text()
	if len(name) > maxName {
		return Declared{}, fmt.Errorf("a lane's name has at most %d bytes", maxName)
	}
	d := Declared{Synced: v.Tag() == "synced"}
	if d.Lane, _, err = route.Lane(name); err != nil {
		return Declared{}, err
	}
	if d.Lane == MirrorLane {
		return Declared{}, fmt.Errorf("the lane %s of a copy is the hub's own", d.Lane)
	}
	if d.Synced {
		return d, nil
	}
	kind, _ := head.Get("kind").Text()
	known := false
	d.Kind, known = agent.ParseLaneKind(kind)
	if v.Tag() != "lane" || !known || !sendable(d.Kind) {
		return Declared{}, fmt.Errorf("want @lane(name:…,kind:value) or kind:map, got %s", v)
	}
	return d, nil
}

// sendable lanes have a state, which a copy can have too.
func sendable(k agent.LaneKind) bool { return k == agent.ValueKind || k == agent.MapKind }

func tagged(tag string, fields ...recon.Item) recon.Value {
	if len(fields) == 0 {
		return recon.Record(recon.Attr(tag, recon.Extant()))
	}
	return recon.Record(recon.Attr(tag, recon.Record(fields...)))
}

func appendCommand(dst []byte, node string, lane route.LaneName, body []byte) []byte {
	return wire.AppendBody(wire.AppendHead(dst, wire.Command, node, string(lane), 0, 0), body)
}
