package warp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script is a lane whose state and news the transcript gives.
type script struct {
	state, news []string
	lost        uint64
	closed      bool
	slow        bool // more of the state is to come
	asked       string
}

func take(from *[]string) ([]byte, bool) {
	if len(*from) == 0 {
		return nil, false
	}
	b := (*from)[0]
	*from = (*from)[1:]
	return []byte(b), true
}

func (s *script) Next() ([]byte, bool) { return take(&s.news) }
func (s *script) State() func() ([]byte, bool) {
	at := 0
	return func() ([]byte, bool) {
		if at == len(s.state) {
			return nil, false
		}
		at++
		return []byte(s.state[at-1]), true
	}
}
func (s *script) StateOf(ask []byte) func() ([]byte, bool) {
	s.asked = string(ask)
	return s.State()
}
func (s *script) IsPending() bool { return s.slow }
func (s *script) Lost() uint64    { return s.lost }
func (s *script) Close()          { s.closed = true }

// The transcripts are in testdata/uplink: `<` is an envelope from the reader, `>` the frame owed
// next, `=` adds an event's body to the lane's state, `+` is news of the lane, `!` refuses the link,
// `x` ends its lane and `~` closes it. `s` has more of the lane's state still to come, `.` nothing of it, `,` has
// nothing owed now, `?` is the part that was asked for, and `f` has the lane fail. At the end nothing more may be owed.
func TestUplinkTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/uplink/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			play(t, strings.Split(strings.TrimSpace(string(text)), "\n"))
		})
	}
}

func play(t *testing.T, lines []string) {
	u := NewUplink("/n", "l")
	var state []string
	var sources []*script
	open := func() Source {
		s := &script{state: state}
		sources = append(sources, s)
		return s
	}
	for i, line := range lines {
		op, arg, _ := strings.Cut(line, " ")
		switch op {
		case "<":
			var e Envelope
			if err := Scan([]byte(arg), &e); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			switch e.Tag {
			case Link:
				u.Link(&e, open)
			case Sync:
				u.Sync(&e, open)
			case Unlink:
				u.Unlink()
			}
		case "=":
			state = append(state, arg)
			if len(sources) > 0 {
				s := sources[len(sources)-1]
				s.state = append(s.state, arg)
			}
		case "+":
			s := sources[len(sources)-1]
			s.news = append(s.news, arg)
		case "!":
			u.Refuse(arg)
		case "x":
			u.End()
		case "s":
			sources[len(sources)-1].slow = true
		case ".":
			sources[len(sources)-1].slow = false
		case "?":
			if got := sources[len(sources)-1].asked; got != arg {
				t.Fatalf("line %d: it was asked for %q, want %q", i+1, got, arg)
			}
		case "f":
			u.Fail(sources[len(sources)-1], arg)
		case ",":
			if frame, ok := u.Step(nil); ok {
				t.Fatalf("line %d: %s is owed, want nothing", i+1, frame)
			}
		case "~":
			u.Close()
		case ">":
			frame, ok := u.Step(nil)
			if !ok {
				t.Fatalf("line %d: nothing is owed, want %s", i+1, arg)
			}
			if string(frame) != arg {
				t.Fatalf("line %d: Step = %s, want %s", i+1, frame, arg)
			}
		case "#":
		default:
			t.Fatalf("line %d: %q", i+1, line)
		}
	}
	if frame, ok := u.Step(nil); ok {
		t.Errorf("at the end: %s is owed", frame)
	}
	for i, s := range sources {
		if last := i == len(sources)-1; s.closed == (last && u.Open()) {
			t.Errorf("source %d: closed = %v, open link = %v", i, s.closed, u.Open())
		}
	}
	if !u.Open() && !u.Done() {
		t.Error("nothing is left of the link, yet it is not done")
	}
}

func TestUplinkOwed(t *testing.T) {
	u := NewUplink("/n", "l")
	for i := range 5 {
		if u.Owed() != i {
			t.Errorf("Owed = %d after %d refusals", u.Owed(), i)
		}
		u.Refuse("nodeNotFound")
	}
	for range 5 {
		u.Step(nil)
	}
	if u.Owed() != 0 || !u.Done() {
		t.Errorf("Owed = %d, Done = %v when all is paid", u.Owed(), u.Done())
	}
}

// What a link missed is counted over all its sources.
func TestUplinkLost(t *testing.T) {
	u := NewUplink("/n", "l")
	var sources []*script
	open := func() Source {
		sources = append(sources, &script{})
		return sources[len(sources)-1]
	}
	want := func(n uint64) {
		t.Helper()
		if got := u.Lost(); got != n {
			t.Errorf("Lost = %d, want %d", got, n)
		}
	}
	want(0)
	u.Link(&Envelope{Tag: Link}, open)
	sources[0].lost = 3
	want(3)
	u.Unlink()
	u.Link(&Envelope{Tag: Link}, open)
	sources[1].lost = 10
	want(10) // the first is not closed yet
	for ok := true; ok; {
		_, ok = u.Step(nil)
	}
	want(13)
	u.Close()
	want(13)
}

func BenchmarkUplinkEvent(b *testing.B) {
	u := NewUplink("/unit/1", "info")
	src := &endless{body: []byte("12345")}
	u.Link(&Envelope{Tag: Link}, func() Source { return src })
	dst, _ := u.Step(nil)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = u.Step(dst[:0])
	}
	if want := "@event(node:\"/unit/1\",lane:info) 12345"; string(dst) != want {
		b.Fatalf("Step = %s, want %s", dst, want)
	}
}

type endless struct{ body []byte }

func (e *endless) Next() ([]byte, bool)         { return e.body, true }
func (e *endless) State() func() ([]byte, bool) { return nil }
func (e *endless) Close()                       {}
