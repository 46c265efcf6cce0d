package rostertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"selvage/uplink/mqtt/family"
)

// Row is a message of the shared data.
type Row struct {
	Topic    string
	Payload  string
	Retained bool
}

// Rows reads messages that devices have published; the test is left out where they are not.
func Rows(t testing.TB, path string) []Row {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("there are no recorded messages here: " + strings.TrimLeft(path, "./"))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []Row
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// Data gives a family the messages of a file of the shared data, and compares what it says of each.
func Data(t *testing.T, f family.Family, name string, want []string) {
	t.Helper()
	rows := Rows(t, "../../../../../shared/data/mqtt/"+name)
	if len(rows) != len(want) {
		t.Fatalf("%s has %d rows, and %d are expected", name, len(rows), len(want))
	}
	to := New(t)
	for i, row := range rows {
		f.Take(family.Message{Topic: row.Topic, Payload: []byte(row.Payload), Retained: row.Retained}, to)
		Compare(t, to, fmt.Sprintf("row %d: %s %s", i+1, row.Topic, row.Payload), want[i])
	}
}

// Fuzz gives two families the same messages, one of them after a restart, and has sinks check what they say. Each of
// topics may come twice, which shows what the second message makes of the first. What is read without a doubt must be
// the same as a number in a payload.
func Fuzz(t *testing.T, make func() family.Family, topics []string, same func(read, written float64) bool, payloads ...[]byte) {
	first, second := make(), make()
	a, b := New(t), New(t)
	for i := range 2 * len(topics) {
		m := family.Message{Topic: topics[i%len(topics)], Payload: payloads[i%len(payloads)], At: time.Unix(1795420800, 0)}
		m.Retained = i%3 == 0
		first.Take(m, a)
		m.Replayed = true
		second.Take(m, b)
	}
	for _, line := range b.Lines() {
		if strings.Contains(line, " = ") && !strings.HasPrefix(line, "meet ") || strings.HasPrefix(line, "publish ") {
			t.Errorf("a message that is replayed says: %s", line)
		}
	}
	all := bytes.Join(payloads, []byte{' '})
	var written []float64
	for _, text := range numbers.FindAllString(string(all), -1) {
		v, _ := strconv.ParseFloat(text, 64)
		written = append(written, v)
	}
	for _, read := range a.good {
		if !bytes.Contains(all, []byte{'\\'}) && !slices.ContainsFunc(written, func(w float64) bool { return same(read, w) }) {
			t.Errorf("%v was read, which is in no payload: %q", read, payloads)
		}
	}
	for _, f := range []family.Family{first, second} {
		if c, ok := f.(family.Connecter); ok {
			c.Connected(time.Unix(1795420800, 0), a)
		}
	}
}

// Same is for Fuzz where numbers are told as they come.
func Same(read, written float64) bool { return read == written }

var numbers = regexp.MustCompile(`[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?`)

// Step is the topic and the payload of a message, and what a family is to say of it: the lines of a Sink, without what
// stands before them in the source.
type Step [3]string

// Play gives a family messages, and compares what it says.
func Play(t *testing.T, f family.Family, to *Sink, steps []Step) {
	t.Helper()
	for i, step := range steps {
		f.Take(family.Message{Topic: step[0], Payload: []byte(step[1])}, to)
		Compare(t, to, fmt.Sprintf("%d: %s %s", i, step[0], step[1]), step[2])
	}
}

// Compare compares what a sink was told with want.
func Compare(t *testing.T, to *Sink, what, want string) {
	t.Helper()
	var wanted []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			wanted = append(wanted, line)
		}
	}
	if got := to.Lines(); !slices.Equal(got, wanted) {
		t.Errorf("%s\nsays:\n\t%s\nwant:\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(wanted, "\n\t"))
	}
}
