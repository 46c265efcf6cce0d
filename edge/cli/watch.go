package cli

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"selvage/edge/recon"
	"selvage/uplink/warp"
)

func (e *env) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "watch URI LANE",
		Short:   "print what a lane holds and each change, until Ctrl-C",
		Example: "  selvage watch /device/air temperature",
		Args:    takes(2, 2),
		RunE:    func(c *cobra.Command, args []string) error { return e.watch(c.Context(), args[0], args[1]) },
	}
}

// Pauses before a lost connection is tried again, as SwimOS clients make them.
const (
	firstRetry = time.Second
	lastRetry  = 15 * time.Second
	moreRetry  = 1.8
)

func (e *env) watch(ctx context.Context, uri, lane string) error {
	node, err := e.aimLane(uri, lane)
	if err != nil {
		return err
	}
	w := &watcher{env: e, node: node, lane: lane, seen: map[string]string{}, fresh: freshness{out: e.err, node: node}}
	return e.endure(ctx, w.once)
}

// endure has once serve one connection after the other until ctx ends, or once returns no error. Once is told
// whether it has stood before, and tells whether it stood. What keeps it from standing the first time
// ends it, and a link that the host refuses.
func (e *env) endure(ctx context.Context, once func(ctx context.Context, again bool) (stood bool, err error)) error {
	again := false
	for pause := firstRetry; ; pause = min(time.Duration(float64(pause)*moreRetry), lastRetry) {
		stood, err := once(ctx, again)
		if ctx.Err() != nil || err == nil {
			return nil
		}
		if _, refused := isUnlinked(err); refused || !stood && !again {
			return err
		}
		if stood {
			again, pause = true, firstRetry
			fmt.Fprintf(e.err, "! connection to %s lost: %v\n", e.host, err)
		}
		select {
		case <-time.After(time.Duration(float64(pause) * (0.5 + rand.Float64()))):
		case <-ctx.Done():
			return nil
		}
	}
}

// watcher prints a lane's changes over any number of connections. What it has printed it does not
// print again when a new connection brings the lane's whole state.
type watcher struct {
	*env
	node, lane string
	fresh      freshness

	syncing bool
	value   *string           // of a value lane, as last printed
	seen    map[string]string // of a map lane: the entries printed, by their key's Recon text
	met     map[string]bool   // keys met in this sync
	list    elements          // of a list lane: the elements as printed
	coming  *elements         // and as they are while another connection tells them anew
}

