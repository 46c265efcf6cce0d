package agent

import (
	"testing"
	"time"
)

// benchReading is what a device says.
type benchReading struct {
	Value float64
	Unit  string
	At    time.Time
}

// BenchmarkLanes is a change's way from the turn that makes it to a reader: a downlink of the lane's type, or
// one who reads its text, as links to other hosts do.
func BenchmarkLanes(b *testing.B) {
	v := benchReading{21.5, "Cel", time.UnixMilli(1)}
	kinds := map[string]func(a *Agent) (change func(i int)){
		"map": func(a *Agent) func(int) {
			m := Map[int, benchReading](a, "x").Transient()
			return func(i int) { m.Set(i%100, v) }
		},
		"list": func(a *Agent) func(int) {
			l := List[benchReading](a, "x").Transient()
			l.Append(v)
			return func(int) { l.Set(0, v) }
		},
		"supply": func(a *Agent) func(int) {
			l := Supply[benchReading](a, "x")
			return func(int) { l.Push(v) }
		},
	}
	links := map[string]func(a *Agent){
		"map":    func(a *Agent) { LinkMap[int, benchReading](a, "/s", "x") },
		"list":   func(a *Agent) { LinkList[benchReading](a, "/s", "x") },
		"supply": func(a *Agent) { LinkEvents[benchReading](a, "/s", "x") },
	}
	for _, kind := range []string{"map", "list", "supply"} {
		for _, local := range []bool{true, false} {
			name := kind + " as text"
			if local {
				name = kind + " to a downlink"
			}
			b.Run(name, func(b *testing.B) {
				o := newLoop(&testing.T{})
				var change func(int)
				s := o.add("/s", func(a *Agent) { change = kinds[kind](a) })
				var tail *Tail
				if local {
					o.add("/d", links[kind])
				} else {
					tail = s.Lane("x").Open(&reader{})
				}
				o.run()
				n := 0
				turn := func() { change(n); n++ }
				b.ReportAllocs()
				for b.Loop() {
					o.do(s, turn)
					for ok := tail != nil; ok; {
						_, ok = tail.Next()
					}
				}
			})
		}
	}
}
