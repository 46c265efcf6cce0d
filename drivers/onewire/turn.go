package onewire

import (
	"context"
	"fmt"
	"sync"
)

// turns has a bus while thermometers use it or wait for it. Every thermometer has its own goroutine, and
// one measurement takes the whole bus; in the kernel they would wait for each other where no context
// reaches them.
var turns = struct {
	sync.Mutex
	of map[string]*turn
}{of: map[string]*turn{}}

type turn struct {
	taken chan struct{} // holds one while somebody measures
	users int
}

// takeTurn waits until nobody else uses the bus; done gives it back.
func takeTurn(ctx context.Context, bus string) (done func(), err error) {
	turns.Lock()
	t := turns.of[bus]
	if t == nil {
		t = &turn{taken: make(chan struct{}, 1)}
		turns.of[bus] = t
	}
	t.users++
	turns.Unlock()
	leave := func() {
		turns.Lock()
		defer turns.Unlock()
		if t.users--; t.users == 0 {
			delete(turns.of, bus)
		}
	}
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("other thermometers on the bus took all the time, raise timeout: %w", ctx.Err())
	}
}
