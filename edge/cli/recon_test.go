package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"selvage/edge/leaktest"
	"selvage/edge/recon"
)

func TestRecon(t *testing.T) {
	tests := []struct {
		name     string
		args     string
		in       string
		out, err string // FILE stands for the file's name
		code     int
	}{
		{name: "canonical", in: "@at( x : 1 ) { label:\t'two words' }\n", out: "@at(x:1){label:\"two words\"}\n"},
		{name: "several values are a record", in: "a: 1\nb: 2 # two\n", out: "{a:1,b:2}\n"},
		{name: "no end of line", in: "word", out: "word\n"},
		{name: "CRLF", in: "a: 1\r\nb: 2\r\n", out: "{a:1,b:2}\n"},
		{name: "byte order mark", in: "\uFEFF{ä: 1}", out: "{ä:1}\n"},
		{name: "nothing", in: "", out: "\n"},
		{name: "nothing as JSON", args: "--to json", in: "# a comment", out: "null\n"},
		{name: "to JSON", args: "--to json", in: "@at(x:1){warm}", out: `{"@at":{"x":1},"$1":"warm"}` + "\n"},
		{name: "to JSON by --json", args: "--json", in: "{a:1}", out: `{"a":1}` + "\n"},
		{name: "--to wins over --json", args: "--json --to recon", in: "{a: 1}", out: "{a:1}\n"},
		{name: "from JSON", args: "--from json", in: `{"@at": {"x": 1}, "label": "two words", "l": [1, null]}`, out: "@at(x:1){label:\"two words\",l:{1,}}\n"},
		{name: "JSON to JSON", args: "--from json --to json", in: "[ 1.0, \"ü\" ]\n", out: "[1,\"ü\"]\n"},
		{name: "not Recon", in: "{a: 1,\n b: }2\n", code: 1,
			err: "FILE:2:6: read '2', want a comma, a line break or the end\n   2 |  b: }2\n     |      ^\nselvage: FILE cannot be read as Recon\n"},
		{name: "not Recon, by CR", in: "a\rb\rc }\r", code: 1,
			err: "FILE:3:3: read '}', want a comma, a line break or the end\n   3 | c }\n     |   ^\nselvage: FILE cannot be read as Recon\n"},
		{name: "not JSON", args: "--from json", in: "{\n \"grün\": tru }", code: 1,
			err: "FILE:2:13: invalid character ' ' in literal true (expecting 'e')\n   2 |  \"grün\": tru }\n     |             ^\nselvage: FILE cannot be read as JSON\n"},
		{name: "half of JSON", args: "--from json", in: "[1,\n", code: 1,
			err: "FILE:2:1: unexpected end of JSON input\n   2 | \n     | ^\nselvage: FILE cannot be read as JSON\n"},
		{name: "binary", in: "\x7fELF\x00\x1b[2J", code: 1,
			err: "FILE:1:1: read '\\x7f', want a value, a key or an attribute\n   1 | \uFFFDELF\uFFFD\uFFFD[2J\n     | ^\nselvage: FILE cannot be read as Recon\n"},
		{name: "lines", args: "--lines", in: "1\n\n{a: 1,\n b: 2}\r\n # comment\n'x y'", out: "1\n{a:1,b:2}\n\"x y\"\n"},
		{name: "lines of JSON", args: "--lines --from json", in: "\uFEFF{\"a\":1}\r\n\n[true]\n\"x\"", out: "{a:1}\n{true}\nx\n"},
		{name: "no lines", args: "--lines", in: "", out: ""},
		{name: "lines that are wrong", args: "--lines --to json", in: "1\na }\n2\n{b:\n", code: 1, out: "1\n2\n",
			err: "FILE:2:3: read '}', want a comma, a line break or the end\nFILE:5:1: read the end, want the closing }\nselvage: 2 of 4 values in FILE cannot be read as Recon\n"},
		{name: "lines of JSON that are wrong", args: "--lines --from json", in: "1\n  {a}\n3\n[", code: 1, out: "1\n3\n",
			err: "FILE:2:4: invalid character 'a' looking for beginning of object key string\nFILE:4:2: unexpected end of JSON input\n" +
				"selvage: 2 of 4 values in FILE cannot be read as JSON\n"},
		{name: "not JSON, by CR", args: "--from json", in: "[1,\r x]", code: 1,
			err: "FILE:2:2: invalid character 'x' looking for beginning of value\n   2 |  x]\n     |  ^\nselvage: FILE cannot be read as JSON\n"},
		{name: "JSON with a long number", args: "--from json", in: "[1,\n2,\n " + strings.Repeat("9", 5000) + "]", code: 1,
			err: "FILE:3:2: read 5000 digits, want at most 4096\n   3 |  " + strings.Repeat("9", 99) + "…\n     |  ^\nselvage: FILE cannot be read as JSON\n"},
		{name: "JSON with wrong Recon", args: "--from json", in: "\n{\"$recon\":\"a b\"}", code: 1,
			err: "FILE:2:1: in $recon, at character 3: read b, want a comma, a line break or the end\n   2 | {\"$recon\":\"a b\"}\n     | ^\nselvage: FILE cannot be read as JSON\n"},
		{name: "JSON that is not UTF-8", args: "--from json", in: "[\n\"\xff\"]", code: 1,
			err: "FILE:2:2: read the byte 0xff, want UTF-8\n   2 | \"\uFFFD\"]\n     |  ^\nselvage: FILE cannot be read as JSON\n"},
		{name: "lines of JSON with wrong Recon", args: "--lines --from json", in: "1\n\n [{\"$recon\":\"a\\nb c\"}]", code: 1, out: "1\n",
			err: "FILE:3:3: in $recon, at character 5: read c, want a comma, a line break or the end\nselvage: 1 of 2 values in FILE cannot be read as JSON\n"},
		{name: "wrong notation", args: "--to xml", in: "1", code: 2,
			err: "selvage: --to xml: there is no such notation\n  write --to recon or --to json\n"},
	}
	for _, tt := range tests {
		file := filepath.Join(t.TempDir(), "values")
		if err := os.WriteFile(file, []byte(tt.in), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		code := Main(append([]string{"recon", file}, strings.Fields(tt.args)...), &out, &errs)
		said := strings.ReplaceAll(errs.String(), file, "FILE")
		if code != tt.code || out.String() != tt.out || said != tt.err {
			t.Errorf("%s: exit %d, out\n%s\nerr\n%s\nwant %d,\n%s\n%s", tt.name, code, out.String(), said, tt.code, tt.out, tt.err)
		}
	}
}

// What cannot be opened is a mistake on the command line.
func TestReconNoFile(t *testing.T) {
	for _, file := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		var out, errs bytes.Buffer
		if code := Main([]string{"recon", file}, &out, &errs); code != exitUsage || !strings.HasPrefix(errs.String(), "selvage: "+file) {
			t.Errorf("recon %s: exit %d, %s", file, code, errs.String())
		}
	}
}

