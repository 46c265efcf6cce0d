package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"selvage/edge/peer"
	"selvage/edge/route"
)

// answerTime bounds how long a command waits for a host that has accepted its connection.
const answerTime = 10 * time.Second

// aimLane reads a node URI and the name of a lane from the command line.
func (e *env) aimLane(uri, lane string) (node string, err error) {
	if strings.TrimSpace(lane) == "" {
		return "", &usageError{&trouble{errors.New("the lane's name is empty"), "see what lanes there are: " + program() + " ls URI"}}
	}
	if err := wantURI(uri); err != nil {
		return "", err
	}
	return e.aim(uri)
}

func wantURI(uri string) error {
	if strings.TrimSpace(uri) == "" {
		return &usageError{&trouble{errors.New("the URI is empty"), "see what agents there are: " + program() + " ls"}}
	}
	return nil
}

// aim reads a node URI from the command line. One with an authority names the host as well.
func (e *env) aim(uri string) (node string, err error) {
	u, err := route.Parse(uri)
	if err != nil {
		return "", usagef("%w", err)
	}
	if u.Scheme != "" && u.HasAuthority {
		e.home = cmp.Or(e.home, e.host)
		e.host = u.Scheme + "://" + u.Authority
		u = route.URI{Path: u.Path}
	}
	if _, err := e.address(); err != nil {
		return "", err
	}
	return u.String(), nil
}

// unlinked says what to try when the host ended a link.
func unlinked(err error) error {
	var u *peer.Unlinked
	if !errors.As(err, &u) {
		if strings.Contains(err.Error(), "Unauthorized") { // the reason of a close frame
			return turnedAway(errors.New("the host refused the login"))
		}
		return err
	}
	switch u.Reason {
	case "":
		return turnedAway(err)
	case "nodeNotFound":
		return &trouble{err, "see what agents there are: " + program() + " ls"}
	case "laneNotFound":
		return &trouble{err, "see its lanes: " + program() + " ls " + u.Node}
	}
	return err
}

// news is what comes down a link: an event's body, synced or the end.
type news struct {
	body   []byte
	synced bool
	ended  error
}

// feed hands a link's news from the connection's reading goroutine to the command's own, one at a
// time, so that a slow terminal slows the sender.
type feed struct {
	next chan news
	done chan struct{} // closed when nobody takes news any more
}

func newFeed() *feed { return &feed{make(chan news), make(chan struct{})} }

func (f *feed) put(n news) {
	select {
	case f.next <- n:
	case <-f.done:
	}
}

func (f *feed) Event(body []byte) { f.put(news{body: append([]byte(nil), body...)}) }
func (f *feed) Synced()           { f.put(news{synced: true}) }
func (f *feed) Ended(err error)   { f.put(news{ended: err}) }

// close lets go of whoever still brings news. It comes before the connection's Close.
func (f *feed) close() { close(f.done) }

var _ peer.Follower = (*feed)(nil)

// state returns the events that bring a link to the lane's present state.
func state(ctx context.Context, c *peer.Conn, node, lane string) ([][]byte, error) {
	f := newFeed()
	defer f.close()
	d, err := c.Follow(node, lane, true, f)
	if err != nil {
		return nil, unlinked(err)
	}
	var bodies [][]byte
	for {
		select {
		case n := <-f.next:
			switch {
			case n.ended != nil:
				return nil, unlinked(n.ended)
			case n.synced:
				d.Close()
				return bodies, nil
			}
			bodies = append(bodies, n.body)
		case <-ctx.Done():
			return nil, silent(ctx, node, lane)
		}
	}
}

func silent(ctx context.Context, node, lane string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return errors.New("interrupted")
	}
	return &trouble{fmt.Errorf("the host does not answer for %s %s", node, lane), "it may be busy; try again, and look at its log"}
}

func isUnlinked(err error) (*peer.Unlinked, bool) {
	var u *peer.Unlinked
	ok := errors.As(err, &u)
	return u, ok
}
