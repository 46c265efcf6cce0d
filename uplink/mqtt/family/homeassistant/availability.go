package homeassistant

import (
	"fmt"
	"strings"

	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/jinja"
)

// availability is how Home Assistant is told whether an entity is there. Most entities of a device have the same.
type availability struct {
	key   string
	mode  string
	items []*sign
	last  family.Presence
}

// sign is one topic that tells whether something is there.
type sign struct {
	source  source
	yes, no string
	says    family.Presence
}

const maxSigns = 20

// watch reads an entity's availability: a list, an object, or members of the config itself.
func (b *builder) watch() {
	a := &availability{mode: b.config.textOr("availability_mode", "latest")}
	list, isList := b.config["availability"].([]any)
	switch one, isOne := b.config["availability"].(map[string]any); {
	case isList:
		for _, item := range list[:min(len(list), maxSigns)] {
			if item, ok := item.(map[string]any); ok {
				b.sign(a, expanded(item, abbreviations), "topic", "value_template")
			}
		}
	case isOne:
		b.sign(a, expanded(one, abbreviations), "topic", "value_template")
	default:
		b.sign(a, b.config, "availability_topic", "availability_template")
	}
	if len(a.items) == 0 {
		return
	}
	keys := []string{a.mode}
	for _, s := range a.items {
		keys = append(keys, s.source.topic, s.yes, s.no)
	}
	a.key += strings.Join(keys, "\n")
	b.entity.watch = a
}

func (b *builder) sign(a *availability, c config, topic, template string) {
	if base, ok := b.config["~"].(string); ok {
		c.fillBase(base)
	}
	of := builder{config: c, entity: b.entity}
	from, ok := of.from(topic, template)
	b.faults = append(b.faults, of.faults...)
	if !ok || from.topic == "" {
		return
	}
	a.key += c.text(template) + "\n"
	a.items = append(a.items, &sign{
		source: from, yes: c.textOr("payload_available", "online"), no: c.textOr("payload_not_available", "offline"),
	})
}

// take takes in what came on the topic of a sign, and tells whether it says something.
func (a *availability) take(s *sign, payload *jinja.Payload, raw []byte) bool {
	text, err := s.source.text(payload, raw)
	switch {
	case err != nil: // it says nothing of this
		return false
	case text == s.yes:
		s.says = family.There
	case text == s.no:
		s.says = family.Away
	default:
		return false
	}
	a.last = a.judge(s)
	return true
}

// judge is what all signs together say, after the latest.
func (a *availability) judge(latest *sign) family.Presence {
	if a.mode != "all" && a.mode != "any" {
		return latest.says
	}
	here, gone := 0, 0
	for _, s := range a.items {
		switch s.says {
		case family.There:
			here++
		case family.Away:
			gone++
		}
	}
	switch {
	case a.mode == "any" && here > 0, here == len(a.items):
		return family.There
	case gone > 0:
		return family.Away
	}
	return family.Unsaid
}

func said(raw []byte) string { return fmt.Sprintf("says %.80q", raw) }
