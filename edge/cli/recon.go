package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"selvage/edge/recon"
)

// notation is a way to write values.
type notation struct {
	name  string // for people
	parse func(text []byte) (recon.Value, error)
	print func(dst []byte, v recon.Value) []byte
}

var notations = map[string]notation{
	"recon": {"Recon", recon.Parse, recon.Append},
	"json":  {"JSON", recon.ParseJSON, recon.AppendJSON},
}

func (e *env) reconCommand() *cobra.Command {
	var from, to string
	var lines bool
	c := &cobra.Command{
		Use:   "recon [FILE]",
		Short: "check Recon, and convert it to JSON and back",
		Long: `Recon reads a value from FILE, or from stdin if there is none or it is -, and prints it on one line: as
Recon in the form that all WARP hosts print, or as JSON. A text of several values is one record of them.

With --lines each line of the input is a value of its own, and so is each line printed; Recon may go on to
the next line within brackets and strings. The input may be of any length, and may come as slowly as it
likes: each value is printed as soon as its line is complete. Values that cannot be read are reported, and
the others are printed.

What is wrong in the input is reported as FILE:LINE:COLUMN, with what was read there and what could have
followed, and the exit code is 1. To check only, send the output to /dev/null.

In JSON a record is an array or, if it has keys, an object, in which an attribute's key begins with @ and a
member without a key is named by its position: @at(x:1){warm} is {"@at":{"x":1},"$1":"warm"}. What is lost
is how numbers were written, NaN and the infinities, which are null, and that an empty array was no object.`,
		Example: `  echo '@at(x: 1) {label: "two words"}' | selvage recon --to json
  selvage recon --from json values.json
  selvage --json watch /device/air temperature | selvage recon --from json --lines`,
		Args: takes(0, 1),
	}
	c.Flags().StringVar(&from, "from", "recon", "the notation to read: recon or json")
	c.Flags().StringVar(&to, "to", "recon", "the notation to print: recon or json; --json alone means json too")
	c.Flags().BoolVar(&lines, "lines", false, "read and print one value a line")
	c.RunE = func(c *cobra.Command, args []string) error {
		if e.json && !c.Flags().Changed("to") {
			to = "json"
		}
		file := "-"
		if len(args) > 0 {
			file = args[0]
		}
		return e.recon(c.Context(), file, from, to, lines)
	}
	return c
}

func (e *env) recon(ctx context.Context, file, from, to string, lines bool) error {
	v := conversion{err: e.err, out: bufio.NewWriterSize(e.out, 64<<10)}
	var err error
	if v.from, err = notationOf("--from", from); err != nil {
		return err
	}
	if v.to, err = notationOf("--to", to); err != nil {
		return err
	}
	v.name, v.in = "stdin", os.Stdin
	if file != "-" {
		f, err := openText(file)
		if err != nil {
			return err
		}
		defer f.Close()
		v.name, v.in = file, f
	}
	done := make(chan error, 1)
	go func() { done <- v.run(lines) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.New("interrupted") // a read from a terminal cannot be; it ends with the program
	}
}

func notationOf(flag, name string) (notation, error) {
	n, ok := notations[name]
	if !ok {
		return n, &usageError{&trouble{fmt.Errorf("%s %s: there is no such notation", flag, name), "write " + flag + " recon or " + flag + " json"}}
	}
	return n, nil
}

func openText(file string) (*os.File, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &usageError{&trouble{fmt.Errorf("%s: there is no such file", file), "check the path, which is looked up from the folder you are in"}}
	}
	if err != nil {
		return nil, err
	}
	if is, err := f.Stat(); err == nil && is.IsDir() {
		f.Close()
		return nil, &usageError{&trouble{fmt.Errorf("%s is a folder, not a file", file), "name a file in it"}}
	}
	return f, nil
}

// conversion reads values and prints them.
type conversion struct {
	from, to notation
	in       io.Reader
	name     string // of in
	out      *bufio.Writer
	err      io.Writer // takes what is wrong with in
}

func (v *conversion) run(lines bool) error {
	err := v.whole
	if lines {
		err = v.lines
	}
	failed := err()
	if unwritten := v.out.Flush(); unwritten != nil {
		failed = unwritten
	}
	if errors.Is(failed, syscall.EPIPE) {
		return nil // nobody wants more
	}
	return failed
}

// whole converts one value, the whole of the input.
func (v *conversion) whole() error {
	limit := recon.DefaultLimits.Bytes
	text, err := io.ReadAll(io.LimitReader(v.in, int64(limit)+int64(len(byteOrderMark))+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", v.name, err)
	}
	text = bytes.TrimPrefix(text, byteOrderMark)
	if len(text) > limit {
		return &trouble{fmt.Errorf("%s has more than %s, which is the most that a value may have", v.name, inBytes(float64(limit), "B")),
			"values that are on lines of their own are read with --lines, at any length"}
	}
	value, err := v.from.parse(text)
	if err != nil {
		f := findMisread(err)
		fmt.Fprint(v.err, v.name+f.place()+": "+f.problem+"\n"+f.excerpt(text))
		return fmt.Errorf("%s cannot be read as %s", v.name, v.from.name)
	}
	_, err = v.out.Write(append(v.to.print(nil, value), '\n'))
	return err
}

// lines converts one value after the other. What it has is written before it waits for more.
func (v *conversion) lines() error {
	src := bufio.NewReaderSize(&eager{v.in, v.out}, 64<<10)
	if err := skipByteOrderMark(src); err != nil {
		return fmt.Errorf("read %s: %w", v.name, err)
	}
	var next func() (recon.Value, int, error)
	if v.from.name == "JSON" {
		next = (&jsonLines{src: src}).next
	} else {
		next = recon.NewReader(src, recon.Limits{}).Value
	}
	var text []byte
	all, bad := 0, 0
	for {
		value, line, err := next()
		if err == io.EOF {
			break
		}
		if err != nil && !isMisread(err) {
			return fmt.Errorf("read %s: %w", v.name, err)
		}
		all++
		if err != nil {
			bad++
			f := findMisread(err)
			f.line = max(f.line, line) // a line of JSON does not know its number
			fmt.Fprintln(v.err, v.name+f.place()+": "+f.problem)
			continue
		}
		text = append(v.to.print(text[:0], value), '\n')
		if _, err := v.out.Write(text); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %s in %s cannot be read as %s", bad, count(all, "value"), v.name, v.from.name)
	}
	return nil
}

// eager reads from in, and first of all writes what is still in out: in may let it wait.
type eager struct {
	in  io.Reader
	out *bufio.Writer
}

func (e *eager) Read(b []byte) (int, error) {
	if err := e.out.Flush(); err != nil {
		return 0, err
	}
	return e.in.Read(b)
}

// byteOrderMark is what some editors begin a file in UTF-8 with.
var byteOrderMark = []byte("\uFEFF")

// skipByteOrderMark waits for one byte only, unless that begins a mark.
func skipByteOrderMark(src *bufio.Reader) error {
	for n := 1; n <= len(byteOrderMark); n++ {
		begin, err := src.Peek(n)
		if err == io.EOF || err == nil && begin[n-1] != byteOrderMark[n-1] {
			return nil
		}
		if err != nil {
			return err
		}
	}
	_, err := src.Discard(len(byteOrderMark))
	return err
}

var _ io.Reader = (*eager)(nil)
