package mqtt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"selvage/edge/health"
	"selvage/edge/leaktest"
)

func TestLoops(t *testing.T) {
	start := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		rounds int
		turn   func(l *loops, i int, at time.Time) bool
		want   int // the round that is the first to be a loop; -1 for none
	}{
		"there and back": {20, func(l *loops, _ int, at time.Time) bool {
			l.note("a", []byte("on"), at)
			return l.seen("a", []byte("on"), at.Add(10*time.Millisecond))
		}, loopRounds - 1},
		"slowly": {20, func(l *loops, i int, at time.Time) bool {
			at = at.Add(time.Duration(i) * 3 * time.Second)
			l.note("a", []byte("on"), at)
			return l.seen("a", []byte("on"), at.Add(3*time.Second))
		}, loopRounds - 1},
		"read on purpose, as often as it is measured": {20, func(l *loops, i int, at time.Time) bool {
			at = at.Add(time.Duration(i) * time.Second)
			l.note("a", []byte("21.5"), at)
			return l.seen("a", []byte("21.5"), at.Add(10*time.Millisecond))
		}, -1},
		"read on purpose, and toggling": {40, func(l *loops, i int, at time.Time) bool {
			payload := []byte([]string{"on", "off"}[i%2])
			at = at.Add(time.Duration(i) * time.Second)
			l.note("a", payload, at)
			return l.seen("a", payload, at.Add(10*time.Millisecond))
		}, -1},
		"on another topic, too": {20, func(l *loops, i int, at time.Time) bool {
			l.note("a", []byte("on"), at)
			l.note("b", fmt.Append(nil, i), at)
			return l.seen("a", []byte("on"), at)
		}, loopRounds - 1},
		"not the first that is published": {20, func(l *loops, i int, at time.Time) bool {
			l.note("a", fmt.Append(nil, min(i, 3)), at)
			return l.seen("a", fmt.Append(nil, min(i, 3)), at)
		}, 3 + loopRounds - 1},
		"two that alternate": {20, func(l *loops, i int, at time.Time) bool {
			payload := []byte([]string{"on", "off"}[i%2])
			l.note("a", payload, at)
			return l.seen("a", payload, at)
		}, -1}, // for they look like one that toggles
		"among others": {20, func(l *loops, i int, at time.Time) bool {
			l.note("a", []byte("on"), at)
			for j := range loopMost / 2 {
				l.note(fmt.Sprint("b", i, j), []byte("on"), at)
			}
			return l.seen("a", []byte("on"), at)
		}, loopRounds - 1},
		"nobody publishes":   {20, func(l *loops, _ int, at time.Time) bool { return l.seen("a", []byte("on"), at) }, -1},
		"nothing comes back": {20, func(l *loops, _ int, at time.Time) bool { l.note("a", []byte("on"), at); return false }, -1},
		"another topic": {20, func(l *loops, _ int, at time.Time) bool {
			l.note("a", []byte("on"), at)
			return l.seen("b", []byte("on"), at)
		}, -1},
		"another payload": {20, func(l *loops, i int, at time.Time) bool {
			l.note("a", fmt.Append(nil, i), at)
			return l.seen("a", fmt.Append(nil, i), at)
		}, -1},
		"one of a longer name": {20, func(l *loops, _ int, at time.Time) bool { l.note("a", []byte("b"), at); return l.seen("ab", nil, at) }, -1},
		"once, and much later again": {20, func(l *loops, i int, at time.Time) bool {
			at = at.Add(time.Duration(i) * time.Minute)
			l.note("a", []byte("on"), at)
			return l.seen("a", []byte("on"), at)
		}, -1},
		"back too late": {20, func(l *loops, _ int, at time.Time) bool {
			l.note("a", []byte("on"), at)
			return l.seen("a", []byte("on"), at.Add(loopTime+1))
		}, -1},
		"one, and many of it come": {20, func(l *loops, i int, at time.Time) bool {
			if i == 0 {
				l.note("a", []byte("on"), at)
			}
			return l.seen("a", []byte("on"), at)
		}, -1},
	} {
		l, found := &loops{}, -1
		for i := range c.rounds {
			if c.turn(l, i, start.Add(time.Duration(i)*20*time.Millisecond)) {
				found = i
				break
			}
		}
		if found != c.want {
			t.Errorf("%s: a loop in round %d, want %d", name, found, c.want)
		}
		if n := len(l.now) + len(l.old); n > 2*loopMost {
			t.Errorf("%s: %d are remembered", name, n)
		}
	}
}

// Four uplinks that hand each other what they read are a loop that no check of one config finds.
func TestLoop(t *testing.T) {
	leaktest.Check(t)
	first, second := startBroker(t), startBroker(t)
	e := newEdge(t, t.TempDir())
	reads := func(topic, device string) map[string]Map {
		return map[string]Map{topic: {Device: device, Channel: map[string]Channel{"v": {}}}}
	}
	writes := func(topic, lanes string) map[string]Publish {
		return map[string]Publish{topic: {Lanes: []string{lanes}, Payload: "text"}}
	}
	for name, c := range map[string]Config{
		"a": {URL: first.url(), Map: reads("x/from-b", "/device/from-a")},
		"b": {URL: second.url(), Publish: writes("x/{name}", "/device/from-a/v")},
		"c": {URL: second.url(), Map: reads("x/from-a", "/device/from-b")},
		"d": {URL: first.url(), Publish: writes("x/{name}", "/device/from-b/v")},
	} {
		e.connected(e.open(name, c))
	}
	first.pub("x/from-b", "21.5")
	var found health.Condition
	until(t, "the loop to be found", func() bool {
		for _, found = range e.health.Active() {
			if strings.HasSuffix(found.Code, ".loop") {
				return true
			}
		}
		return false
	})
	if !strings.Contains(found.Text, `"x/from-`) {
		t.Errorf("the condition says %q", found.Text)
	}
	e.has("/device/from-b", "v", "value:21.5")
}
