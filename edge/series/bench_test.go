package series_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"selvage/edge/series"
)

// benchLanes measures a thermometer of 0.01 °C read every second, and a recorded lane a tenth of whose values are
// means with twelve decimals more.
func benchLanes(b *testing.B, run func(b *testing.B, points []series.Point)) {
	random := rand.New(rand.NewPCG(1, 1))
	value := 2150
	sensor := steady(512, func(_ int, at int64) string {
		value += random.IntN(7) - 3
		return fmt.Sprintf("{value:%v,unit:Cel,at:%d,quality:good}", float64(value)/100, at)
	})
	for i := range sensor {
		late := random.Int64N(4) // ms
		p := &sensor[i]
		body := strings.Replace(string(p.Body), strconv.FormatInt(p.Wall, 10), strconv.FormatInt(p.Wall+late, 10), 1)
		p.Body, p.Mono, p.Wall = []byte(body), p.Mono+late, p.Wall+late
	}
	b.Run("sensor", func(b *testing.B) { run(b, sensor) })
	b.Run("recorded", func(b *testing.B) {
		rec := recordings[0]
		run(b, lane(b, needsRecorded(b, rec.file), rec.first, rec.time, rec.unit, 20*time.Millisecond)[:512])
	})
}

func perPoint(b *testing.B, points int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(points), "ns/point")
}

func BenchmarkAppend(b *testing.B) {
	benchLanes(b, func(b *testing.B, points []series.Point) {
		b.ReportAllocs()
		var block []byte
		for b.Loop() {
			block = series.Append(block[:0], points)
		}
		perPoint(b, len(points))
		b.ReportMetric(float64(len(block))/float64(len(points)), "B/point")
	})
}

func BenchmarkReader(b *testing.B) {
	benchLanes(b, func(b *testing.B, points []series.Point) {
		b.ReportAllocs()
		block := series.Append(nil, points)
		var p series.Point
		for b.Loop() {
			r, err := series.Open(block)
			if err != nil {
				b.Fatal(err)
			}
			for r.Next(&p) {
			}
		}
		perPoint(b, len(points))
	})
}

func BenchmarkHeadOf(b *testing.B) {
	benchLanes(b, func(b *testing.B, points []series.Point) {
		b.ReportAllocs()
		block := series.Append(nil, points)
		for b.Loop() {
			if _, err := series.HeadOf(block); err != nil {
				b.Fatal(err)
			}
		}
	})
}
