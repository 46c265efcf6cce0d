// Package conformance holds what the reference implementation of SwimOS did, recorded from its Java
// runtime (4.3-SNAPSHOT, git 46592f18e), for tests to compare with, and the one list of what this
// project does differently on purpose.
package conformance

import (
	"bytes"
	"embed"
	"encoding/json"
	"path"
	"strings"
	"testing"
)

//go:embed testdata
var recorded embed.FS

// Read decodes one of the files of vectors: recon.json, recon-print.json, recon-order.json, uri.json,
// warp.json or http.json.
func Read[T any](t testing.TB, file string) []T {
	t.Helper()
	text, err := recorded.ReadFile("testdata/" + file)
	var rows []T
	if err == nil {
		err = json.Unmarshal(text, &rows)
	}
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s: %d vectors, %v", file, len(rows), err)
	}
	return rows
}

// Session is a transcript of connections to a host that runs the application which README.md of
// the vectors describes; edge/conformance/app_test.go has it.
type Session struct {
	Name     string
	Listener string // plain, deflate or guarded
	Steps    []Step
}

// Step is one line of a session.
type Step struct {
	Line       int // in the file, from 1
	Ms         int `json:"t_ms"`
	Conn       int
	Dir        string // c2s or s2c, of frames and ops
	Event      string
	Frame      string
	Binary     bool // Frame is base64
	Fragment   *int // Frame is this part of a message
	Fin        bool // the last part
	Bytes      int  `json:"frame_bytes"` // of which Frame is the beginning
	Op         string
	Payload    string `json:"payload_hex"`
	Code       int
	Reason     string
	Path       string
	Extensions *string
}

// Client reports whether the step is something that the client did on its connection.
func (s *Step) Client() bool {
	return s.Dir == "c2s" || s.Conn != 0 && s.Event != "" && s.Event != "open" || strings.HasPrefix(s.Event, OtherClient)
}

// OtherClient begins the event of a command that was sent by a client which has no number. The
// command's body is the rest.
const OtherClient = "other client commands "

// Sessions reads all transcripts, in the order of their names.
func Sessions(t testing.TB) []Session {
	t.Helper()
	files, err := recorded.ReadDir("testdata/sessions")
	if err != nil {
		t.Fatal(err)
	}
	var all []Session
	for _, f := range files {
		text, err := recorded.ReadFile(path.Join("testdata/sessions", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		s := Session{Name: strings.TrimSuffix(f.Name(), ".jsonl"), Listener: "plain"}
		for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
			var row struct {
				Step
				Header bool
				Role   string `json:"port_role"`
			}
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%s, line %d: %v", f.Name(), i+1, err)
			}
			switch {
			case !row.Header:
				row.Line = i + 1
				s.Steps = append(s.Steps, row.Step)
			case row.Role != "":
				s.Listener = row.Role
			}
		}
		all = append(all, s)
	}
	return all
}
