package conformance_test

import (
	"errors"

	"selvage/edge/agent"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// unit is the application behind the sessions, as far as there are lanes for it: README.md of the
// vectors describes it. Its lanes relay what they are sent as it is.
func unit(a *agent.Agent, _ struct{}) error {
	u := units{
		value: agent.Value(a, "value", recon.Value{}).Transient(),
		kv:    agent.Map[recon.Value, recon.Value](a, "map").Transient(),
		list:  agent.List[recon.Value](a, "list").Transient(),
	}
	agent.Value(a, "preset", recon.Int(42)).Transient()
	agent.Value(a, "persist", recon.Value{})
	agent.Value(a, "text", recon.Value{}).Transient()
	agent.Map[recon.Value, recon.Value](a, "counts").Transient()
	nothing := func(recon.Value) error { return nil }
	agent.Command(a, "echo", nothing)
	agent.Command(a, "typedCommand", nothing)
	agent.Command(a, "command", u.command)
	return nil
}

type units struct {
	value *agent.ValueLane[recon.Value]
	kv    *agent.MapLane[recon.Value, recon.Value]
	list  *agent.ListLane[recon.Value]
}

func (u *units) command(v recon.Value) error {
	tag := v.Tag()
	headers := v.Header(tag)
	var first recon.Value
	if all := v.Items(); len(all) > 0 {
		first = all[0].Value // the tag's argument as a whole
	}
	n, _ := first.Int()
	count := int(n)
	at := func(name string) int {
		i, _ := headers.Get(name).Int()
		return int(i)
	}
	switch tag {
	case "set":
		u.value.Set(first)
	case "mput":
		u.kv.Set(headers.Get("key"), headers.Get("value"))
	case "mremove":
		u.kv.Remove(headers.Get("key"))
	case "mdrop":
		u.kv.Drop(count)
	case "mtake":
		u.kv.Take(count)
	case "mclear":
		u.kv.Clear()
	case "ladd":
		u.list.Append(first)
	case "lset":
		u.list.Set(at("index"), headers.Get("value"))
	case "lins":
		u.list.Insert(at("index"), headers.Get("value"))
	case "lremove":
		u.list.Remove(count)
	case "lmove":
		u.list.Move(at("from"), at("to"))
	case "ldrop":
		u.list.Drop(count)
	case "ltake":
		u.list.Take(count)
	case "lclear":
		u.list.Clear()
	case "burst":
		u.burst(headers)
	case "fail":
		return errors.New("told to fail")
	}
	return nil
}

func (u *units) burst(headers recon.Value) {
	n, _ := headers.Get("n").Int()
	keys, _ := headers.Get("keys").Int()
	for i := range n {
		switch kind, _ := headers.Get("kind").Text(); kind {
		case "value":
			u.value.Set(recon.Int(i))
		case "map":
			u.kv.Set(recon.Int(i%keys), recon.Int(i))
		}
	}
}

// guard is the authenticator and the policy of the listener guarded.
type guard struct{}

func (guard) Auth(_ *peer.Conn, claims []byte) (identity any, session []byte, ok bool) {
	v, err := recon.Parse(claims)
	if err != nil {
		return nil, nil, false
	}
	token, _ := v.Get("token").Text()
	return token, nil, token == "good"
}

func (guard) Link(c *peer.Conn, _ route.NodeURI, lane route.LaneName) bool {
	return lane != "supply" && (lane != "list" || c.Identity() != nil)
}

func (guard) Command(c *peer.Conn, _ route.NodeURI, lane route.LaneName) bool {
	return lane != "text" || c.Identity() != nil
}
