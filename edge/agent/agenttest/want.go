package agenttest

import (
	"math"
	"slices"
	"strings"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
)

// Want checks what a lane holds. Want is anything that has a Recon form: for a map lane a Go map. Whole numbers are the
// same if they are equal, others if they differ by no more than one part in a billion, whatever their type.
//
// A lane of readings is compared with a plain number, boolean or text by its value, and is then expected not to be
// bad; with a device.Reading by value, unit and quality, of a bad one by its quality and by the words of its reason.
func (w *World) Want(node, lane string, want any) {
	w.T.Helper()
	got := w.read(node, lane)
	if r, ok := want.(device.Reading); ok {
		w.wantReading(node, lane, got, r)
		return
	}
	expected := w.value(want)
	if expected.Kind() != recon.KindRecord && isReading(got) {
		var r device.Reading
		if err := r.LoadRecon(got); err == nil && !r.Bad() {
			got = got.Get("value")
		}
	}
	if !alike(got, expected) {
		w.T.Errorf("%s: %s %s is %s, want %s", w.at(), node, lane, got, expected)
	}
}

func (w *World) wantReading(node, lane string, v recon.Value, want device.Reading) {
	w.T.Helper()
	var got device.Reading
	err := got.LoadRecon(v)
	if got.IsZero() {
		got = device.Reading{Quality: device.Bad, Reason: got.String()}
	}
	same := err == nil && got.Quality == want.Quality && strings.Contains(got.Reason, want.Reason)
	if want.Quality < device.Bad {
		same = same && near(got.Value, want.Value) && got.Unit == want.Unit && got.Text == want.Text && got.Form == want.Form
	}
	if !same {
		text, _ := want.AppendRecon(nil)
		w.T.Errorf("%s: %s %s is %s, want %s", w.at(), node, lane, v, text)
	}
}

// WantHealth checks that the host shows as many conditions as there are words, each with its words in its
// text; without any, that nothing is wrong.
func (w *World) WantHealth(words ...string) {
	w.T.Helper()
	var texts []string
	for _, c := range w.Health() {
		texts = append(texts, c.Text)
	}
	same := len(texts) == len(words)
	for _, want := range words {
		same = same && strings.Contains(strings.Join(texts, "\n"), want)
	}
	if !same {
		w.T.Errorf("%s: the host's conditions are %q, want %q", w.at(), texts, words)
	}
}

// Get returns what a value lane holds, as a T.
func Get[T any](w *World, node, lane string) T {
	w.T.Helper()
	return load[T](w, node, lane, w.read(node, lane))
}

// Entries returns what a map lane holds.
func Entries[K comparable, V any](w *World, node, lane string) map[K]V {
	w.T.Helper()
	return load[map[K]V](w, node, lane, w.read(node, lane))
}

func load[T any](w *World, node, lane string, v recon.Value) T {
	w.T.Helper()
	codec, err := recon.CodecOf[T]()
	if err != nil {
		w.T.Fatal(err)
	}
	t, err := codec.Load(v)
	if err != nil {
		w.T.Fatalf("%s: %s %s is %s: %v", w.at(), node, lane, v, err)
	}
	return t
}

// read returns what a lane holds: of a map lane a record with a slot for each entry, of a list lane one with
// an item for each element.
func (w *World) read(node, lane string) recon.Value {
	w.T.Helper()
	state, err := w.running().Read(w.T.Context(), route.NodeURI(node), route.LaneName(lane))
	if err != nil {
		w.T.Fatalf("%s: %v; %s", w.at(), err, w.known(node))
	}
	switch state.Kind {
	case agent.ValueKind, agent.DemandKind:
		return w.parse(string(last(state)))
	case agent.CommandKind, agent.SupplyKind, agent.HTTPKind:
		w.T.Fatalf("%s: %s %s is a %s lane, which holds nothing", w.at(), node, lane, state.Kind)
	}
	var items []recon.Item
	for _, event := range state.Events {
		v := w.parse(string(event))
		switch state.Kind {
		case agent.MapKind, agent.DemandMapKind:
			items = append(items, recon.Slot(v.Header("update").Get("key"), v.Body()))
		default:
			items = append(items, recon.Item{Value: v.Body()})
		}
	}
	return recon.Record(items...)
}

func last(s host.State) []byte {
	if len(s.Events) == 0 {
		return nil
	}
	return s.Events[len(s.Events)-1]
}

// known names the lanes of an agent, or the agents there are, for who has misspelt one.
func (w *World) known(node string) string {
	var names []string
	if a, ok := w.host.Node(route.NodeURI(node)); ok {
		for _, l := range a.Lanes() {
			names = append(names, string(l.Name()))
		}
		return "it has " + strings.Join(names, ", ")
	}
	for a := range w.host.Nodes() {
		names = append(names, string(a.URI()))
	}
	slices.Sort(names)
	return "there are " + strings.Join(names, ", ")
}

func (w *World) value(v any) recon.Value {
	w.T.Helper()
	text, err := recon.Marshal(v)
	if err != nil {
		w.T.Fatalf("%s: %v has no Recon form: %v", w.at(), v, err)
	}
	return w.parse(string(text))
}

func (w *World) parse(text string) recon.Value {
	w.T.Helper()
	v, err := recon.Parse([]byte(text))
	if err != nil {
		w.T.Fatalf("%s: %v", w.at(), err)
	}
	return v
}

func isReading(v recon.Value) bool {
	return v.Kind() == recon.KindRecord && v.Get("quality").Kind() == recon.KindText
}

// alike reports whether two values are the same, but for the last digits of numbers and the order of slots.
func alike(a, b recon.Value) bool {
	i, isWhole := a.Int()
	j, areWhole := b.Int()
	if isWhole && areWhole {
		return i == j
	}
	x, isX := a.Float()
	y, isY := b.Float()
	if isX && isY {
		return near(x, y)
	}
	if a.Kind() != recon.KindRecord || b.Kind() != recon.KindRecord {
		return recon.Equal(a, b)
	}
	as, bs := a.Items(), b.Items()
	if len(as) != len(bs) {
		return false
	}
	for i, it := range as {
		j := i
		if it.Kind == recon.SlotItem {
			j = slices.IndexFunc(bs, func(o recon.Item) bool { return o.Kind == it.Kind && recon.Equal(o.Key, it.Key) })
		}
		if j < 0 || bs[j].Kind != it.Kind || !recon.Equal(it.Key, bs[j].Key) || !alike(it.Value, bs[j].Value) {
			return false
		}
	}
	return true
}

func near(x, y float64) bool {
	return x == y || math.Abs(x-y) <= 1e-9*max(math.Abs(x), math.Abs(y), 1)
}
