package recon

import (
	"encoding/json"
	"testing"
)

const (
	event     = `@event(node:"/unit/1",lane:info)@update(key:air) {temp:21.5,hum:40,ok:true,n:"a b"}`
	eventJSON = `{"event":{"node":"/unit/1","lane":"info"},"key":"air","temp":21.5,"hum":40,"n":"a b"}`
)

func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"event", event}, {"float", "21.5"}, {"record", "{temp:21.5,hum:40}"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			text := []byte(bench.text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("event as encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal([]byte(eventJSON), &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	dst := make([]byte, 0, 256)
	for _, text := range []string{"42", "21.5", "{temp:21.5,hum:40}", event} {
		v, err := ParseString(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst = Append(dst[:0], v)
			}
		})
	}
}
