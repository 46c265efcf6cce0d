package mqtt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"selvage/edge/leaktest"
	"selvage/edge/route"
	"selvage/edge/store"
)

func TestMoment(t *testing.T) {
	want := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		text string
		want time.Time // zero for none
		why  string
	}{
		{`"2026-11-23T08:00:00Z"`, want, ""},
		{`"2026-11-23T09:00:00.25+01:00"`, want.Add(250 * time.Millisecond), ""},
		{"1795420800", want, ""},
		{"1795420800.5", want.Add(500 * time.Millisecond), ""},
		{"1795420800123", want.Add(123 * time.Millisecond), ""},
		{`"1795420800"`, want, ""},
		{"null", time.Time{}, ""},
		{`"2026-11-23T08:00:00"`, time.Time{}, "is no time"}, // of which zone nobody knows
		{"0", time.Time{}, "is no time"},
		{"-5", time.Time{}, "is no time"},
		{"1e300", time.Time{}, "is no time"},
		{`"9999-01-01T00:00:00Z"`, time.Time{}, "is no time"},
		{`"soon"`, time.Time{}, "is no time"},
	} {
		pl, why := newPayload([]byte(`{"at":`+tt.text+"}"), true)
		if why != "" {
			t.Fatal(why)
		}
		at, ok, why := pl.moment(pathTo("at"))
		if ok != !tt.want.IsZero() || ok && !at.Time().Equal(tt.want) || !strings.Contains(string(why), tt.why) || tt.why == "" && why != "" {
			t.Errorf("moment(%s) = %v, %v, %q, want %v", tt.text, at.Time().UTC(), ok, why, tt.want)
		}
	}
}

// TestLate: a device that was out of reach delivers what it kept, twice; its twin does not go back.
func TestLate(t *testing.T) {
	leaktest.Check(t)
	b := startBroker(t)
	dir := t.TempDir()
	e := newEdge(t, dir)
	e.store.SetRules(func(route.NodeURI, route.LaneName) (store.Keep, bool) { return store.Keep{For: time.Hour}, true })
	l := e.open("broker", Config{URL: b.url(), Map: map[string]Map{"shed/{name}": {
		Device: "/device/{name}", Channel: map[string]Channel{"temperature": {Unit: "Cel", Path: pathTo("t")}}, At: pathTo("at"),
	}}})
	e.connected(l)
	now := time.Now().Truncate(time.Millisecond)
	pub := func(v int, ago time.Duration) {
		b.pub("shed/temp", fmt.Sprintf(`{"t":%d,"at":%d}`, v, now.Add(-ago).UnixMilli()), "-q", "1")
	}
	pub(9, time.Minute)
	for range 2 {
		pub(7, 30*time.Minute)
		pub(8, 20*time.Minute)
		pub(9, time.Minute)
		pub(1, 2*time.Hour) // older than what is kept
	}
	e.has("/device/temp", "temperature", "value:9", fmt.Sprintf("at:%d", now.Add(-time.Minute).UnixMilli()), "quality:good")
	pub(5, -time.Hour) // a clock that is wrong
	e.has("/device/temp", "temperature", "value:5", "quality:uncertain", "its clock says")
	until(t, "the acknowledgement", func() bool {
		return strings.Count(b.said(), "Received PUBACK from selvage-test-broker")+strings.Count(b.said(), "Received PUBREC from selvage-test-broker") == 10
	})
	h, err := e.host.History("/device/temp", "temperature", time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for p, ok := h.Next(); ok; p, ok = h.Next() {
		value, _, _ := strings.Cut(string(p.Body), ",")
		got = append(got, fmt.Sprint(value, " ", now.Sub(p.At.Time()).Round(time.Minute)))
	}
	if got, want := strings.Join(got, ", "), "{value:7 30m0s, {value:8 20m0s, {value:9 1m0s, {value:5 0s"; got != want {
		t.Errorf("history: %s, want %s", got, want)
	}
	if n := e.health.Count("history.expired"); n != 2 {
		t.Errorf("%d are counted as older than what is kept, want 2", n)
	}
}
