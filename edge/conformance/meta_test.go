package conformance_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"selvage/edge/agent"
	"selvage/edge/conformance"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/warp"
	"selvage/edge/web"
)

// metaUnit is as much of the application as the sessions about introspection see.
func metaUnit(a *agent.Agent, _ struct{}) error {
	agent.Value(a, "value", recon.Value{}).Transient()
	agent.Value(a, "preset", recon.Int(42)).Transient()
	agent.Value(a, "persist", recon.Value{})
	agent.Value(a, "text", recon.Value{}).Transient()
	agent.Map[recon.Value, recon.Value](a, "map").Transient()
	agent.Map[recon.Value, recon.Value](a, "counts").Transient()
	agent.List[recon.Value](a, "list").Transient()
	agent.Supply[recon.Value](a, "supply")
	agent.Supply[recon.Value](a, "log")
	agent.Demand(a, "demand", func() int { return 0 })
	none := func() iter.Seq[int] { return func(func(int) bool) {} }
	agent.DemandMap(a, "demandMap", none, func(int) (int, bool) { return 0, false })
	agent.HTTP(a, "http", agent.Handlers{})
	nothing := func(recon.Value) error { return nil }
	agent.Command(a, "echo", nothing)
	agent.Command(a, "typedCommand", nothing)
	agent.Command(a, "command", func(v recon.Value) error {
		text, ok := v.Header(v.Tag()).Index(0).Text()
		if !ok {
			text = "hello"
		}
		switch v.Tag() {
		case "info":
			a.Log().Info(text)
		case "warn":
			a.Log().Warn(text)
		case "error":
			a.Log().Error(text)
		case "fail":
			panic(errors.New("requested failure"))
		}
		return nil
	})
	return nil
}

// missing are the lanes of the application that there are no kinds for.
var missing = []string{"spatial"}

// In these sessions stamps, load and the order of what is listed are anything.
func TestMetaSessions(t *testing.T) {
	for _, name := range []string{"meta-host", "meta-lane", "meta-node", "meta-tree"} {
		s := session(t, name)
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				w := start(t, &web.Listener{Listener: p}, listeners[s.Listener], func(h *host.Host) error {
					units, err := route.ParsePattern("/unit/:id")
					if err != nil {
						return err
					}
					return h.Route(units, agent.NewKind("conf.UnitAgent", struct{}{}, metaUnit), nil, nil)
				})
				w.dial = p.dial
				if name == "meta-tree" { // recorded last: the node is there already
					if _, err := w.Read(t.Context(), "/unit/t-meta", "preset"); err != nil {
						t.Fatal(err)
					}
				}
				check := conformance.New(t, "sessions/"+s.Name, conformance.Differences)
				replayMeta(t, w, s, check)
				check.Complete()
			})
		})
	}
}

func replayMeta(t *testing.T, w *world, s conformance.Session, check *conformance.Checker) {
	r := replay{t: t, w: w, session: s, clients: map[int]*client{}, paused: map[int]bool{},
		nodes: map[route.NodeURI]bool{}, values: map[string]string{}, models: map[string]*model{}}
	for _, now := range answered(turns(s)) {
		var asked []string // pulses that are due whatever the time
		for _, step := range now.do {
			var e warp.Envelope
			if warp.Scan([]byte(step.Frame), &e) == nil && e.Tag == warp.Sync && string(e.Lane) == "pulse" {
				node, _, _ := route.Node("/", string(e.Node))
				asked = append(asked, string(node))
			}
			r.act(step)
		}
		synctest.Wait()
		for conn, c := range r.clients {
			check.Same(fmt.Sprintf("line %d", now.do[0].Line), known(now.want[conn], asked), known(c.take(), asked))
		}
	}
}

// answered joins a turn in which something was asked and nothing answered, by a server that had only
// just started, with the one after it.
func answered(all []*turn) (joined []*turn) {
	for _, now := range all {
		if last := len(joined) - 1; last >= 0 && len(joined[last].want) == 0 && strings.HasPrefix(joined[last].do[0].Frame, "@sync") {
			now.do = append(joined[last].do, now.do...)
			joined = joined[:last]
		}
		joined = append(joined, now)
	}
	return joined
}

// known makes frames that differ in nothing but what may be anything the same.
func known(frames []string, asked []string) string {
	var all []string
	from := -1 // of entries that may come in any order
	for _, f := range frames {
		var e warp.Envelope
		if warp.Scan([]byte(f), &e) != nil || e.Tag != warp.Event {
			all, from = append(all, f), -1
			continue
		}
		body, _ := recon.Parse(e.Body)
		lane := string(e.Lane)
		switch {
		case lane == "pulse" && !slices.Contains(asked, string(e.Node)):
			continue
		case lane == "pulse":
			body = withoutLoad(body, "")
		case lane == "lanes" && slices.Contains(missing, keyOf(body)):
			continue
		case lane == "failLog":
			body = recon.Record(body.Items()[:2]...)
		}
		if strings.HasPrefix(string(e.Node), "swim:") {
			body = withoutStamps(body)
		}
		f = string(warp.AppendBody(warp.AppendHead(nil, warp.Event, string(e.Node), lane, 0, 0), recon.Append(nil, body)))
		if lane != "nodes" && lane != "lanes" && lane != "parts" {
			all, from = append(all, f), -1
			continue
		}
		if from < 0 {
			from = len(all)
		}
		all = append(all, f)
		slices.Sort(all[from:])
	}
	slices.SortStableFunc(all, func(a, b string) int { return strings.Compare(linkOf(a), linkOf(b)) }) // between links there is no order
	return strings.Join(all, "\n")
}

func linkOf(frame string) string {
	var e warp.Envelope
	if warp.Scan([]byte(frame), &e) != nil {
		return ""
	}
	return string(e.Node) + " " + string(e.Lane)
}

func keyOf(body recon.Value) string {
	key, _ := body.Header("update").Get("key").Text()
	return key
}

// withoutStamps sets times to 0.
func withoutStamps(v recon.Value) recon.Value {
	items := v.Items()
	if items == nil {
		return v
	}
	items = slices.Clone(items)
	for i, it := range items {
		if name, _ := it.Key.Text(); name == "created" || name == "time" {
			items[i].Value = recon.Int(0)
		} else {
			items[i].Value = withoutStamps(it.Value)
		}
	}
	return recon.Record(items...)
}

// withoutLoad keeps of a pulse the names of what is there whatever the load.
func withoutLoad(v recon.Value, within string) recon.Value {
	var kept []recon.Item
	for _, it := range v.Items() {
		name, _ := it.Key.Text()
		switch within + name {
		case "agents", "system":
			kept = append(kept, recon.Slot(it.Key, withoutLoad(it.Value, name+".")))
		case "meshCount", "partCount", "hostCount", "nodeCount", "agents.agentCount", "system.cpuTotal", "system.memUsage",
			"system.memTotal", "system.diskUsage", "system.diskTotal", "system.startTime":
			kept = append(kept, recon.Slot(it.Key, recon.Extant()))
		case "downlinks", "uplinks", "agents.execRate", "agents.execTime", "system.cpuUsage":
		default:
			kept = append(kept, it) // unheard of
		}
	}
	return recon.Record(kept...)
}
