package recon

import (
	"bytes"
	"errors"
	"io"
)

// A Reader cuts a stream of any length into its top-level values: one ends at a line break outside of all brackets,
// strings, markup and comments. It holds one value at a time.
type Reader struct {
	src    io.Reader
	limits Limits
	scan   *Scanner
	buf    []byte
	from   int   // where in buf the value begins
	fed    int   // how much of buf the scanner was given
	piece  int   // how much it is given next, at most
	line   int   // in which line
	err    error // of src; io.EOF once everything was handed out
	lost   bool  // the line the value began in was too long, and what is left of it has to be passed over
}

// NewReader returns a reader of src. The limits hold for each value.
func NewReader(src io.Reader, limits Limits) *Reader {
	limits = limits.orDefault()
	return &Reader{src: src, limits: limits, scan: NewScanner(limits), line: 1, piece: mostAtOnce}
}

// Next returns the text of the next value, valid until the next call, and the line it begins in, counted from 1. The
// text begins with that line and ends before a line break; lines that hold nothing or only a comment are passed over.
//
// The error is io.EOF at the end of the stream. After a *SyntaxError, whose Line and Col are those in the stream while
// Offset counts from the beginning of the value, the next call goes on with the line behind the one that the faulty
// value began in: if that lacks a closing bracket, the values behind it are not lost. Any other error is the stream's
// own, and final.
func (r *Reader) Next() (text []byte, line int, err error) {
	for begun := false; ; {
		t, err := r.scan.Next()
		switch {
		case r.lost || err == ErrMore:
			if err := r.fill(); err != nil {
				return nil, r.line, err
			}
		case err == io.EOF:
			text, r.from = r.buf[r.from:], len(r.buf)
			if begun {
				return text, r.line, nil
			}
			return nil, r.line, io.EOF
		case err != nil:
			r.resume()
			return nil, r.line, err
		case t.Kind == BreakToken && r.scan.Depth() == 0:
			text, r.from = r.buf[r.from:r.from+t.Offset], r.from+t.Offset+len(t.Text)
			r.scan.cut()
			line, r.line = r.line, r.scan.at.line
			if begun {
				return text, line, nil
			}
		case t.Kind != CommentToken:
			begun = true
		}
	}
}

// Value is Next, and reads the text. What that finds wrong is a *SyntaxError as of Next, but for that the next call goes
// on behind the value.
func (r *Reader) Value() (Value, int, error) {
	text, line, err := r.Next()
	if err != nil {
		return Value{}, line, err
	}
	v, err := r.limits.Parse(text)
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		syntax.Line += line - 1
	}
	return v, line, err
}

// fill reads more of the stream, when the scanner is through with what it had.
func (r *Reader) fill() error {
	const least = 4 << 10
	if r.fed < len(r.buf) {
		return r.feed()
	}
	switch r.err {
	case nil:
	case io.EOF:
		r.lost = false
		return r.scan.Close()
	default:
		return r.err
	}
	if r.from > 0 {
		r.buf, r.from = r.buf[:copy(r.buf, r.buf[r.from:])], 0
		r.fed = len(r.buf)
	}
	if size := len(r.buf); cap(r.buf)-size < least {
		r.buf = append(make([]byte, 0, 2*size+16*least), r.buf...)
	}
	fresh := r.buf[len(r.buf):cap(r.buf)]
	n := 0
	for empty := 0; n == 0 && r.err == nil; empty++ {
		if n, r.err = r.src.Read(fresh); empty == 100 {
			r.err = io.ErrNoProgress
		}
	}
	r.buf = r.buf[:len(r.buf)+n]
	if r.lost {
		r.resume()
		return nil
	}
	return r.feed()
}

const mostAtOnce = 64 << 10

// feed gives the scanner some of what was read. All that it has behind a fault it is given again, so after one it gets
// little at first: then lines that are all faulty cost no more than their length.
func (r *Reader) feed() error {
	piece := r.buf[r.fed:min(r.fed+r.piece, len(r.buf))]
	r.fed += len(piece)
	r.piece = min(2*r.piece, mostAtOnce)
	_, err := r.scan.Write(piece)
	return err
}

// resume goes on at the end of the line in which the value began.
func (r *Reader) resume() {
	i := bytes.IndexAny(r.buf[r.from:], "\n\r")
	if r.lost = i < 0; r.lost {
		i = len(r.buf) - r.from
	}
	r.from += i
	r.scan.reset(position{line: r.line, col: 1})
	r.fed, r.piece = r.from, 64
}
