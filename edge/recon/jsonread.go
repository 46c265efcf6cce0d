package recon

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A JSONError says where ParseJSON cannot read on, and why. It wraps ErrLimit if a limit was passed.
type JSONError struct {
	Line, Col int // from 1; Col counts characters
	Offset    int // in bytes, from 0
	Err       error
}

func (e *JSONError) Error() string { return fmt.Sprintf("JSON %d:%d: %v", e.Line, e.Col, e.Err) }

// Unwrap returns the reason.
func (e *JSONError) Unwrap() error { return e.Err }

// pastLimit says which limit was passed.
type pastLimit string

func (e pastLimit) Error() string { return string(e) }
func (pastLimit) Unwrap() error   { return ErrLimit }

// ParseJSON reads JSON, within the default limits. Keys keep their order. Its error is a *JSONError.
func ParseJSON(text []byte) (Value, error) {
	r := jsonReader{text: text, limits: DefaultLimits}
	if size, most := len(text), r.limits.Bytes; size > most {
		return Value{}, r.fault(0, pastLimit(fmt.Sprintf("read %d bytes, want at most %d", size, most)))
	}
	if !utf8.Valid(text) {
		n := validLen(text)
		return Value{}, r.fault(n, fmt.Errorf("read %s, want UTF-8", describe(stringOf(text[n:]))))
	}
	r.dec = json.NewDecoder(strings.NewReader(string(text)))
	r.dec.UseNumber()
	v, _, err := r.value(0)
	if err == nil {
		if _, err = r.dec.Token(); err == io.EOF {
			return v, nil
		}
		err = errors.New("something follows the value")
	}
	var fault *JSONError
	if !errors.As(err, &fault) {
		fault = r.syntax(err)
	}
	return Value{}, fault
}

type jsonReader struct {
	text   []byte
	dec    *json.Decoder
	limits Limits
	count  int
}

func (r *jsonReader) fault(offset int, err error) *JSONError {
	at := position{line: 1, col: 1}
	at.pass(r.text[:offset])
	return &JSONError{at.line, at.col, at.offset, err}
}

// syntax is the fault for an error of the decoder, which does not say where it is.
func (r *jsonReader) syntax(err error) *JSONError {
	offset := int(r.dec.InputOffset())
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(r.text, new(json.RawMessage)), &syntax) {
		err, offset = syntax, int(syntax.Offset)-1 // which is behind the byte that is wrong
		if strings.HasPrefix(syntax.Error(), "unexpected end") {
			offset = len(r.text)
		}
	}
	return r.fault(max(0, min(offset, len(r.text))), err)
}

// recon reads Recon that stands at offset. The place of a fault in it would not be one in the JSON.
func (r *jsonReader) recon(text string, offset int) (Value, error) {
	v, err := ParseString(text)
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		return v, err
	}
	why := fmt.Sprintf("read %s, want %s", syntax.Read, syntax.Want)
	if syntax.limit {
		return Value{}, r.fault(offset, pastLimit(why))
	}
	return Value{}, r.fault(offset, fmt.Errorf("in $recon, at character %d: %s", utf8.RuneCountInString(text[:syntax.Offset])+1, why))
}

// value reads a value. If it is an object that stands for a field, as member of another, that is returned too.
func (r *jsonReader) value(depth int) (v Value, field Item, err error) {
	token, err := r.dec.Token()
	if err != nil {
		return v, field, err
	}
	behind := int(r.dec.InputOffset())
	switch t := token.(type) {
	case nil:
		return Extant(), field, nil
	case bool:
		return Bool(t), field, nil
	case string:
		return String(t), field, nil
	case json.Number:
		v, err = r.recon(t.String(), behind-len(t))
		return v, field, err
	}
	begin := behind - 1
	if depth >= r.limits.Depth {
		return v, field, r.fault(begin, pastLimit(fmt.Sprintf("read %d levels, want at most %d", depth+1, r.limits.Depth)))
	}
	var items []Item
	var names [2]string // of the first items
	for r.dec.More() {
		if r.count++; r.count > r.limits.Items {
			return v, field, r.fault(int(r.dec.InputOffset()), pastLimit(fmt.Sprintf("read %d items, want at most %d", r.count, r.limits.Items)))
		}
		var it Item
		var name string
		if token == json.Delim('[') {
			it.Value, _, err = r.value(depth + 1)
		} else {
			it, name, err = r.member(depth + 1)
		}
		if err != nil {
			return v, field, err
		}
		if len(items) < len(names) {
			names[len(items)] = name
		}
		items = append(items, it)
	}
	if _, err := r.dec.Token(); err != nil {
		return v, field, err
	}
	if len(items) == 1 {
		if text, ok := items[0].Value.Text(); ok && (names[0] == "$data" || names[0] == "$recon") {
			v, err = r.scalar(names[0], text, begin)
			return v, field, err
		}
	}
	return Record(items...), fieldOf(names, items), nil
}

// scalar reads what JSON has no literal for, at offset.
func (r *jsonReader) scalar(name, text string, offset int) (Value, error) {
	if name == "$recon" {
		return r.recon(text, offset)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Value{}, r.fault(offset, fmt.Errorf("in $data: %w", err))
	}
	return Data(b), nil
}

// member reads one member of a JSON object, whose name it returns too.
func (r *jsonReader) member(depth int) (it Item, name string, err error) {
	token, err := r.dec.Token()
	if err != nil {
		return it, "", err
	}
	name, _ = token.(string)
	v, field, err := r.value(depth)
	switch {
	case err != nil:
		return it, "", err
	case strings.HasPrefix(name, "@"):
		return Attr(name[1:], v), name, nil
	case !strings.HasPrefix(name, "$"), name == "$key", name == "$attr", name == "$value":
		return Field(name, v), name, nil
	case field.IsField():
		return field, name, nil
	}
	return Of(v), name, nil
}

// fieldOf returns the field that an object with these names stands for, if it does.
func fieldOf(names [2]string, items []Item) (field Item) {
	if len(items) != 2 {
		return field
	}
	key, value := items[0].Value, items[1].Value
	if names[0] == "$value" {
		names[0], names[1], key, value = names[1], names[0], value, key
	}
	if names[1] != "$value" {
		return field
	}
	switch name, isText := key.Text(); {
	case names[0] == "$key":
		return Slot(key, value)
	case names[0] == "$attr" && isText:
		return Attr(name, value)
	}
	return field
}
