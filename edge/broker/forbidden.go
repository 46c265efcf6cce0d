package broker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"selvage/edge/health"
)

const forbiddenCode = "broker.forbidden"

const (
	forbiddenLasts = 10 * time.Minute // that a condition tells of the last of them
	forbiddenEvery = 10 * time.Second // at most that often it tells of another one
)

// forbidden tells of what clients do that their users may not. MQTT 3.1.1 has no answer by which a client could
// learn that a message of its was refused.
type forbidden struct {
	board *health.Board

	mu         sync.Mutex
	last, told time.Time
}

// tell counts a refusal, and has a condition say so. did is what the client did, key the list that
// does not have the topic, fate what became of it.
func (f *forbidden) tell(user, client, did, topic, key, fate string) {
	f.board.Add(forbiddenCode, 1)
	f.mu.Lock()
	f.last = time.Now()
	tells := f.last.Sub(f.told) >= forbiddenEvery
	if tells {
		f.told = f.last
	}
	f.mu.Unlock()
	if !tells {
		return
	}
	f.board.Raise(health.Condition{
		Code:   forbiddenCode,
		Text:   fmt.Sprintf("the MQTT client %q of user %s %s %q, which its user may not: %s", clip(client), user, did, clip(topic), fate),
		Remedy: fmt.Sprintf("if it is to, add the topic to %s in [broker.user.%s]; else see what the client wants there", key, user),
	})
}

// run withdraws the condition when it has been long ago.
func (f *forbidden) run(ctx context.Context) {
	tick := time.NewTicker(forbiddenLasts / 10)
	defer tick.Stop()
	defer f.board.Clear(forbiddenCode)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.lapse(time.Now())
		}
	}
}

func (f *forbidden) lapse(now time.Time) {
	f.mu.Lock()
	over := now.Sub(f.last) > forbiddenLasts
	f.mu.Unlock()
	if over {
		f.board.Clear(forbiddenCode)
	}
}

// clip keeps strangers from filling what people read.
func clip(name string) string {
	const most = 100
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}
