package conformance_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"selvage/edge/agent"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// unit is the application behind the sessions, but for its lane spatial: README.md of the vectors describes
// it. Its lanes relay what they are sent as it is.
func unit(a *agent.Agent, _ struct{}) error {
	u := units{
		agent:  a,
		value:  agent.Value(a, "value", recon.Value{}).Transient(),
		kv:     agent.Map[recon.Value, recon.Value](a, "map").Transient(),
		list:   agent.List[recon.Value](a, "list").Transient(),
		supply: agent.Supply[recon.Value](a, "supply"),
		log:    agent.Supply[recon.Value](a, "log"),
	}
	agent.Value(a, "preset", 42).Lenient()
	agent.Value(a, "persist", recon.Value{})
	agent.Value(a, "text", "").Lenient().Transient().Apply(nil) // there it was never set
	agent.Map[string, int](a, "counts").Lenient().Transient()
	agent.Command(a, "echo", func(recon.Value) error { return nil })
	agent.Command(a, "command", u.command)
	var typed *agent.CommandLane[int]
	typed = agent.Command(a, "typedCommand", func(int) error {
		u.log.Push(tagged("got", recon.Int(javaInt(typed.Raw()))))
		return nil
	}).Lenient()

	cues := 0
	u.demand = agent.Demand(a, "demand", func() recon.Value {
		cues++
		return recon.Record(recon.Field("cues", recon.Int(int64(cues))))
	})
	u.entries.make(a, "demandMap")
	u.places.make(a, "spatial")
	answer := func(r *agent.Request) (any, error) {
		return agent.Content{Type: "text/plain", Body: fmt.Appendf(nil, "method=%s path=%s body=%s", r.Method, a.URI(), r.Raw)}, nil
	}
	agent.HTTP(a, "http", agent.Handlers{Get: answer, Post: answer, Put: answer})
	return nil
}

type units struct {
	agent       *agent.Agent
	value       *agent.ValueLane[recon.Value]
	kv          *agent.MapLane[recon.Value, recon.Value]
	list        *agent.ListLane[recon.Value]
	supply, log *agent.SupplyLane[recon.Value]
	demand      *agent.DemandLane[recon.Value]
	entries     shelf
	places      shelf // of the lane spatial, which in the reference tells a sync what there is, and nobody what changes
}

// shelf is what a demand-map lane shows.
type shelf struct {
	all  map[string][2]recon.Value
	lane *agent.DemandMapLane[recon.Value, recon.Value]
}

func (s *shelf) make(a *agent.Agent, lane string) {
	s.all = map[string][2]recon.Value{}
	keys := func() iter.Seq[recon.Value] {
		return func(yield func(recon.Value) bool) {
			for _, text := range slices.Sorted(maps.Keys(s.all)) {
				if !yield(s.all[text][0]) {
					return
				}
			}
		}
	}
	s.lane = agent.DemandMap(a, lane, keys, func(key recon.Value) (recon.Value, bool) {
		e, ok := s.all[key.String()]
		return e[1], ok
	})
}

func (s *shelf) put(key, v recon.Value) { s.all[key.String()] = [2]recon.Value{key, v} }

// javaInt is what the reference makes of a value that is meant to be an Integer.
func javaInt(v recon.Value) int64 {
	if text, ok := v.Text(); ok {
		v, _ = recon.ParseString(text)
	}
	f, _ := v.Float()
	return int64(f)
}

func tagged(tag string, v recon.Value) recon.Value { return recon.Record(recon.Attr(tag, v)) }

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
	key, value := headers.Get("key"), headers.Get("value")
	switch tag {
	case "set":
		u.value.Set(first)
	case "mput":
		u.kv.Set(key, value)
	case "mremove":
		u.kv.Remove(key)
	case "mdrop":
		u.kv.Drop(count)
	case "mtake":
		u.kv.Take(count)
	case "mclear":
		u.kv.Clear()
	case "ladd":
		u.list.Append(first)
	case "lset":
		u.list.Set(at("index"), value)
	case "lins":
		u.list.Insert(at("index"), value)
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
	case "push":
		u.supply.Push(first)
	case "cue":
		u.demand.Cue()
	case "dput":
		u.entries.put(key, value)
		u.entries.lane.Cue(key)
	case "dcue":
		u.entries.lane.Cue(first)
	case "dremove":
		delete(u.entries.all, first.String())
		u.entries.lane.Remove(first)
	case "sput", "smove":
		u.places.put(key, value)
	case "sremove":
		delete(u.places.all, key.String())
	case "sclear":
		clear(u.places.all)
	case "burst":
		u.burst(headers)
	case "info", "warn", "error":
		text, ok := first.Text()
		if !ok {
			text = "hello"
		}
		map[string]func(string, ...any){"info": u.agent.Log().Info, "warn": u.agent.Log().Warn, "error": u.agent.Log().Error}[tag](text)
	case "fail":
		return errors.New("told to fail")
	case "close":
		u.agent.Stop()
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
		case "supply":
			u.supply.Push(recon.Int(i))
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
