package meta

import (
	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/recon"
)

// table makes a map lane that shows what rows returns, by the keys of its slots.
func (v *view) table(name string, rows func() []recon.Item) {
	l := agent.Map[recon.Value, recon.Value](v.a, name).Transient().ReadOnly()
	v.keep(&l.Lane, func() {
		there := map[string]bool{}
		for _, row := range rows() {
			there[row.Key.String()] = true
			if was, ok := l.Get(row.Key); !ok || recon.Compare(was, row.Value) != 0 {
				l.Set(row.Key, row.Value)
			}
		}
		for key := range l.All() {
			if !there[key.String()] {
				l.Remove(key)
			}
		}
	})
}

func meshes() []recon.Item {
	return []recon.Item{recon.Slot(recon.String(""), recon.Record(
		recon.Field("meshUri", recon.String("")),
		recon.Field("gatewayPartKey", recon.Extant()),
		recon.Field("ourselfPartKey", recon.String(own)),
		recon.Field("partCount", recon.Int(2)),
	))}
}

func parts() (rows []recon.Item) {
	for _, key := range []recon.Value{recon.Extant(), recon.String(own)} {
		rows = append(rows, recon.Slot(key, recon.Record(
			recon.Field("partKey", key),
			recon.Field("predicate", recon.Extant()),
			recon.Field("hostCount", recon.Int(1)),
		)))
	}
	return rows
}

func (v *view) hosts() []recon.Item {
	nodes := int64(0)
	for a := range v.host.Nodes() {
		if v.has(a.URI()) {
			nodes++
		}
	}
	return []recon.Item{recon.Slot(recon.String(""), recon.Record(
		recon.Field("hostUri", recon.String("")),
		recon.Field("connected", recon.Bool(true)),
		recon.Field("secure", recon.Bool(true)), // SwimOS says so of every host that is its own
		recon.Field("nodeCount", recon.Int(nodes)),
	))}
}

// uplinks are the links that others have to the lane. Who they are is not told: anybody may ask.
func (v *view) uplinks() (rows []recon.Item) {
	a, ok := v.host.Node(v.place.node)
	if !ok {
		return nil
	}
	l := a.Lane(v.place.lane)
	if l == nil {
		return nil
	}
	for _, id := range host.Links(l) {
		key := recon.Int(int64(id))
		rows = append(rows, recon.Slot(key, recon.Record(
			recon.Field("linkKey", key),
			recon.Field("connected", recon.Bool(true)),
			recon.Field("secure", recon.Bool(false)), // this host's listener has no TLS
		)))
	}
	return rows
}
