package mqtt

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wanted are the subscriptions that bring what families read. A broker may send a message once for each subscription
// that fits it, so none is asked for that others cover.
type wanted struct {
	plain   map[string]map[*member]int // filters without wildcards, and how often each family asks for it
	wild    map[string]map[*member]int // the others
	found   map[string][]*member       // who takes a topic, as far as that has been worked out
	again   map[string]bool            // what is to be subscribed to again, for what the broker has kept there
	changed bool
}

func newWanted(all []*member) *wanted {
	w := &wanted{plain: map[string]map[*member]int{}, wild: map[string]map[*member]int{}, found: map[string][]*member{}, again: map[string]bool{}}
	for _, m := range all {
		w.change(m, nil, m.Filters())
	}
	return w
}

// change takes in that a device's filters are others now.
func (w *wanted) change(m *member, was, now []string) {
	if slices.Equal(was, now) {
		return
	}
	clear(w.found)
	for _, f := range now {
		of := w.of(f)
		if of[f] == nil {
			of[f] = map[*member]int{}
			w.changed = true
		}
		of[f][m]++
	}
	for _, f := range was {
		of := w.of(f)
		if of[f][m]--; of[f][m] == 0 {
			delete(of[f], m)
		}
		if len(of[f]) == 0 {
			delete(of, f)
			w.changed = true
		}
	}
}

// repeat takes in that there is more to be read of what the broker has kept, and has sent already.
func (w *wanted) repeat(filters []string) {
	for _, f := range filters {
		w.again[f], w.changed = true, true
	}
}

// repeated returns what is to be subscribed to again, once.
func (w *wanted) repeated() map[string]bool {
	again := w.again
	w.again = map[string]bool{}
	return again
}

func (w *wanted) of(filter string) map[string]map[*member]int {
	if strings.ContainsAny(filter, "+#") {
		return w.wild
	}
	return w.plain
}

// mostFound is how many topics are remembered with who takes them: there may be any number.
const mostFound = 5000

// takers are those of all who have asked for subscriptions that bring a topic.
func (w *wanted) takers(topic string, all []*member) []*member {
	if found, ok := w.found[topic]; ok {
		return found
	}
	var found []*member
	for _, m := range all {
		if w.brings(m, topic) {
			found = append(found, m)
		}
	}
	if len(w.found) >= mostFound {
		clear(w.found)
	}
	w.found[topic] = found
	return found
}

// brings tells whether a topic comes by a subscription that a family has asked for.
func (w *wanted) brings(m *member, topic string) bool {
	if w.plain[topic][m] > 0 {
		return true
	}
	for f, by := range w.wild {
		if by[m] > 0 && matches(f, topic) {
			return true
		}
	}
	return false
}

func (w *wanted) filters() []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(w.plain)), maps.Keys(w.wild))
}

// matches tells whether a topic comes by a subscription (MQTT 3.1.1, 4.7).
func matches(filter, topic string) bool {
	if topic != "" && topic[0] == '$' && (filter == "" || filter[0] != '$') {
		return false
	}
	for {
		f, restF, moreF := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, restT, moreT := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !moreF || !moreT {
			return moreF == moreT || moreF && restF == "#"
		}
		filter, topic = restF, restT
	}
}

// isFilter tells whether a subscription that a device has asked for may be made: a broker ends the connection over one
// that is none (MQTT 3.1.1, 1.5.3 and 4.7), and again after each connect.
func isFilter(f string) bool {
	if f == "" || len(f) > mostTopic || !utf8.ValidString(f) {
		return false
	}
	for _, r := range f {
		if unicode.IsControl(r) || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
			return false
		}
	}
	levels := strings.Split(f, "/")
	for i, l := range levels {
		if strings.ContainsAny(l, "+#") && (len(l) > 1 || l == "#" && i < len(levels)-1) {
			return false
		}
	}
	first := strings.ToLower(levels[0])
	return first != "$share" && first != "$queue"
}

// only leaves out filters that others cover, and puts the rest in order.
func only(filters []string) []string {
	slices.Sort(filters)
	filters = slices.Compact(filters)
	var wild []string
	for _, f := range filters {
		if strings.ContainsAny(f, "+#") {
			wild = append(wild, f)
		}
	}
	return slices.DeleteFunc(filters, func(f string) bool {
		return slices.ContainsFunc(wild, func(by string) bool { return by != f && covers(by, f) })
	})
}
