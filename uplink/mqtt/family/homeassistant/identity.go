package homeassistant

import (
	"regexp"
	"slices"
	"strings"
)

var (
	ieee = regexp.MustCompile(`0x[0-9a-f]{16}$`)
	mac  = regexp.MustCompile(`(?:^|[^0-9a-f])([0-9a-f]{2}([:-]?)[0-9a-f]{2}(?:[:-]?[0-9a-f]{2}){4})$`)
)

// address finds the address of a radio or network interface at the end of an identifier: "zigbee2mqtt_0x00124b0022f1a2b3",
// "esp32-020000000001". What has more behind it is a part of what has the address.
func address(identifier string) string {
	s := strings.ToLower(identifier)
	if a := ieee.FindString(s); a != "" {
		return a
	}
	if m := mac.FindStringSubmatch(s); m != nil {
		if a := strings.NewReplacer(":", "", "-", "").Replace(m[1]); len(a) == 12 {
			return a
		}
	}
	return ""
}

// identities are what tells a device from others, the best first: addresses, then what is unique in Home Assistant.
func identities(device config) (ids []string) {
	var named []string
	for _, s := range device.texts("identifiers") {
		named = append(named, "homeassistant/"+clip(s))
	}
	known := device.texts("identifiers")
	list, _ := device["connections"].([]any)
	for _, pair := range list {
		if pair, ok := pair.([]any); ok && len(pair) == 2 {
			known = append(known, asText(pair[1]))
			if s := asText(pair[1]); address(s) == "" && s != "" {
				named = append(named, "homeassistant/"+clip(s))
			}
		}
	}
	for _, s := range known {
		if a := address(s); a != "" && !slices.Contains(ids, a) {
			ids = append(ids, a)
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int { return len(b) - len(a) }) // a Zigbee address says more than that of the bridge
	for _, s := range named {
		if !slices.Contains(ids, s) {
			ids = append(ids, s)
		}
	}
	return ids[:min(len(ids), maxIdentities)]
}

const (
	maxIdentities = 16
	maxLabel      = 200 // bytes of a name or identifier
)

// clip bounds a name that a stranger chose.
func clip(s string) string {
	if len(s) > maxLabel {
		s = strings.ToValidUTF8(s[:maxLabel], "")
	}
	return s
}
