package conformance_test

import (
	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// anyAgg has an agent that joins lanes of units made on the first touch of any /agg/:id.
func anyAgg(h *host.Host) error {
	aggs, err := route.ParsePattern("/agg/:id")
	if err != nil {
		return err
	}
	return h.Route(aggs, agent.NewKind("agg", struct{}{}, agg), nil, nil)
}

// agg is the application's agent behind the sessions join-value and join-map.
func agg(a *agent.Agent, _ struct{}) error {
	values := agent.JoinValue[recon.Value, recon.Value](a, "joinValue")
	entries := agent.JoinMap[recon.Value, recon.Value](a, "joinMap")
	agent.Command(a, "join", func(v recon.Value) error {
		tag := v.Tag()
		text := func(name string) string {
			s, _ := v.Header(tag).Get(name).Text()
			return s
		}
		switch key := v.Header(tag).Get("key"); tag {
		case "value":
			values.Link(key, text("node"), text("lane"))
		case "map":
			entries.Link(text("node"), text("lane"))
		case "unvalue":
			values.Unlink(key)
		}
		return nil
	})
	return nil
}
