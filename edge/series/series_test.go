package series_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"selvage/edge/series"
)

func unpack(tb testing.TB, block []byte) (points []series.Point) {
	tb.Helper()
	r, err := series.Open(block)
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	for p := (series.Point{}); r.Next(&p); p.Body = nil {
		points = append(points, p)
	}
	if r.Err() != nil {
		tb.Fatalf("Err: %v", r.Err())
	}
	return points
}

func checkSame(tb testing.TB, block []byte, want []series.Point) {
	tb.Helper()
	got := unpack(tb, block)
	if len(got) != len(want) {
		tb.Fatalf("%d points come back as %d", len(want), len(got))
	}
	for i, w := range want {
		g := got[i]
		if !bytes.Equal(g.Body, w.Body) {
			tb.Fatalf("body %d: %q comes back as %q", i, w.Body, g.Body)
		}
		g.Body, w.Body = nil, nil
		if g.Seq != w.Seq || g.Boot != w.Boot || g.Mono != w.Mono || g.Wall != w.Wall || g.Trusted != w.Trusted {
			tb.Fatalf("point %d: %+v comes back as %+v", i, w, g)
		}
	}
}

// steady makes points a second apart with the bodies that body returns, given the number of the point and its Wall.
func steady(n int, body func(i int, wall int64) string) []series.Point {
	points := make([]series.Point, n)
	for i := range points {
		at := int64(i) * 1000
		points[i] = series.Point{
			Seq: uint64(i + 1), Boot: 1, Mono: 5000 + at, Wall: 1732300000123 + at, Trusted: true,
			Body: []byte(body(i, 1732300000123+at)),
		}
	}
	return points
}

// number forms as bodies have them, and as they should not.
var numberForms = []string{
	"0", "-0", "0.0", "-0.0", "00.5", "007", "+1", "-1", "1.", ".5", "-.5", "1.50", "2.0", "-21.5", "21.5", "0.001", "0.0001",
	"1.0E-4", "1.25E-4", "-9.9E-7", "1.5E-06", "1.50E-7", "1.0E20", "1.23456785E7", "12345678.5", "0.0E-4", "1E5", "1e300", "1E-5", "1.0E-",
	"1.2345678901234567E-10", "9.0E-39", "9.0E-41", "4.9E-324", "572.666666666667", "74.93588199999998", "0.00476416302416414",
	"9223372036854775807", "-9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551616",
	"0.9223372036854775807", "0.0000000000000000000000000000000000000009", "922337203685477580.7", "99999999999999999999.9", "0x10", "0xffffffff", "1_000",
	"1.2.3", "192.168.1.10", "2026-11-23T08:15:00Z", "1-2", "--5", "5%", "5s", "x5", "5x", "é5", "-", "--", ".", "E", "1\xff2", "\xff", "\xff\x01", "NaN", "Infinity",
	strings.Repeat("7", 5000), "0." + strings.Repeat("3", 60),
}

func TestNumberForms(t *testing.T) {
	for _, form := range numberForms {
		for _, around := range []string{"%s", "{value:%s,unit:Cel}", "%s %[1]s", "a%sb"} {
			body := fmt.Sprintf(around, form)
			points := steady(3, func(int, int64) string { return body })
			checkSame(t, series.Append(nil, points), points)
			// Beside an ordinary number it is in the same column, or not in one.
			points = steady(40, func(i int, _ int64) string {
				if i%7 == 3 {
					return body
				}
				return fmt.Sprintf(around, "21.5")
			})
			checkSame(t, series.Append(nil, points), points)
		}
	}
	all := steady(len(numberForms)*3, func(i int, _ int64) string { return numberForms[i*i%len(numberForms)] })
	checkSame(t, series.Append(nil, all), all)
}

