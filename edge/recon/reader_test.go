package recon

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll shows what a stream gives: "line:text" for a value, the text of an error otherwise.
func readAll(t testing.TB, src io.Reader, limits Limits) (got []string) {
	t.Helper()
	r := NewReader(src, limits)
	for {
		text, line, err := r.Next()
		var syntax *SyntaxError
		switch {
		case err == nil:
			got = append(got, fmt.Sprintf("%d:%s", line, text))
			continue
		case errors.As(err, &syntax):
			got = append(got, err.Error())
			continue
		case err != io.EOF:
			got = append(got, err.Error())
		}
		if _, _, again := r.Next(); again != err {
			t.Errorf("the error %v is followed by %v", err, again)
		}
		return got
	}
}

func TestReader(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"only blanks and comments", "\n \t\r\n# none\n#none", nil},
		{"values", "1\n{a:1}\r\n\n  x # y\n@a b,c\n'd'", []string{"1:1", "2:{a:1}", "4:  x # y", "5:@a b,c", "6:'d'"}},
		{"values of several lines", "{\n a:1\n}\n# c\n[x\ny]\n```\n```\n@a(1,\n2)\n",
			[]string{"1:{\n a:1\n}", "5:[x\ny]", "7:```\n```", "9:@a(1,\n2)"}},
		{"bad lines", "1\n\"a\n2\n{b:1]\n3\n01\n4",
			[]string{"1:1", "recon 2:3: read a line break, want an escape such as \\n or \\u000a", "3:2", "recon 4:5: read ']', want a comma, a line break or }", "5:3",
				"recon 6:2: read '1', want a comma, a line break or the end", "7:4"}},
		{"a missing bracket", "1\n{a:1\n{b:2}\n3", []string{"1:1", "recon 4:2: read the end, want a comma, a line break or }", "3:{b:2}", "4:3"}},
		{"not UTF-8", "1\n\xff\r\n2", []string{"1:1", "recon 2:1: read the byte 0xff, want UTF-8", "3:2"}},
		{"an open selector", "$#\n1\n$\n2", []string{"1:$#", "2:1", "recon 3:2: read a line break, want a key, @, *, : or #", "4:2"}},
		{"too deep", "1\n{{{{\n}}}}\n2", []string{"1:1", "recon 2:4: read 4 levels, want at most 3",
			"recon 3:1: read '}', want a value, a key or an attribute", "4:2"}},
		{"too long", "1\n" + strings.Repeat("a", 100) + "\n2\n{" + strings.Repeat("\n1", 9) + "}",
			[]string{"1:1", "recon 2:17: read 17 bytes, want at most 16", "3:2", "recon 12:1: read 17 bytes, want at most 16",
				"5:1", "6:1", "7:1", "8:1", "9:1", "10:1", "11:1", "12:1", "recon 13:2: read '}', want a comma, a line break or the end"}},
	} {
		for name, src := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "with its end": iotest.DataErrReader,
		} {
			got := readAll(t, src(strings.NewReader(test.text)), Limits{Depth: 3, Bytes: 16})
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
				t.Errorf("%s, %s:\n got %q\nwant %q", test.name, name, got, test.want)
			}
		}
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	src := io.MultiReader(strings.NewReader("1\n{2"), iotest.ErrReader(broken))
	if got := readAll(t, src, Limits{}); fmt.Sprint(got) != "[1:1 broken]" {
		t.Errorf("a stream that breaks gives %q", got)
	}
	if got := readAll(t, stuck{}, Limits{}); fmt.Sprint(got) != "["+io.ErrNoProgress.Error()+"]" {
		t.Errorf("a stream that never gives anything gives %q", got)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestReaderValues(t *testing.T) {
	r := NewReader(strings.NewReader("{a:1}\n\n  {\n 1 = 2}\n3"), Limits{})
	var got []string
	for {
		v, line, err := r.Value()
		if err == io.EOF {
			break
		}
		got = append(got, fmt.Sprintf("%d %v %v", line, v, err))
	}
	want := []string{"1 {a:1} <nil>", "3  recon 4:5: read ' ', want an operator such as == or <= and its operand", "5 3 <nil>"}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("values\n     %q\nwant %q", got, want)
	}
}

// TestReaderMemory: however long the stream is, the reader holds no more than one value allows.
func TestReaderMemory(t *testing.T) {
	limits := Limits{Bytes: 1 << 10}
	r := NewReader(&endless{line: "{a:1,b:[some text\nand more]}\n", left: 8 << 20}, limits)
	for {
		if _, _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	long := NewReader(&endless{line: "aaaa", left: 8 << 20}, limits)
	if _, _, err := long.Next(); !errors.Is(err, ErrLimit) {
		t.Errorf("a line without end gives %v", err)
	}
	if _, _, err := long.Next(); err != io.EOF {
		t.Errorf("behind a line without end: %v", err)
	}
	for _, r := range []*Reader{r, long} {
		if size := cap(r.buf); size > 256<<10 {
			t.Errorf("the reader holds %d bytes", size)
		}
	}
}

// TestReaderFaults: a stream of faulty lines costs no more than its length. What a scanner was given behind a fault it is
// given again, and that is what is counted.
func TestReaderFaults(t *testing.T) {
	for _, text := range []string{strings.Repeat("]\n1\n", 50_000), "```\n" + strings.Repeat("]\n1\n", 100_000)} {
		r := NewReader(strings.NewReader(text), Limits{})
		faults, again := 0, 0
		for {
			_, _, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				faults++
			} else {
				again += r.fed - r.from
			}
		}
		if again > 20*len(text) || faults < len(text)/4 {
			t.Errorf("%d bytes with %d faults: %d more were scanned", len(text), faults, again)
		}
	}
}

// endless repeats a line.
type endless struct {
	line string
	left int64
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n+len(e.line) <= len(p) && e.left > 0 {
		n += copy(p[n:], e.line)
		e.left -= int64(len(e.line))
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// FuzzReader: how a stream arrives changes nothing; every line belongs to a value or to nothing; and a stream of values
// in their canonical form gives just those.
func FuzzReader(f *testing.F) {
	f.Add("1\n{a:1\n}\r\n\"\\n\r\n#c\n2", 3)
	f.Add("[a\nb]\r@a(\n1)\n{\n3", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		limits := Limits{Depth: 8, Bytes: 64}
		got := readAll(t, strings.NewReader(text), limits)
		again := readAll(t, &pieces{text, max(size, 1)}, limits)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", again) {
			t.Errorf("%q gives\n%q, in pieces of %d\n%q", text, got, size, again)
		}
		v, err := Parse([]byte(text))
		if err != nil || v.IsAbsent() || v.Kind() == KindExtant || !isTame(v) {
			return
		}
		line := v.String()
		lines := line + "\n" + line + "\r\n" + line
		r := NewReader(strings.NewReader(lines), Limits{})
		for range 3 {
			if again, _, err := r.Value(); err != nil || !Equal(v, again) {
				t.Errorf("%q gives %v, %v, want %v", lines, again, err, v)
			}
		}
		if v, _, err := r.Value(); err != io.EOF {
			t.Errorf("%q gives more: %v, %v", lines, v, err)
		}
	})
}

// pieces reads a text in pieces of a size.
type pieces struct {
	text string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.text)
	p.text = p.text[n:]
	return n, nil
}
