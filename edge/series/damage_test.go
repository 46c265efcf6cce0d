package series_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"selvage/edge/series"
)

// reseal gives a damaged block the checksum that fits.
func reseal(block []byte) []byte {
	if len(block) < 4 {
		return block
	}
	end := len(block) - 4
	sum := crc32.Checksum(block[:end], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(block[end:], sum)
	return block
}

func drain(block []byte) (points int, err error) {
	r, err := series.Open(block)
	if err != nil {
		return 0, err
	}
	for p := (series.Point{}); r.Next(&p); {
		points++
	}
	return points, r.Err()
}

func TestDamageIsFound(t *testing.T) {
	block := series.Append(nil, history(rand.New(rand.NewPCG(1, 1)), 200, nil))
	for i := range block {
		for bit := range 8 {
			bad := bytes.Clone(block)
			bad[i] ^= 1 << bit
			if _, err := series.Open(bad); err == nil {
				t.Fatalf("bit %d of byte %d flipped: no error", bit, i)
			}
			if _, err := series.HeadOf(bad); err == nil {
				t.Fatalf("bit %d of byte %d flipped: HeadOf has no error", bit, i)
			}
		}
		if _, err := series.Open(block[:i]); err == nil {
			t.Fatalf("cut to %d bytes: no error", i)
		}
	}
	for _, c := range []struct {
		name, want string
		block      []byte
	}{
		{"empty", "cut short", nil},
		{"another version", "0x02, not 0x01", reseal(append([]byte{2}, block[1:]...))},
		{"one byte wrong", "checksum", append(bytes.Clone(block[:len(block)-1]), block[len(block)-1]+1)},
		{"too many points", "1000000 points, where there can be 8192", reseal(append(binary.AppendUvarint([]byte{1}, 1e6), 0, 0, 0, 0))},
		{"cut, with a checksum", "", reseal(bytes.Clone(block[:len(block)/2]))},
		{"bytes behind, with a checksum", "2 bytes too many", reseal(append(bytes.Clone(block), 0, 0))},
	} {
		if _, err := drain(c.block); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// TestHostileBlocks: blocks with a valid checksum that say anything at all end in an error or in points, and
// take no more memory than Reader says.
func TestHostileBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for round := range 1000 {
		block := series.Append(nil, history(random, 1+random.IntN(60), nil))
		for range 1 + random.IntN(4) {
			block[1+random.IntN(len(block)-5)] = byte(random.Uint32())
		}
		checkMemory(t, fmt.Sprint("round ", round), reseal(block))
	}
}

func checkMemory(t *testing.T, name string, block []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := drain(block)
	runtime.ReadMemStats(&after)
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(2<<20+16*len(block)); took > most {
		t.Errorf("%s: %d bytes to read a block of %d (%v), want at most %d", name, took, len(block), err, most)
	}
}

func FuzzOpen(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(series.Append(nil, history(rand.New(rand.NewPCG(seed, 2)), 40, nil)))
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		drain(block)
		block = reseal(bytes.Clone(block))
		if len(block) > 0 {
			block[0] = 1
			reseal(block)
		}
		if n, err := drain(block); err == nil {
			if h, err := series.HeadOf(block); err != nil || h.Points != n {
				t.Errorf("%d points, but HeadOf = %+v, %v", n, h, err)
			}
		}
		if len(block) > 0 {
			block[0] = 0x41
			series.ReadSpans(nil, reseal(block))
		}
	})
}

func FuzzPack(f *testing.F) {
	for i, form := range numberForms {
		f.Add(uint64(i), uint16(20), []byte("{value:"+form+"}\n"+form+"\ntrue"))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, bodies []byte) {
		points := history(rand.New(rand.NewPCG(seed, 3)), int(n)%600, bytes.Split(bodies, []byte("\n")))
		checkSame(t, series.Append(nil, points), points)
	})
}
