package host

import (
	"fmt"
	"testing"
	"testing/synctest"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// Who watches for lanes knows at last which there are, whatever comes and goes meanwhile.
func TestWatchEndsWithWhatIsThere(t *testing.T) {
	lane := func(a *agent.Agent) { agent.Value(a, "level", 1) }
	const units = 10
	for what, change := range map[string]func(t *testing.T, h *Host, i int){
		"they go":   func(t *testing.T, h *Host, i int) { h.Remove(t.Context(), stuckNode(i)) },
		"they stay": func(*testing.T, *Host, int) {},
		"others come in their place": func(t *testing.T, h *Host, i int) {
			h.Remove(t.Context(), stuckNode(i))
			add(t, h, stuckNode(i), lane)
		},
		"they get another config": func(t *testing.T, h *Host, i int) {
			if err := h.Replace(stuckNode(i), agent.NewKind("other", 0, func(*agent.Agent, int) error { return nil }), nil); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			within(t, bare, func(t *testing.T, h *Host) {
				for i := range units {
					add(t, h, stuckNode(i), lane)
				}
				synctest.Wait()
				known := map[route.NodeURI]bool{}
				begun, watched := make(chan struct{}), make(chan struct{})
				add(t, h, "/w", func(a *agent.Agent) {
					close(begun)
					err := a.Watch("/stuck/*/level", func(node route.NodeURI, _ route.LaneName, there bool) { known[node] = there })
					if err != nil {
						t.Error(err)
					}
					close(watched)
				})
				<-begun
				for i := range units {
					change(t, h, i)
				}
				<-watched
				synctest.Wait()
				for i := range units {
					there := false
					if a, ok := h.Node(stuckNode(i)); ok {
						there = a.Lane("level") != nil
					}
					if known[stuckNode(i)] != there {
						t.Errorf("%d is there: %v, who watches believes %v", i, there, known[stuckNode(i)])
					}
				}
				if len(known) > units {
					t.Error(fmt.Sprint(known))
				}
			})
		})
	}
}
