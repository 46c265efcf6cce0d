package config

import (
	"reflect"
	"strings"

	"selvage/edge/route"
	"selvage/uplink"
)

// uplinkKeys are the keys of every [uplink.NAME], whatever its kind.
type uplinkKeys struct {
	_    struct{} `doc:"A way out, to a broker or to another host; the agent /uplink/NAME shows how it does."`
	Kind string   `doc:"what it speaks"`
}

// maker is the Config of an uplink that makes twins of what it finds at its other end, so that
// agents may speak of devices that no table configures.
type maker interface {
	// Makes reports whether the uplink may make an agent at the node. It is asked of a Config in
	// which Check found nothing wrong, and says yes where only run time can tell.
	Makes(node route.NodeURI) bool
}

// anything is what an uplink may make whose table is not understood.
func anything(route.NodeURI) bool { return true }

func (p *planner) uplink(name string, t *table) {
	p.uplinks[name] = t
	p.nameRight("an uplink", name, t, "cloud")

	kind, known := uplink.Lookup(p.nameOf(t, "kind", uplink.Kinds(), kindByURL(t)))
	if !known {
		p.makers = append(p.makers, anything)
		return // which keys it takes is not known
	}
	before := len(p.doc.faults)
	var keys uplinkKeys
	var fs fields
	config := copyOf(kind.Defaults)
	fs.add(reflect.ValueOf(&keys).Elem())
	fs.add(config)
	p.doc.fill(t, fs)
	p.doc.settle(fs)
	p.doc.check(config, t)
	if m, ok := config.Addr().Interface().(maker); ok {
		makes := m.Makes
		if !p.clean || len(p.doc.faults) > before {
			makes = anything
		}
		p.makers = append(p.makers, makes)
	}
	p.plan.Uplinks = append(p.plan.Uplinks, Uplink{
		Spec: uplink.Spec{Name: name, Kind: kind.Name, Config: config.Interface()},
		Pos:  p.pos(t),
	})
}

// kindByURL returns the kind that is named like the scheme of the table's url, with or without
// the s of TLS, or "".
func kindByURL(t *table) string {
	e := t.get("url")
	if e == nil || e.value.kind != text {
		return ""
	}
	scheme, _, _ := strings.Cut(e.value.text, "://")
	scheme = strings.ToLower(scheme)
	for _, kind := range uplink.Kinds() {
		if scheme == kind || scheme == kind+"s" {
			return kind
		}
	}
	return ""
}
