package warp

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"selvage/edge/recon"
	"selvage/edge/route"
)

// A FrameError says why a frame is not an envelope.
type FrameError struct {
	Frame string // its beginning
	Why   string
	Err   error // of the Recon or URI in it, if that is the reason
}

func (e *FrameError) Error() string {
	why := e.Why
	if e.Err != nil {
		why += ": " + e.Err.Error()
	}
	return fmt.Sprintf("not a WARP envelope: %s (frame %s)", why, e.Frame)
}

func (e *FrameError) Unwrap() error { return e.Err }

func reject(frame []byte, why string, err error) error {
	const shown = 120 // enough to recognise the sender by
	excerpt, dots := frame, ""
	if len(excerpt) > shown {
		excerpt, dots = excerpt[:shown], "…"
	}
	return &FrameError{Frame: strconv.Quote(string(excerpt)) + dots, Why: why, Err: err}
}

// scanAny reads any frame that Swim peers accept, by parsing it all.
func scanAny(frame []byte, e *Envelope) error {
	v, err := recon.Parse(frame)
	if err != nil {
		return reject(frame, "it is not Recon", err)
	}
	items := v.Items()
	if len(items) == 0 || items[0].Kind != recon.AttrItem {
		return reject(frame, `it does not begin with a tag, as @event(node:"/unit/1",lane:info) does`, nil)
	}
	name := v.Tag()
	*e = Envelope{Tag: tagOf([]byte(name))}
	if e.Tag == 0 {
		return reject(frame, "@"+name+" is none of the tags "+strings.Join(tagNames[Link:], ", "), nil)
	}
	if e.Tag.addressed() {
		if err := e.readHeaders(frame, v.Header(name).Items()); err != nil {
			return err
		}
	}
	e.Body = settle(recon.Append(nil, v.Body()))
	return nil
}

// settle puts parentheses around an expression that AppendBody does not know for
// one, because it begins with a string, a bracket or an attribute, and around one
// whose first operand is missing, which is none when it stands alone.
func settle(body []byte) []byte {
	if !bytes.ContainsAny(body, looseOperators) {
		return body
	}
	if v, err := recon.Parse(AppendBody([]byte("@event()"), body)); err == nil && v.Tag() == "event" {
		if _, err := recon.Parse(body); err == nil {
			return body
		}
	}
	return append(append([]byte{'('}, body...), ')')
}

// readHeaders takes named headers in any order, the last of a name counting, and
// unnamed ones by their place in the whole list: first the node, then the lane.
func (e *Envelope) readHeaders(frame []byte, headers []recon.Item) error {
	for i, h := range headers {
		name := ""
		switch {
		case h.IsField():
			name, _ = h.Key.Text()
		case i == 0:
			name = "node"
		case i == 1:
			name = "lane"
		}
		var err error
		switch name {
		case "node":
			e.Node, err = headerURI(h.Value)
		case "lane":
			e.Lane, err = headerURI(h.Value)
		case "prio":
			e.Prio, err = e.headerNumber(h.Value)
		case "rate":
			e.Rate, err = e.headerNumber(h.Value)
		}
		if err != nil {
			return reject(frame, "its "+name+" is wrong", err)
		}
	}
	missing := ""
	switch {
	case e.Node == nil && e.Lane == nil:
		missing = "no node and no lane"
	case e.Node == nil:
		missing = "no node"
	case e.Lane == nil:
		missing = "no lane"
	default:
		return nil
	}
	return reject(frame, fmt.Sprintf(`it has %s; write @%s(node:"/unit/1",lane:info)`, missing, e.Tag), nil)
}

// headerURI is the value as Swim turns it to text: numbers by their digits, what
// is neither text nor number as nothing. The result is never nil.
func headerURI(v recon.Value) ([]byte, error) {
	text := []byte{}
	if s, ok := v.Text(); ok {
		text = append(text, s...)
	} else if whole, ok := v.Big(); ok {
		text = whole.Append(text, 10)
	} else if v.IsNumber() {
		text = recon.Append(text, v)
	}
	_, err := route.Parse(string(text))
	return text, err
}

func (e *Envelope) headerNumber(v recon.Value) (float64, error) {
	if !e.Tag.graded() {
		return 0, nil
	}
	if f, ok := v.Float(); ok {
		return float64(float32(f)), nil
	}
	text, ok := v.Text()
	if ok {
		switch text {
		case "Infinity": // prints so, and then reads as text
			return math.Inf(1), nil
		case "-Infinity":
			return math.Inf(-1), nil
		case "NaN":
			return math.NaN(), nil
		}
		if !strings.ContainsFunc(text, func(r rune) bool { return !slices.Contains([]rune("0123456789+-.eE"), r) }) {
			if f, err := strconv.ParseFloat(text, 32); err == nil || math.IsInf(f, 0) {
				return f, nil
			}
		}
	}
	return 0, fmt.Errorf("want a number such as 0.5, read %s", describe(v))
}

func describe(v recon.Value) string {
	if v.Kind() == recon.KindExtant {
		return "nothing"
	}
	const shown = 40
	s := v.String()
	if len(s) > shown {
		s = s[:shown] + "…"
	}
	return v.Kind().String() + " " + s
}
