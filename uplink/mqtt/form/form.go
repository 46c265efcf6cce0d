// Package form reads what is published in other forms than JSON as JSON, so that one path leads to a value in all
// of them.
package form

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"selvage/edge/recon"
)

// maxDepth is how deep lists and objects may lie in each other.
const maxDepth = 32

// Recon reads Recon, an attribute @name as a member "@name" (see recon.AppendJSON).
func Recon(raw []byte) ([]byte, error) {
	v, err := recon.Parse(raw)
	if err != nil {
		return nil, err
	}
	return recon.AppendJSON(nil, v), nil
}

// Match reads text by a regular expression: an object with the groups that have a name and were found.
func Match(by *regexp.Regexp, raw []byte) ([]byte, error) {
	found := by.FindSubmatchIndex(raw)
	if found == nil {
		return nil, errors.New("it does not match")
	}
	var o object
	for i, name := range by.SubexpNames() {
		if name != "" && found[2*i] >= 0 {
			o.add([]byte(name), quote(raw[found[2*i]:found[2*i+1]]))
		}
	}
	return o.end(), nil
}

// object is a JSON object while it is written.
type object struct{ text []byte }

// add adds a member. Of several with one name the last counts.
func (o *object) add(name, value []byte) {
	o.text = append(o.text, "{,"[min(len(o.text), 1)])
	o.text = append(append(append(o.text, quote(name)...), ':'), value...)
}

func (o *object) end() []byte {
	if o.text == nil {
		return []byte("{}")
	}
	return append(o.text, '}')
}

// quote writes text as a JSON string; what is not UTF-8 in it is replaced.
func quote(text []byte) []byte {
	quoted, _ := json.Marshal(string(text)) // a string never fails
	return quoted
}

var errDeep = fmt.Errorf("it lies more than %d deep", maxDepth)