func TestReconTooLong(t *testing.T) {
	long := strings.Repeat(" ", recon.DefaultLimits.Bytes) + "1"
	for _, from := range []string{"recon", "json"} {
		var errs strings.Builder
		c := conversion{notations[from], notations["json"], strings.NewReader(long), "long", bufio.NewWriter(io.Discard), &errs}
		if err := c.run(false); err == nil || !strings.Contains(err.Error(), "--lines") {
			t.Errorf("a text of %s that is too long: %v", from, err)
		}
		var out strings.Builder
		c.in, c.out = strings.NewReader("0\n"+long+"\n2\n"), bufio.NewWriter(&out)
		if err := c.run(true); err == nil || out.String() != "0\n2\n" || !strings.HasPrefix(errs.String(), "long:2") ||
			from == "json" && errs.String() != "long:2: the line has more than 16.8 MB\n" {
			t.Errorf("a line of %s that is too long: %v, out %s, err %s", from, err, out.String(), errs.String())
		}
	}
}

// Each value is printed before the next one comes, and errors are told by then, too.
func TestReconLive(t *testing.T) {
	for _, from := range []string{"recon", "json"} {
		leaktest.Check(t)
		in, type_ := io.Pipe()
		shown, out := io.Pipe()
		c := conversion{notations[from], notations["json"], in, "stdin", bufio.NewWriter(out), out}
		ended := make(chan error)
		go func() {
			ended <- c.run(true)
			out.Close()
		}()
		lines := bufio.NewReader(shown)
		for i := range 3 {
			fmt.Fprintf(type_, "%d\n", i)
			if got, err := lines.ReadString('\n'); got != fmt.Sprintf("%d\n", i) {
				t.Fatalf("from %s: after %d came %q, %v", from, i, got, err)
			}
		}
		fmt.Fprintf(type_, "}\n")
		if got, _ := lines.ReadString('\n'); !strings.HasPrefix(got, "stdin:4:1: ") {
			t.Errorf("from %s: of a bad line came %q", from, got)
		}
		type_.Close()
		if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "1 of 4 values") {
			t.Errorf("from %s: in the end %v", from, err)
		}
	}
}

// A stream is longer than a value may be.
func TestReconStream(t *testing.T) {
	const times = 20_000
	line := "{a: 1, text: \"" + strings.Repeat("x", 1000) + "\"}\n"
	if len(line)*times <= recon.DefaultLimits.Bytes {
		t.Fatal("the stream is not long enough")
	}
	out := &counter{}
	c := conversion{notations["recon"], notations["recon"], io.LimitReader(&repeat{line: line}, int64(len(line)*times)), "stdin", bufio.NewWriter(out), io.Discard}
	if err := c.run(true); err != nil || out.lines != times {
		t.Errorf("of %d lines %d came out, %v", times, out.lines, err)
	}
}

// repeat is a line without end.
type repeat struct {
	line string
	at   int
}

func (r *repeat) Read(b []byte) (int, error) {
	n := copy(b, r.line[r.at:])
	r.at = (r.at + n) % len(r.line)
	return n, nil
}

type counter struct{ lines int }

func (c *counter) Write(b []byte) (int, error) {
	c.lines += bytes.Count(b, []byte("\n"))
	return len(b), nil
}

// When the reader of its output has gone it ends without a word.
func TestReconBrokenPipe(t *testing.T) {
	for _, lines := range []bool{false, true} {
		c := conversion{notations["recon"], notations["recon"], strings.NewReader("1\n2\n"), "stdin", bufio.NewWriter(gone{}), io.Discard}
		if err := c.run(lines); err != nil {
			t.Errorf("lines %v: %v", lines, err)
		}
	}
}

type gone struct{}

func (gone) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "stdout", Err: syscall.EPIPE}
}
