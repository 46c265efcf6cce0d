package store

import (
	"bytes"

	"selvage/edge/clock"
	"selvage/edge/recon"
)

var untrusted = []byte("trusted:false")

// restamp gives a value that carries a time of its own, as a device.Reading does, the right one, if that is
// known by now: {value:1,at:60000,trusted:false,boot:b,mono:60000} becomes {value:1,at:1763900000000}. Other
// values come back as they are.
func (b *boots) restamp(body []byte, now *clock.Clock) []byte {
	if !bytes.Contains(body, untrusted) {
		return body
	}
	v, err := recon.Parse(body)
	if err != nil {
		return body
	}
	trusted, says := v.Get("trusted").Bool()
	name, hasBoot := v.Get("boot").Text()
	mono, hasMono := v.Get("mono").Int()
	if !says || trusted || !hasBoot || !hasMono {
		return body
	}
	t := b.named(clock.BootID(name), now)
	if !t.trusted {
		return body
	}
	at := recon.Field("at", recon.Int(mono+t.offset.Milliseconds()))
	var items []recon.Item
	for _, it := range v.Items() {
		switch name, _ := it.Key.Text(); name {
		case "trusted", "boot", "mono":
		case "at":
			items = append(items, at)
		default:
			items = append(items, it)
		}
	}
	if v.Get("at").IsAbsent() {
		items = append(items, at)
	}
	return recon.Append(nil, recon.Record(items...))
}

// named returns how the stamps of a boot get their time by now.
func (b *boots) named(name clock.BootID, now *clock.Clock) bootTime {
	b.mu.RLock()
	r := b.byName[name]
	b.mu.RUnlock()
	if r == nil {
		return bootTime{}
	}
	return b.time(r.id, now)
}