// TestBounds: no points are a block too, whose Head is zero.
func TestBounds(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 31, 32, 33, 4096, series.MaxPoints} {
		points := steady(n, func(i int, at int64) string {
			return fmt.Sprintf("{value:%v,unit:Cel,at:%d,quality:good}", 20+float64(i*i%17)/10, at)
		})
		block := series.Append([]byte("before"), points)
		if !bytes.HasPrefix(block, []byte("before")) {
			t.Fatalf("%d points: Append overwrites what was there", n)
		}
		block = block[len("before"):]
		checkSame(t, block, points)
		want := series.Head{}
		if n > 0 {
			want = series.Head{Points: n, First: 1, Last: uint64(n), Least: points[0].Wall, Greatest: points[n-1].Wall}
		}
		if h, err := series.HeadOf(block); err != nil || h != want {
			t.Errorf("%d points: HeadOf = %+v, %v, want %+v", n, h, err, want)
		}
		r, err := series.Open(block)
		if err != nil || r.Head() != want {
			t.Errorf("%d points: Head = %+v, %v, want %+v", n, r.Head(), err, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a point too many is packed")
		}
	}()
	series.Append(nil, make([]series.Point, series.MaxPoints+1))
}

func TestExtremes(t *testing.T) {
	ends := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64}
	random := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		points := make([]series.Point, random.IntN(100))
		for i := range points {
			any := func() int64 { return ends[random.IntN(len(ends))] }
			points[i] = series.Point{Seq: uint64(any()), Boot: any(), Mono: any(), Wall: any(), Trusted: any() < 0}
			points[i].Body = strconv.AppendInt(nil, any(), 10)
		}
		checkSame(t, series.Append(nil, points), points)
	}
}

// TestAnyHistory packs histories of all shapes: boots, clock steps, late data, gaps, forms of bodies that change.
func TestAnyHistory(t *testing.T) {
	for seed := range uint64(300) {
		points := history(rand.New(rand.NewPCG(seed, 1)), 1+int(seed)%700, nil)
		block := series.Append(nil, points)
		checkSame(t, block, points)
		h, err := series.HeadOf(block)
		if err != nil || h.First != points[0].Seq || h.Last != points[len(points)-1].Seq {
			t.Fatalf("HeadOf = %+v, %v", h, err)
		}
	}
}

// history makes a history; bodies are now and then taken from given ones.
func history(random *rand.Rand, n int, given [][]byte) []series.Point {
	points := make([]series.Point, n)
	seq, boot, mono, wall, trusted := random.Uint64N(1<<40), int64(1), random.Int64N(1e9), int64(1732300000123), random.IntN(2) == 0
	value, decimals, shape := random.Float64()*1000, random.IntN(12), random.IntN(8)
	rate := int64(1 + random.IntN(100000))
	for i := range points {
		switch random.IntN(40) {
		case 0:
			boot, mono, trusted = boot+1, random.Int64N(20000), false
		case 1:
			wall += random.Int64N(1e9) - 5e8
			trusted = true
		case 2:
			seq += random.Uint64N(1000)
		case 3:
			shape, decimals = random.IntN(8), random.IntN(12)
		}
		step := rate + random.Int64N(41) - 20
		seq, mono, wall = seq+1, mono+step, wall+step
		value += random.NormFloat64()
		number := strconv.FormatFloat(value, 'f', decimals, 64)
		if random.IntN(2) == 0 {
			number = strconv.FormatFloat(value, 'g', -1, 64)
		}
		var body string
		switch shape {
		case 0, 1, 2:
			body = fmt.Sprintf("{value:%s,unit:Cel,at:%d,quality:good}", number, wall)
		case 3:
			body = fmt.Sprintf("{value:%s,at:%d,quality:good,trusted:false,boot:b%d,mono:%d}", number, wall, boot, mono)
		case 4:
			body = number
		case 5:
			body = strconv.FormatBool(random.IntN(9) == 0)
		case 6:
			body = fmt.Sprintf("@event(%d,%s){%q}", random.IntN(5), number, strings.Repeat("é\x00\xff", random.IntN(4)))
		case 7:
			b := make([]byte, random.IntN(40))
			for i := range b {
				b[i] = byte(random.Uint32() >> 3)
			}
			body = string(b)
		}
		if len(given) > 0 && random.IntN(2) == 0 {
			body = string(given[random.IntN(len(given))])
		}
		points[i] = series.Point{Seq: seq, Boot: boot, Mono: mono, Wall: wall, Trusted: trusted, Body: []byte(body)}
		if random.IntN(60) == 0 {
			points[i].Wall -= random.Int64N(1e8) // late
		}
	}
	return points
}

