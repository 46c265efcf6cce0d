package conformance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"selvage/edge/recon"
	"selvage/edge/warp"
)

// A burst is a turn in which more was sent than one frame, or read after a pause. What links then say of a value or a map
// lane depends on how fast who was: of values the last is promised, of maps the state that they come
// to. In all other turns, and on all other lanes, every frame counts.
type burst struct {
	r     *replay
	loose bool
	sets  map[string][]string // of value lanes in this turn, and before while somebody did not read; what they held before first
}

var kinds = map[string]string{
	"value": "value", "preset": "value", "persist": "value", "text": "value",
	"map": "map", "counts": "map",
}

var starts = map[string]string{"preset": "42"}

func newBurst(r *replay, now *turn) *burst {
	b := &burst{r: r, sets: r.backlog}
	if b.sets == nil {
		b.sets = map[string][]string{}
	}
	frames := 0
	for _, s := range now.do {
		b.loose = b.loose || s.Event == resumes
		var e warp.Envelope
		if s.Frame == "" || s.Fragment != nil || s.Binary || warp.Scan([]byte(whole(s)), &e) != nil {
			continue
		}
		frames++
		all := sets(&e)
		b.loose = b.loose || frames > 1 || len(all) > 1
		for _, s := range all {
			if b.sets[s.link] == nil {
				b.sets[s.link] = []string{r.held(s.link)}
			}
			b.sets[s.link] = append(b.sets[s.link], s.body)
		}
	}
	return b
}

func (r *replay) held(link string) string {
	if v, set := r.values[link]; set {
		return v
	}
	_, lane, _ := strings.Cut(link, " ")
	return starts[lane]
}

// set is a value that a value lane was given.
type set struct{ link, body string }

// sets are the values that an envelope gives to a lane.
func sets(e *warp.Envelope) (all []set) {
	if e.Tag != warp.Command {
		return nil
	}
	body, err := recon.Parse(e.Body)
	if err != nil {
		return nil
	}
	if lane := string(e.Lane); kinds[lane] == "value" {
		return []set{{link(e), body.String()}}
	} else if lane != "command" || body.Tag() != "burst" {
		return nil
	}
	headers := body.Header("burst")
	if kind, _ := headers.Get("kind").Text(); kind != "value" {
		return nil
	}
	n, _ := headers.Get("n").Int()
	for i := range n {
		all = append(all, set{string(e.Node) + " value", fmt.Sprint(i)})
	}
	return all
}

func link(e *warp.Envelope) string { return string(e.Node) + " " + string(e.Lane) }

// account is what a connection was told in a turn, in a form in which two that amount to the same
// are the same. who tells the two whose frames these are apart.
func (b *burst) account(conn int, who string, frames []string) string {
	links := map[string][]string{}
	for _, f := range frames {
		key := ""
		var e warp.Envelope
		switch err := warp.Scan([]byte(f), &e); {
		case strings.HasPrefix(f, "close "):
			key = "~" // behind all others
		case err == nil:
			key = link(&e)
		}
		links[key] = append(links[key], f)
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(links)) {
		_, lane, _ := strings.Cut(key, " ")
		name := fmt.Sprint(who, " ", conn, " ", key)
		m := b.r.models[name]
		if m == nil {
			m = &model{}
			b.r.models[name] = m
		}
		for _, f := range links[key] {
			m.hear(f)
		}
		switch {
		case b.loose && kinds[lane] == "value":
			all = append(all, m.said(links[key])...)
			if at := b.illegal(key, links[key]); at != "" {
				all = append(all, "out of order: "+at)
			}
		case b.loose && kinds[lane] == "map":
			all = append(all, m.said(links[key])...)
		default:
			all = append(all, links[key]...)
		}
	}
	return strings.Join(all, "\n")
}

// illegal finds an event that a value lane was never set to, or not at that time.
func (b *burst) illegal(link string, frames []string) string {
	allowed := b.sets[link]
	if allowed == nil {
		allowed = []string{b.r.held(link)}
	}
	for _, f := range frames {
		body, isEvent := eventBody(f)
		if !isEvent {
			continue
		}
		i := slices.Index(allowed, body)
		if i < 0 {
			return f
		}
		allowed = allowed[i:]
	}
	return ""
}

func eventBody(f string) (body string, isEvent bool) {
	var e warp.Envelope
	if warp.Scan([]byte(f), &e) != nil || e.Tag != warp.Event {
		return "", false
	}
	v, err := recon.Parse(e.Body)
	if err != nil {
		return "not Recon: " + f, true
	}
	return v.String(), true
}

// model is what a link knows of its lane.
type model struct {
	linked  bool
	last    string
	entries []entry // in the order of a map lane
}

type entry struct {
	key recon.Value
	val string
}

func (e entry) String() string { return e.key.String() + ": " + e.val }

// said is what the frames come to: how the link went, and what it knows if it is still there.
func (m *model) said(frames []string) (all []string) {
	for _, f := range frames {
		if _, isEvent := eventBody(f); !isEvent {
			all = append(all, f)
		}
	}
	if m.linked {
		all = append(all, fmt.Sprintf("then it knows %s %v", m.last, m.entries))
	}
	return all
}

func (m *model) hear(f string) {
	var e warp.Envelope
	if warp.Scan([]byte(f), &e) != nil {
		return
	}
	switch e.Tag {
	case warp.Linked:
		if !m.linked {
			*m = model{linked: true}
		}
	case warp.Unlinked:
		m.linked = false
	case warp.Event:
		if kinds[string(e.Lane)] == "map" {
			m.apply(e.Body)
		} else {
			m.last, _ = eventBody(f)
		}
	}
}

func (m *model) apply(body []byte) {
	v, err := recon.Parse(body)
	if err != nil {
		return
	}
	headers := v.Header(v.Tag())
	n := 0
	if all := headers.Items(); len(all) > 0 {
		i, _ := all[0].Value.Int()
		n = min(max(int(i), 0), len(m.entries))
	}
	at, found := slices.BinarySearchFunc(m.entries, headers.Get("key"), func(e entry, key recon.Value) int {
		return recon.Compare(e.key, key)
	})
	switch v.Tag() {
	case "update":
		if !found {
			m.entries = slices.Insert(m.entries, at, entry{key: headers.Get("key")})
		}
		m.entries[at].val = v.Body().String()
	case "remove":
		if found {
			m.entries = slices.Delete(m.entries, at, at+1)
		}
	case "drop":
		m.entries = slices.Clone(m.entries[n:])
	case "take":
		m.entries = slices.Clone(m.entries[:n])
	case "clear":
		m.entries = nil
	}
}
