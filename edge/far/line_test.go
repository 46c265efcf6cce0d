package far

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"selvage/edge/clock"
	"selvage/edge/health"
	"selvage/edge/host"
)

func TestTooManyHosts(t *testing.T) {
	h := host.New(host.Options{Clock: clock.System(), Health: health.NewBoard(), Log: slog.New(slog.DiscardHandler)})
	p := Add(h)
	line := func(port int) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		_, err := p.line(fmt.Sprintf("warp://127.0.0.1:%d", port))
		return err
	}
	for i := range maxLines {
		if err := line(1 + i); err != nil {
			t.Fatal(err)
		}
	}
	if err := line(1 + maxLines); !errors.Is(err, errTooMany) || h.Health.Count("peers.refused") != 1 {
		t.Errorf("one too many: %v, %d counted", err, h.Health.Count("peers.refused"))
	}
	if err := line(1); err != nil {
		t.Errorf("one that is known: %v", err)
	}
	if err := h.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	p.Stop(t.Context())
}