// TestForetold: what follows from something else takes next to no space.
func TestForetold(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const n = 1024
	for _, c := range []struct {
		name string
		body func(i int, at int64) string
		most int // bytes of the block
	}{
		{"a constant", func(int, int64) string { return "{value:21.5,unit:Cel}" }, 100},
		{"a counter with its time", func(i int, at int64) string { return fmt.Sprintf("{value:%d,at:%d}", 100+3*i, at) }, 100},
		{"the time less a constant", func(_ int, at int64) string { return fmt.Sprintf("{sampled:%d}", at-37) }, 100},
		{"the time of a clock that is slewed", func(i int, at int64) string { return fmt.Sprintf("{at:%d}", at+int64(i/50)) }, 140},
		{"a switch that is rarely used", func(i int, _ int64) string { return strconv.FormatBool(i/300%2 == 0) }, 120},
		{"words that change every third time", func(i int, _ int64) string { return "open shut shut "[i%3*5:][:4] }, 260},
		{"sixteenths of a degree, two bits each", func(int, int64) string { // of which the scale has four digits
			return strconv.FormatFloat(20+float64(random.IntN(4))/16, 'f', -1, 64)
		}, n*5/16 + 100},
		{"sums of tenths, as float64s come out", func(i int, _ int64) string { // two in eleven have 15 decimals more
			v := strconv.Itoa(i%2+20) + ".4"
			if i%11 == 5 || i%11 == 7 {
				v = strconv.Itoa(i%2+20) + ".400000000000002"
			}
			return v
		}, n*5/16 + 120},
	} {
		points := steady(n, c.body)
		block := series.Append(nil, points)
		checkSame(t, block, points)
		t.Logf("%s: %d bytes for %d points", c.name, len(block), n)
		if len(block) > c.most {
			t.Errorf("%s: %d bytes, want at most %d", c.name, len(block), c.most)
		}
	}
}

// TestManyTemplates has more columns and more shared text than a block takes.
func TestManyTemplates(t *testing.T) {
	points := steady(2000, func(i int, _ int64) string {
		name := strconv.FormatInt(int64(i)*7919, 36)
		return fmt.Sprintf("@_%s{%d,%d,%d,%s}", name, i, i*i, -i, strings.Repeat("long ", 100))
	})
	block := series.Append(nil, points)
	checkSame(t, block, points)
	checkMemory(t, "2000 templates", block)

	// Runs and odd ones out in each of the columns.
	random := rand.New(rand.NewPCG(9, 9))
	many := []string{"1", "1", "1", "2.50", "3.25", "0.123456789"}
	points = steady(2048, func(i int, _ int64) string {
		body := make([]string, 256)
		for j := range body {
			body[j] = many[(i/(j%9+1)+random.IntN(1+i%50/49))%len(many)]
		}
		return strings.Join(body, ",")
	})
	block = series.Append(nil, points)
	checkSame(t, block, points)
	checkMemory(t, "256 columns", block)

	wide := strings.TrimSuffix(strings.Repeat("1,", 1000), ",")
	points = steady(20, func(i int, _ int64) string { return fmt.Sprintf("{%d,%s}", i, wide) })
	checkSame(t, series.Append(nil, points), points)
}

// TestBodyIsReused: a body is overwritten by the next unless it is taken away.
func TestBodyIsReused(t *testing.T) {
	block := series.Append(nil, steady(1000, func(i int, at int64) string { return fmt.Sprintf("{value:%d.5,at:%d}", i, at) }))
	r, err := series.Open(block)
	if err != nil {
		t.Fatal(err)
	}
	p := series.Point{Body: make([]byte, 0, 64)}
	if n := testing.AllocsPerRun(100, func() { r.Next(&p) }); n != 0 {
		t.Errorf("%v allocations for a point whose body has room, want 0", n)
	}
	r.Next(&p)
	kept := p.Body
	want := string(kept)
	if n := testing.AllocsPerRun(100, func() { p.Body = nil; r.Next(&p) }); n != 1 {
		t.Errorf("%v allocations for a point with a new body, want 1", n)
	}
	if string(kept) != want {
		t.Errorf("a body that was taken away was %s and is %s", want, kept)
	}
}
