package host

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// works are the goroutines of what agents do beside their turns.
type works struct {
	all     sync.WaitGroup
	running atomic.Int64
}

func (w *works) start(do func()) {
	w.running.Add(1)
	w.all.Go(func() {
		defer w.running.Add(-1)
		do()
	})
}

// stop waits for them to end as long as ctx lasts. Their agents have told them to.
func (w *works) stop(ctx context.Context) error {
	waitFor(ctx, &w.all)
	if n := w.running.Load(); n > 0 {
		return fmt.Errorf("%d works that agents do beside their turns did not end in time", n)
	}
	return nil
}

// waitFor waits as long as ctx lasts.
func waitFor(ctx context.Context, all *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
