package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/host"
	"selvage/edge/route"
	"selvage/edge/store"
)

// TestBackfill: values of the past come in as CSV, once however often they are sent, and go out the same.
func TestBackfill(t *testing.T) {
	b := start(t, Options{Policy: strict(t, onLoopback)})
	b.Host.Clock.Learn(time.Now()) // where the kernel does not know it
	b.Host.Store.SetRules(func(_ route.NodeURI, lane route.LaneName) (store.Keep, bool) {
		return store.Keep{For: 1000 * time.Hour}, lane != "stock" && lane != "shown"
	})
	kind := agent.NewKind("air", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "temperature", device.Reading{}).ReadOnly()
		return nil
	})
	if _, err := b.Host.Add("/air", host.Agents, kind, nil); err != nil {
		t.Fatal(err)
	}
	base := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	at := func(second int) string {
		return base.Add(time.Duration(second) * time.Second).Format("2006-01-02T15:04:05.000Z07:00")
	}
	air := "at,value,unit,quality\n" + at(1) + ",21.5,Cel,good\n" + at(2) + ",21.75,Cel,uncertain\n"
	const temperature, level = "/air?lane=temperature", "/box/1?lane=level"
	post := func(path, csv, want string, code int) {
		t.Helper()
		got, body, _ := b.do(t, "POST", path, csv, "Content-Type: text/csv")
		if got != code || strings.TrimSpace(body) != want {
			t.Errorf("POST %s %.40q: %d %s\nwant %d %s", path, csv, got, body, code, want)
		}
	}
	const taken2 = `{"taken":2,"expired":0}`
	post(temperature, air, taken2, 200)
	post(temperature, "value,at\n20,"+at(0)+"\n", `{"taken":1,"expired":0}`, 200)
	post(temperature, air, taken2, 200) // sent again
	post(level, "at,value\n"+fmt.Sprint(base.UnixMilli())+",7\n2020-01-01T00:00:00Z,8\n", `{"taken":1,"expired":1}`, 200)
	for path, want := range map[string]string{
		temperature + "&from=-2h&format=csv": "at,value,unit,quality\n" + at(0) + ",20,,good\n" + air[len("at,value,unit,quality\n"):],
		level + "&from=-2h&format=csv":       "at,value,unit,quality\n" + at(0) + ",7,,\n",
		level:                                "1.5\n",
		temperature:                          "{quality:bad,reason:\"no reading yet\"}\n",
	} {
		if _, body, _ := b.do(t, "GET", path, ""); body != strings.TrimSpace(want) {
			t.Errorf("GET %s:\n%swant\n%s", path, body, want)
		}
	}
	for _, tt := range []struct {
		path, csv, want string
		code            int
	}{
		{level, "", "there are no values; the first line is at,value,unit,quality; nothing was recorded", 400},
		{level, "at,count,min\n", `there is no column "count"; there are at, value, unit and quality; nothing was recorded`, 400},
		{level, "at\n", "the column value is missing; the first line is at,value,unit,quality; nothing was recorded", 400},
		{level, "at,value\n" + at(1) + ",1\nsoon,2\n", `line 3: "soon" is no time, such as 2026-11-23T08:00:00Z or milliseconds since 1970; nothing was recorded`, 400},
		{level, "at,value\n" + at(1) + ",1,2\n", "record on line 2: wrong number of fields; nothing was recorded", 400},
		{level, "at,value\n" + at(1) + ",1\n" + at(7200) + ",2\n", "1 of 2 values were recorded, then: its time is still to come", 400},
		{"/box/1?lane=shown", "at,value\n" + at(1) + ",1\n", `0 of 1 values were recorded, then: nothing is kept of this lane; a table [history."/…"] of the host's config has it kept`, 400},
		{"/box/1?lane=stock", "at,value\n" + at(1) + ",1\n", "0 of 1 values were recorded, then: it is a map lane, and only value lanes have a history", 400},
		{"/box/1?lane=nope", "at,value\n" + at(1) + ",1\n", "agent /box/1 has no lane nope", 404},
		{"/nobody?lane=level", "at,value\n" + at(1) + ",1\n", "there is no agent /nobody", 404},
	} {
		post(tt.path, tt.csv, tt.want, tt.code)
	}
	many := "at,value\n"
	for i := range 3000 {
		many += fmt.Sprintf("%d,%d\n", base.Add(-time.Hour).UnixMilli()+int64(i), i)
	}
	if code, _, _ := b.do(t, "POST", level, many, "Content-Type: text/csv", asBoard()); code != 403 {
		t.Errorf("who may only read writes the past: %d", code)
	}
	post(level, many, `{"taken":3000,"expired":0}`, 200)
	post(level, many, `{"taken":3000,"expired":0}`, 200)
	_, body, _ := b.do(t, "GET", level+"&from=-24h&step=24h&format=csv", "")
	total := 0
	for _, line := range strings.Split(strings.TrimSpace(body), "\n")[1:] {
		var n int
		fmt.Sscan(strings.Split(line, ",")[1], &n)
		total += n
	}
	if total != 3002 {
		t.Errorf("%d values are there, want 3002:\n%s", total, body)
	}
}
