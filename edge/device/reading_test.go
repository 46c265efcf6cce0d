package device

import (
	"math"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/recon"
)

var (
	trusted   = clock.Stamp{Wall: 1732300000123 * int64(time.Millisecond), Trusted: true}
	untrusted = clock.Stamp{Boot: "b1", Mono: 1500 * time.Millisecond, Wall: 12 * int64(time.Millisecond)}
)

func TestReadingRecon(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Reading
		text string
	}{
		{"number", Reading{Value: 21.5, Unit: "Cel", At: trusted}, `{value:21.5,unit:Cel,at:1732300000123,quality:good}`},
		{"zero", Reading{Unit: "Cel", At: trusted}, `{value:0,unit:Cel,at:1732300000123,quality:good}`},
		{"percent", Reading{Value: 45, Unit: "%", At: trusted}, `{value:45,unit:"%",at:1732300000123,quality:good}`},
		{"switch", Reading{Value: 1, Form: Boolean, At: trusted}, `{value:true,at:1732300000123,quality:good}`},
		{"text", Reading{Text: "all well", Form: Text, At: trusted}, `{value:"all well",at:1732300000123,quality:good}`},
		{"doubtful", Reading{Value: 200, Unit: "Cel", At: trusted, Quality: Uncertain, Reason: "out of range"},
			`{value:200,unit:Cel,at:1732300000123,quality:uncertain,reason:"out of range"}`},
		{"bad", Reading{Unit: "Cel", At: trusted, Quality: Bad, Reason: "no answer"}, `{unit:Cel,at:1732300000123,quality:bad,reason:"no answer"}`},
		{"no trusted time", Reading{Value: 1, Unit: "W", At: untrusted}, `{value:1,unit:W,at:12,quality:good,trusted:false,boot:b1,mono:1500}`},
		{"no time at all", Reading{Value: 1, Unit: "W"}, `{value:1,unit:W,quality:good}`},
		{"never read", Reading{}, `{quality:bad,reason:"no reading yet"}`},
	} {
		got, err := c.r.AppendRecon(nil)
		if err != nil || string(got) != c.text {
			t.Errorf("%s: prints %s, %v, want %s", c.name, got, err, c.text)
		}
		v, err := recon.ParseString(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if canon := recon.Append(nil, v); string(canon) != c.text {
			t.Errorf("%s: recon prints it as %s", c.name, canon)
		}
		back := Reading{Value: 99, Reason: "left over"}
		if err := back.LoadRecon(v); err != nil || back != c.r {
			t.Errorf("%s: loads as %+v, %v, want %+v", c.name, back, err, c.r)
		}
	}
}

func TestReadingLoadsPlainValues(t *testing.T) {
	for text, want := range map[string]Reading{
		"21.5":                      {Value: 21.5},
		"3":                         {Value: 3},
		"0":                         {Unit: "1"},
		"{value:0,quality:good}":    {Unit: "1"},
		"false":                     {Form: Boolean},
		"true":                      {Value: 1, Form: Boolean},
		`"open"`:                    {Text: "open", Form: Text},
		"{value:3}":                 {Value: 3},
		"{value:3,unit:W,colour:1}": {Value: 3, Unit: "W"},
	} {
		v, err := recon.ParseString(text)
		if err != nil {
			t.Fatal(err)
		}
		var r Reading
		if err := r.LoadRecon(v); err != nil || r != want || r.Bad() {
			t.Errorf("%s loads as %+v, %v, want %+v", text, r, err, want)
		}
	}
}

func TestReadingRefuses(t *testing.T) {
	for _, text := range []string{
		"", "{}", "{a:1}", "@x", "{value:{1,2}}", "{value:1,unit:3}", "{value:1,quality:nice}", "{value:1,at:noon}", "%AAAA",
	} {
		v, err := recon.ParseString(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r := Reading{Value: 7}
		if err := r.LoadRecon(v); err == nil || r != (Reading{Value: 7}) {
			t.Errorf("%q loads as %+v, error %v, want an error and the reading untouched", text, r, err)
		}
	}
}

func TestReadingWords(t *testing.T) {
	for want, r := range map[string]Reading{
		"21.5 °C":        {Value: 21.5, Unit: "Cel"},
		"45 %":           {Value: 45, Unit: "%"},
		"971063296 B":    {Value: 971063296, Unit: "By"},
		"0.3":            {Value: 0.30000000000000004, Unit: "1"},
		"on":             {Value: 1, Form: Boolean},
		"off":            {Form: Boolean},
		"open":           {Text: "open", Form: Text},
		"no reading yet": {},
		"no answer":      {Quality: Bad, Reason: "no answer"},
		"bad reading":    {Quality: Bad},
	} {
		if got := r.String(); got != want {
			t.Errorf("%+v prints %q, want %q", r, got, want)
		}
	}
}

func TestJudgement(t *testing.T) {
	d := managed{channels: []Channel{{Name: "t", Unit: "Cel", Min: -40, Max: 125, Resolution: 0.01}}}
	for _, c := range []struct {
		value   float64
		want    float64
		quality Quality
		reason  string
	}{
		{21.4321, 21.43, Good, ""},
		{-0.004, 0, Good, ""},
		{126, 126, Uncertain, "outside -40 to 125 °C"},
		{math.NaN(), 0, Bad, "not a number"},
		{math.Inf(1), 0, Bad, "not a number"},
	} {
		r := d.readings(Sample{{Channel: "t", Value: c.value}}, trusted)[0].Reading
		if r.Value != c.want || r.Quality != c.quality || r.Reason != c.reason {
			t.Errorf("%v: %v %v %q, want %v %v %q", c.value, r.Value, r.Quality, r.Reason, c.want, c.quality, c.reason)
		}
	}
	bad := d.readings(Sample{{Channel: "t", Value: 3, Err: Unanswered(&fakeBus{name: "bus"}, 0x40, ErrNoAnswer)}}, trusted)[0].Reading
	if !bad.Bad() || bad.Value != 0 || bad.Reason != "no answer at 0x40 on bus" {
		t.Errorf("an error gives %+v", bad)
	}
}

func FuzzReadingLoads(f *testing.F) {
	f.Add(`{value:21.5,unit:Cel,at:1732300000123,quality:good,trusted:false,boot:b,mono:3}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := recon.ParseString(text)
		if err != nil {
			return
		}
		var r Reading
		if r.LoadRecon(v) != nil {
			return
		}
		printed, _ := r.AppendRecon(nil)
		v2, err := recon.Parse(printed)
		if err != nil {
			t.Fatalf("%q: prints %s, which does not parse: %v", text, printed, err)
		}
		var again Reading
		if err := again.LoadRecon(v2); err != nil {
			t.Fatalf("%q: prints %s, which does not load: %v", text, printed, err)
		}
	})
}
