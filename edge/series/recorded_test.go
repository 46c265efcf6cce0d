package series_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"selvage/edge/clock"
	"selvage/edge/device"
	"selvage/edge/series"
)

const recorded = "../../../shared/data/series"

// needsRecorded returns the rows of a recorded series, its header first.
func needsRecorded(tb testing.TB, file string) [][]string {
	tb.Helper()
	f, err := os.Open(filepath.Join(recorded, file))
	if errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skipf("%s is not in %s", file, recorded)
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1 // the header of one file has no name for its row numbers
	rows, err := r.ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// recordings says where the time of a row stands and which of its columns are readings.
var recordings = []struct {
	file         string
	time         func(row []string) (string, string) // layout, text
	first, shift int                                 // column of the first reading; how far its name in the header is before it
	unit         string
}{
	{"room_climate_1min.csv", func(r []string) (string, string) { return time.DateTime, r[1] }, 2, 1, "Cel"},
	{"air_quality_1h.csv", func(r []string) (string, string) { return "2/1/2006 15:04:05", r[0] + " " + r[1] }, 2, 0, "mg/m3"},
	{"ambient_temperature_1h.csv", func(r []string) (string, string) { return time.DateTime, r[0] }, 1, 0, "[degF]"},
	{"machine_temperature_5min.csv", func(r []string) (string, string) { return time.DateTime, r[0] }, 1, 0, "Cel"},
}

// lane turns a column of a recording into the points of a lane, as a twin's readings would be; jitter
// is how far the host's times stray from the recorded ones, at most.
func lane(tb testing.TB, rows [][]string, column int, when func([]string) (string, string), unit string, jitter time.Duration) (points []series.Point) {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Time{}
	for i, row := range rows[1:] {
		layout, text := when(row)
		at, err := time.Parse(layout, text)
		if err != nil {
			tb.Fatal(err)
		}
		v, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			tb.Fatal(err)
		}
		if i == 0 {
			start = at.Add(-time.Hour)
		}
		if jitter > 0 {
			at = at.Add(time.Duration(random.Int64N(int64(2*jitter/time.Millisecond)+1))*time.Millisecond - jitter)
		}
		r := device.Reading{Value: v, Unit: device.Unit(unit), At: clock.Stamp{Wall: at.UnixNano(), Trusted: true}}
		body, err := r.AppendRecon(nil)
		if err != nil {
			tb.Fatal(err)
		}
		points = append(points, series.Point{
			Seq: uint64(1000 + i), Boot: 3, Mono: at.Sub(start).Milliseconds(), Wall: at.UnixMilli(), Trusted: true, Body: body,
		})
	}
	return points
}

// TestRecorded holds the promise of at most 8 bytes a reading at rest, and of exact values back.
func TestRecorded(t *testing.T) {
	const perBlock, most = 512, 8.0
	for _, rec := range recordings {
		t.Run(rec.file, func(t *testing.T) {
			rows := needsRecorded(t, rec.file)
			for _, jitter := range []time.Duration{0, 20 * time.Millisecond} {
				sum, readings := 0, 0
				for column := rec.first; column < len(rows[1]); column++ {
					points := lane(t, rows, column, rec.time, rec.unit, jitter)
					packed, zipped := 0, 0
					for p := points; len(p) > 0; {
						part := p[:min(perBlock, len(p))]
						p = p[len(part):]
						block := series.Append(nil, part)
						checkSame(t, block, part)
						packed += len(block)
						zipped += gzipSize(t, part)
					}
					sum, readings = sum+packed, readings+len(points)
					per := 1 / float64(len(points))
					t.Logf("%-14s jitter %v: %.2f bytes a reading, gzip -9 %.2f",
						rows[0][column-rec.shift], jitter, float64(packed)*per, float64(zipped)*per)
				}
				mean := float64(sum) / float64(readings)
				t.Logf("%s jitter %v: %.2f bytes a reading", rec.file, jitter, mean)
				if mean > most {
					t.Errorf("%s jitter %v: %.2f bytes a reading, want at most %v", rec.file, jitter, mean, most)
				}
			}
		})
	}
}

// gzipSize is what the bodies take with their times and sequence numbers in front, 24 bytes each.
func gzipSize(t *testing.T, points []series.Point) int {
	var raw, zipped bytes.Buffer
	for _, p := range points {
		for _, v := range [...]uint64{p.Seq, uint64(p.Mono), uint64(p.Wall)} {
			raw.Write(binary.BigEndian.AppendUint64(nil, v))
		}
		raw.Write(p.Body)
	}
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(raw.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return zipped.Len()
}
