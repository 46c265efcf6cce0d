package meta

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/host"
	"selvage/edge/route"
)

// Activities is the value of the lane agents of swim:meta:ps/…: how the agents do that were asked for.
// Not in SwimOS, which has a pulse for each node.
type Activities struct {
	At     time.Time  `recon:"at"`    // ms since 1970, as all times here
	Total  int        `recon:"total"` // of them, also those that are not listed
	Agents []Activity `recon:"agents"`
}

// Activity says how one agent does. Durations are in ns.
type Activity struct {
	URI       string    `recon:"uri"`
	Kind      string    `recon:"kind"`
	State     string    `recon:"state"`
	Turn      int64     `recon:"turn,omitempty"` // of a turn over its budget, so far
	Busy      int64     `recon:"busy,omitempty"` // in turns since it was made
	Commands  uint64    `recon:"commands,omitempty"`
	Mail      int       `recon:"mail,omitempty"` // pieces that wait for a turn, of
	MailBytes int       `recon:"mailBytes,omitempty"`
	Up        int       `recon:"up,omitempty"`   // links of others to its lanes
	Down      int       `recon:"down,omitempty"` // its links to lanes
	Restarts  uint64    `recon:"restarts,omitempty"`
	Since     time.Time `recon:"since"`
}

// Asking is which agents somebody wants to see, and in which order.
type Asking struct {
	Sort  string // a key of orders
	Limit int    // of agents that are listed
	Glob  string // of their URIs; "" for all but those of this package
}

// MostAsked is the largest limit. What is listed has to fit one message, so there may be less.
const MostAsked = 3000

const maxListed = 768 << 10 // bytes of all that is listed, about

// orders tell whether a comes before b; where neither does, the URI decides.
var orders = map[string]func(a, b *Activity) int{
	"uri":  func(_, _ *Activity) int { return 0 },
	"busy": func(a, b *Activity) int { return cmp.Or(cmp.Compare(b.Turn, a.Turn), cmp.Compare(b.Busy, a.Busy)) },
	"mail": func(a, b *Activity) int {
		return cmp.Or(cmp.Compare(b.Mail, a.Mail), cmp.Compare(b.MailBytes, a.MailBytes))
	},
	"restarts": func(a, b *Activity) int { return cmp.Compare(b.Restarts, a.Restarts) },
}

const asking = scheme + "meta:ps/"

// Node is the node whose lane agents answers.
func (q Asking) Node() string {
	return asking + q.Sort + "/" + strconv.Itoa(q.Limit) + "/" + route.Escape(q.Glob)
}

// asked is the reverse of Asking.Node.
func asked(uri route.NodeURI) (q Asking, glob *route.Glob, ok bool) {
	text, ok := strings.CutPrefix(string(uri), asking)
	parts := strings.Split(text, "/")
	if !ok || len(parts) != 3 || orders[parts[0]] == nil {
		return q, nil, false
	}
	q.Sort = parts[0]
	var err error
	if q.Limit, err = strconv.Atoi(parts[1]); err != nil || q.Limit < 1 || q.Limit > MostAsked {
		return q, nil, false
	}
	if q.Glob, err = url.PathUnescape(parts[2]); err != nil {
		return q, nil, false
	}
	if q.Glob != "" {
		g, err := route.ParseGlob(q.Glob)
		if err != nil {
			return q, nil, false
		}
		glob = &g
	}
	return q, glob, true
}

// setupAsked makes the view of an Asking. However many agents there are, it holds those that are listed only.
func (m *model) setupAsked(a *agent.Agent, uri route.NodeURI) error {
	q, glob, _ := asked(uri)
	v := &view{model: m, a: a}
	l := agent.Value(a, "agents", Activities{}).Transient().ReadOnly()
	v.keep(&l.Lane, func() { l.Set(m.list(q, glob)) })
	return nil
}

func (m *model) list(q Asking, glob *route.Glob) (all Activities) {
	all.At = time.Now().Truncate(time.Millisecond)
	wanted := func(node route.NodeURI) bool {
		if glob != nil {
			return glob.Match(node)
		}
		return place{}.has(node)
	}
	best := &activities{before: orders[q.Sort], limit: q.Limit}
	var one Activity     // in turn each, so that a million of them are no work for the garbage collector
	if q.Sort == "uri" { // then the load of those that are not listed need not be known
		for a := range m.host.Nodes() {
			if wanted(a.URI()) {
				all.Total++
				one.URI = string(a.URI())
				best.take(&one)
			}
		}
		for i, a := range best.sorted() {
			l, ok := m.host.Load(route.NodeURI(a.URI))
			if !ok { // it has ended just now
				l = host.Load{State: "stopped", Created: all.At}
			}
			best.all[i] = activity(a.URI, l)
		}
	} else {
		for a, l := range m.host.Loads() {
			if wanted(a.URI()) {
				all.Total++
				one = activity(string(a.URI()), l)
				best.take(&one)
			}
		}
	}
	all.Agents = best.sorted()
	bytes := 0
	for i := range all.Agents {
		is := &all.Agents[i]
		if a, ok := m.host.Node(route.NodeURI(is.URI)); ok {
			is.Kind = strings.Join(a.Kinds(), "+")
		}
		const row = 220 // bytes beside the URI and the kind
		if bytes += row + len(is.URI) + len(is.Kind); bytes > maxListed {
			all.Agents = all.Agents[:i]
			break
		}
	}
	return all
}

func activity(uri string, l host.Load) Activity {
	return Activity{
		URI: uri, State: l.State, Turn: int64(l.Turn), Busy: int64(l.Busy), Commands: l.Up.Commands,
		Mail: l.Mail, MailBytes: l.MailBytes, Up: l.Up.Links, Down: l.Down.Links, Restarts: l.Restarts, Since: l.Created,
	}
}

// activities are the first ones of all it takes. It has up to twice as many as it will keep, so that few are
// sorted often.
type activities struct {
	all    []Activity
	limit  int
	before func(a, b *Activity) int
	cut    bool // the first limit are sorted, and there were more
}

func (h *activities) take(a *Activity) {
	if h.cut && h.compare(a, &h.all[h.limit-1]) > 0 {
		return
	}
	h.all = append(h.all, *a)
	if len(h.all) == 2*h.limit {
		h.sorted()
		h.cut = true
	}
}

// sorted returns what is kept, in order.
func (h *activities) sorted() []Activity {
	slices.SortFunc(h.all, func(a, b Activity) int { return h.compare(&a, &b) })
	h.all = h.all[:min(h.limit, len(h.all))]
	return h.all
}

func (h *activities) compare(a, b *Activity) int {
	if first := h.before(a, b); first != 0 {
		return first
	}
	return strings.Compare(a.URI, b.URI)
}
