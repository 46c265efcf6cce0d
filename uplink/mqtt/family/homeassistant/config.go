package homeassistant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"selvage/edge/jsonpath"
)

// config is an object in a discovery message, with long names.
type config map[string]any

// maxConfig is what a discovery message may have in bytes; one for a whole device has some ten thousand.
const maxConfig = 64 << 10

func parseConfig(raw []byte) (config, error) {
	switch {
	case len(raw) > maxConfig:
		return nil, fmt.Errorf("it has %d bytes, and %d are taken at most", len(raw), maxConfig)
	case !jsonpath.Valid(raw):
		return nil, fmt.Errorf("it is no JSON: %s", whereBroken(raw))
	}
	var c map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&c); err != nil || c == nil {
		return nil, fmt.Errorf("it is no JSON object, but %.40q", raw)
	}
	return expanded(c, abbreviations), nil
}

func whereBroken(raw []byte) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err.Error()
	}
	return "it is nested too deep"
}

// expanded gives an object's members their long names.
func expanded(c map[string]any, long map[string]string) config {
	for short, v := range maps.Clone(c) {
		if name, ok := long[short]; ok {
			delete(c, short)
			if _, both := c[name]; !both {
				c[name] = v
			}
		}
	}
	return c
}

// object returns a member that is an object, nil if it is not.
func (c config) object(key string, long map[string]string) config {
	if o, ok := c[key].(map[string]any); ok {
		return expanded(o, long)
	}
	return nil
}

// has tells whether something is said under key.
func (c config) has(key string) bool { return c[key] != nil }

// text is a member as Home Assistant takes it for a text, which is Python's way to print it.
func (c config) text(key string) string { return asText(c[key]) }

func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "True"
		}
		return "False"
	}
	return ""
}

func (c config) textOr(key, otherwise string) string {
	if c.has(key) {
		return c.text(key)
	}
	return otherwise
}

func (c config) number(key string, otherwise float64) float64 {
	if f, err := strconv.ParseFloat(c.text(key), 64); err == nil {
		return f
	}
	return otherwise
}

func (c config) flag(key string) bool {
	switch strings.ToLower(c.text(key)) {
	case "true", "1", "yes", "on", "enable":
		return true
	}
	return false
}

// texts is a member that is a list of texts, or one of them.
func (c config) texts(key string) (texts []string) {
	if list, ok := c[key].([]any); ok {
		for _, v := range list {
			if s := asText(v); s != "" {
				texts = append(texts, s)
			}
		}
		return texts
	}
	if s := c.text(key); s != "" {
		return []string{s}
	}
	return nil
}

// fillBase puts the base in where a topic begins or ends with ~.
func (c config) fillBase(base string) {
	for key, v := range c {
		s, isText := v.(string)
		if isText && strings.HasSuffix(key, "topic") {
			if after, ok := strings.CutPrefix(s, "~"); ok {
				s = base + after
			}
			if before, ok := strings.CutSuffix(s, "~"); ok {
				s = before + base
			}
			c[key] = s
		}
	}
}
