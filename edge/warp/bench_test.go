package warp

import "testing"

var frames = []struct{ name, text string }{
	{"value", `@event(node:"/unit/1",lane:info) 5`},
	{"reading", `@event(node:"/device/air",lane:temperature){value:21.5,unit:Cel,at:1732300000123,quality:good}`},
	{"update", `@event(node:"/device/air",lane:history)@update(key:1732300000123){value:21.5,unit:Cel}`},
	{"sync", `@sync(node:"/unit/1",lane:info,prio:0.5)`},
	{"positional", `@command("/unit/1",info) 5`},
}

func BenchmarkScan(b *testing.B) {
	for _, f := range frames {
		b.Run(f.name, func(b *testing.B) {
			frame := []byte(f.text)
			var e Envelope
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				if err := Scan(frame, &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, f := range frames {
		b.Run(f.name, func(b *testing.B) {
			var e Envelope
			if err := Scan([]byte(f.text), &e); err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				dst = Append(dst[:0], &e)
			}
		})
	}
}

// The frames of every day cost no allocation in either direction.
func TestAllocs(t *testing.T) {
	for _, f := range frames[:4] {
		frame := []byte(f.text)
		var e Envelope
		dst := make([]byte, 0, 256)
		if n := testing.AllocsPerRun(100, func() {
			if err := Scan(frame, &e); err != nil {
				t.Error(err)
			}
			dst = Append(dst[:0], &e)
		}); n != 0 {
			t.Errorf("%s: %v allocations to scan and print, want none", f.name, n)
		}
		if string(dst) != f.text {
			t.Errorf("%s is printed as %s", f.text, dst)
		}
	}
}
