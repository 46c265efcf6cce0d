package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/store"
)

type saver func(*store.Batch)

func (f saver) Save(b *store.Batch) { f(b) }

func TestHistory(t *testing.T) {
	b := start(t, Options{})
	s := b.Host.Store
	const day = 1_700_006_400_000 // ms since 1970, 2023-11-15T00:00:00Z
	at := func(second int) clock.Stamp {
		return clock.Stamp{Boot: "b", Mono: time.Duration(second) * time.Second, Wall: (day + int64(second)*1000) * 1e6, Trusted: true}
	}
	s.Mark(saver(func(batch *store.Batch) {
		level, any := s.Lane("/box/1", "level", "value"), s.Lane("/box/1", "any", "value")
		for i := range 120 {
			batch.Point(level, fmt.Appendf(nil, "{value:%d,unit:Cel,at:%d,quality:good}", i, day+int64(i)*1000), at(i), false)
		}
		batch.Point(any, []byte(`"a, \"b\""`), at(0), false)
		batch.Point(any, []byte("7.5"), clock.Stamp{Boot: "c", Mono: time.Second, Wall: 5e9}, false)
	}))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	const level, any = "/box/1?lane=level", "/box/1?lane=any"
	tests := []struct {
		path, accept string
		code         int
		want         string
	}{
		{level + "&from=1700006400000&to=1700006402000", "", 200,
			"[{\"at\":1700006400000,\"value\":0,\"unit\":\"Cel\",\"quality\":\"good\"},\n{\"at\":1700006401000,\"value\":1,\"unit\":\"Cel\",\"quality\":\"good\"}]"},
		{level + "&from=2023-11-15T00:01:59Z", csvType, 200, "at,value,unit,quality\n2023-11-15T00:01:59.000Z,119,Cel,good"},
		{level + "&from=0&step=1m", "", 200,
			"[{\"at\":1700006400000,\"count\":60,\"min\":0,\"mean\":29.5,\"max\":59},\n{\"at\":1700006460000,\"count\":60,\"min\":60,\"mean\":89.5,\"max\":119}]"},
		{level + "&step=1h&format=csv", "", 200, "at,count,min,mean,max\n2023-11-15T00:00:00.000Z,120,0,59.5,119"},
		{any + "&from=0", "", 200, "[{\"at\":1700006400000,\"value\":\"a, \\\"b\\\"\"},\n{\"at\":1700006401000,\"trusted\":false,\"value\":7.5}]"},
		{any + "&from=1&format=csv", "", 200, "at,value,unit,quality\n2023-11-15T00:00:00.000Z,\"a, \"\"b\"\"\",,\n2023-11-15T00:00:01.000Z,7.5,,"},
		{level + "&from=-1h", "", 200, "[]"},
		{level + "&from=-1h", csvType, 200, ""},
		{level + "&from=yesterday", "", 400, "from=yesterday is no time; write 2026-11-23T08:00:00Z, milliseconds since 1970, or -24h or -7d for that long ago"},
		{level + "&step=0s", "", 400, "step=0s is no step of a second or more; write 1m, 15m or 7d"},
		{"/box/1?lane=nope&from=0", "", 404, "agent /box/1 has no lane nope"},
		{"/nobody?lane=level&from=0", "", 404, "there is no agent /nobody"},
	}
	for _, tt := range tests {
		code, body, header := b.do(t, "GET", tt.path, "", "Accept: "+tt.accept)
		if code != tt.code || strings.TrimSpace(body) != tt.want {
			t.Errorf("GET %s (%s): %d\n%s\nwant %d\n%s", tt.path, tt.accept, code, body, tt.code, tt.want)
		}
		if kind := header.Get("Content-Type"); code == 200 && (kind == csvType) != (tt.accept == csvType || strings.Contains(tt.path, "csv")) {
			t.Errorf("GET %s (%s) is %s", tt.path, tt.accept, kind)
		}
	}
}
