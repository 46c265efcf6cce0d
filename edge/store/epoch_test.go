package store

import "testing"

// A store in the hands of another host gets another epoch; what nobody knows of the host does not count.
func TestEpochOfOwner(t *testing.T) {
	dir := t.TempDir()
	epoch := ""
	for _, step := range []struct {
		name, board string
		renewed     bool
	}{
		{"", "", true}, // the first
		{"pi", "", false},
		{"pi", "1234", false},
		{"pi", "", false},
		{"pi", "1234", false},
		{"pi", "5678", true},
		{"shed", "5678", true},
		{"", "", false},
		{"shed", "5678", false},
	} {
		s := openWith(t, Options{Dir: dir, Identity: map[string]string{"name": step.name, "board": step.board}})
		if got := s.Epoch() != epoch; got != step.renewed {
			t.Errorf("%+v: a new epoch: %v, want %v", step, got, step.renewed)
		}
		epoch = s.Epoch()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