// once watches over one connection until that ends, and tells whether it stood.
func (w *watcher) once(ctx context.Context, again bool) (stood bool, err error) {
	c, err := w.dial(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close(closeNormal, "")
	f := newFeed()
	defer f.close()
	if _, err := c.Follow(w.node, w.lane, true, f); err != nil {
		return false, unlinked(err)
	}
	mirror := newFeed()
	defer mirror.close()
	if lane := string(warp.MirrorLane); w.lane != lane {
		if _, err := c.Follow(w.node, lane, true, mirror); err != nil {
			return false, err
		}
	}
	if again {
		fmt.Fprintf(w.err, "%s connected again\n", mark(w.err))
	}
	w.begin()
	for {
		select {
		case n := <-f.next:
			switch {
			case n.ended != nil:
				return true, unlinked(n.ended)
			case n.synced:
				err = w.synced()
			default:
				err = w.event(n.body)
			}
			if err != nil {
				return true, err
			}
		case n := <-mirror.next:
			w.fresh.look(n.body)
		case <-ctx.Done():
			return true, nil
		}
	}
}

// begin makes ready for the lane's state over a new connection.
func (w *watcher) begin() {
	w.syncing, w.met, w.coming = true, map[string]bool{}, nil
	if len(w.list.inOrder) > 0 {
		w.coming = &elements{}
	}
}

func (w *watcher) event(body []byte) error {
	ch, err := readChange(body)
	if err != nil {
		return err
	}
	if w.coming != nil {
		w.coming.apply(ch)
		return nil
	}
	ch, done := w.list.apply(ch)
	if !done {
		return nil
	}
	switch ch.kind {
	case setEntry:
		key, text := ch.key.String(), ch.value.String()
		w.met[key] = true
		if was, ok := w.seen[key]; ok && was == text && w.syncing {
			return nil
		}
		w.seen[key] = text
	case removeEntry:
		delete(w.seen, ch.key.String())
	case clearAll:
		clear(w.seen)
	case setValue:
		text := ch.value.String()
		if w.syncing && w.value != nil && *w.value == text {
			return nil
		}
		w.value = &text
	}
	return w.print(ch)
}

// synced finds the entries that went while there was no connection, and what became of a list.
func (w *watcher) synced() error {
	w.syncing = false
	if w.coming != nil {
		want := w.coming
		w.coming = nil
		return w.list.become(want, w.print)
	}
	for key := range w.seen {
		if w.met[key] {
			continue
		}
		delete(w.seen, key)
		k, err := recon.ParseString(key)
		if err == nil {
			err = w.print(change{kind: removeEntry, key: k})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) print(ch change) error {
	now := time.Now()
	if w.json {
		line := []recon.Item{
			recon.Field("time", recon.String(now.Format(time.RFC3339Nano))),
			recon.Field("node", recon.String(w.node)), recon.Field("lane", recon.String(w.lane)),
		}
		return printJSON(w.out, append(line, ch.fields()...)...)
	}
	if r, ok := readingOf(ch.value); ok && r.At.Trusted && ch.kind != moveElement && ch.kind != removeElement {
		now = r.At.Time() // a reading that was there before may be old
	}
	if ch.kind == insertElement && w.syncing {
		ch.kind = setElement // it was there before
	}
	form := time.TimeOnly
	if time.Since(now).Abs() > 12*time.Hour {
		form = time.DateTime
	}
	_, err := fmt.Fprintf(w.out, "%s  %s\n", now.Format(form), ch.words())
	return err
}

func (ch change) fields() []recon.Item {
	yes := recon.Bool(true)
	switch ch.kind {
	case setEntry:
		return []recon.Item{recon.Field("key", ch.key), recon.Field("value", ch.value)}
	case removeEntry:
		return []recon.Item{recon.Field("key", ch.key), recon.Field("removed", yes)}
	case insertElement:
		return append(ch.element(), recon.Field("value", ch.value), recon.Field("inserted", yes))
	case setElement:
		return append(ch.element(), recon.Field("value", ch.value))
	case moveElement:
		return append([]recon.Item{recon.Field("from", recon.Int(int64(ch.from)))}, append(ch.element(), recon.Field("moved", yes))...)
	case removeElement:
		return append(ch.element(), recon.Field("removed", yes))
	case clearAll:
		return []recon.Item{recon.Field("cleared", yes)}
	case dropFirst:
		return []recon.Item{recon.Field("dropped", recon.Int(ch.n))}
	case takeFirst:
		return []recon.Item{recon.Field("taken", recon.Int(ch.n))}
	}
	return []recon.Item{recon.Field("value", ch.value)}
}

func (ch change) element() []recon.Item {
	return []recon.Item{recon.Field("index", recon.Int(int64(ch.index))), recon.Field("key", ch.key)}
}

func (ch change) words() string {
	element := fmt.Sprintf("%d  %s", ch.index, onLine(ch.value))
	switch ch.kind {
	case setElement:
		return element
	case insertElement:
		return element + "  (inserted)"
	case moveElement:
		return fmt.Sprintf("%s  (moved from %d)", element, ch.from)
	case removeElement:
		return element + "  (removed)"
	case setEntry:
		return onLine(ch.key) + "  " + onLine(ch.value)
	case removeEntry:
		return onLine(ch.key) + "  (removed)"
	case clearAll:
		return "(all removed)"
	case dropFirst:
		return fmt.Sprintf("(first %d removed)", ch.n)
	case takeFirst:
		return fmt.Sprintf("(all but the first %d removed)", ch.n)
	}
	return onLine(ch.value)
}
