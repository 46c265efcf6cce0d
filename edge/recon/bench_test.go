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

func BenchmarkCodec(b *testing.B) {
	dst := make([]byte, 0, 256)
	floats, _ := CodecOf[float64]()
	points, _ := CodecOf[point]()
	texts, _ := CodecOf[string]()
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("append float64", func() (err error) { dst, err = floats.Append(dst[:0], 21.5); return })
	run("append struct", func() (err error) { dst, err = points.Append(dst[:0], point{1, 2}); return })
	run("append struct as encoding/json", func() (err error) { dst, err = json.Marshal(point{1, 2}); return })
	float, record, text := []byte("21.5"), []byte("{x:1,y:2}"), []byte("hello")
	run("decode float64", func() error { _, err := floats.Decode(float); return err })
	run("decode string", func() error { _, err := texts.Decode(text); return err })
	run("decode struct", func() error { _, err := points.Decode(record); return err })
	recordJSON := []byte(`{"x":1,"y":2}`)
	run("decode struct as encoding/json", func() error { var p point; return json.Unmarshal(recordJSON, &p) })
}
