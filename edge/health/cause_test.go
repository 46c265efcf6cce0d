package health

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestCauses(t *testing.T) {
	down := errors.New("no route to host")
	err := fmt.Errorf("link: %w", Because("far.x", Because("peer.y", down)))
	if got := Causes(err); !slices.Equal(got, []string{"far.x", "peer.y"}) {
		t.Errorf("causes %q", got)
	}
	if err.Error() != "link: no route to host" || !errors.Is(err, down) {
		t.Errorf("the error reads %q", err)
	}
	if got := Causes(down); got != nil {
		t.Errorf("an error without a cause has %q", got)
	}
}
