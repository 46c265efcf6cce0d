package recon

import (
	"encoding/json"
	"io"
	"testing"
)

// An event as it arrives, and the same data in JSON.
const (
	event     = `@event(node:"/unit/1",lane:info)@update(key:air){temp:21.5,hum:40,ok:true,n:"a b"}`
	eventJSON = `{"event":{"node":"/unit/1","lane":"info"},"update":{"key":"air"},"temp":21.5,"hum":40,"ok":true,"n":"a b"}`
)

type eventBody struct {
	Temp float64 `json:"temp"`
	Hum  int     `json:"hum"`
	OK   bool    `json:"ok"`
	N    string  `json:"n"`
}

const (
	eventBodyText = `{temp:21.5,hum:40,ok:true,n:"a b"}`
	eventBodyJSON = `{"temp":21.5,"hum":40,"ok":true,"n":"a b"}`
)

// pair runs two benchmarks one after the other, so that both see the same state of the machine.
func pair(b *testing.B, name string, recon, asJSON func() error) {
	for _, bench := range []struct {
		name string
		run  func() error
	}{{"recon", recon}, {"json", asJSON}} {
		b.Run(name+"/"+bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bench.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValue(b *testing.B) {
	text, textJSON := []byte(event), []byte(eventJSON)
	v, err := Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	var anyJSON any
	if err := json.Unmarshal(textJSON, &anyJSON); err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 256)
	pair(b, "parse", func() error { _, err := Parse(text); return err },
		func() error { var v any; return json.Unmarshal(textJSON, &v) })
	pair(b, "encode", func() error { dst = Append(dst[:0], v); return nil },
		func() error { _, err := json.Marshal(anyJSON); return err })
}

func BenchmarkStruct(b *testing.B) {
	bodies, err := CodecOf[eventBody]()
	if err != nil {
		b.Fatal(err)
	}
	body, text, textJSON := eventBody{21.5, 40, true, "a b"}, []byte(eventBodyText), []byte(eventBodyJSON)
	if printed, err := bodies.Append(nil, body); err != nil || string(printed) != eventBodyText {
		b.Fatal(string(printed), err)
	}
	dst := make([]byte, 0, 256)
	pair(b, "marshal", func() (err error) { dst, err = bodies.Append(dst[:0], body); return },
		func() error { _, err := json.Marshal(&body); return err })
	pair(b, "unmarshal", func() error { _, err := bodies.Decode(text); return err },
		func() error { var v eventBody; return json.Unmarshal(textJSON, &v) })
}

func BenchmarkMap(b *testing.B) {
	counts, err := CodecOf[map[string]int]()
	if err != nil {
		b.Fatal(err)
	}
	m, text, textJSON := map[string]int{"a": 1, "b": 2, "c": 3}, []byte("{a:1,b:2,c:3}"), []byte(`{"a":1,"b":2,"c":3}`)
	dst := make([]byte, 0, 256)
	pair(b, "marshal", func() (err error) { dst, err = counts.Append(dst[:0], m); return },
		func() error { _, err := json.Marshal(m); return err })
	pair(b, "unmarshal", func() error { _, err := counts.Decode(text); return err },
		func() error { var v map[string]int; return json.Unmarshal(textJSON, &v) })
}

// BenchmarkScalar is the way of a reading: one number into a lane and out of it.
func BenchmarkScalar(b *testing.B) {
	floats, err := CodecOf[float64]()
	if err != nil {
		b.Fatal(err)
	}
	dst, text := make([]byte, 0, 256), []byte("21.5")
	pair(b, "marshal", func() (err error) { dst, err = floats.Append(dst[:0], 21.5); return },
		func() error { _, err := json.Marshal(21.5); return err })
	pair(b, "unmarshal", func() error { _, err := floats.Decode(text); return err },
		func() error { var f float64; return json.Unmarshal(text, &f) })
}

func BenchmarkScanner(b *testing.B) {
	text := []byte(event + "\n")
	s := NewScanner(Limits{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s.reset(position{line: 1, col: 1})
		s.Write(text)
		for {
			if _, err := s.Next(); err == ErrMore {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkReader(b *testing.B) {
	src := &endless{line: event + "\n", left: 1 << 62}
	r := NewReader(src, Limits{})
	b.SetBytes(int64(len(src.line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.Next(); err != nil && err != io.EOF {
			b.Fatal(err)
		}
	}
}
