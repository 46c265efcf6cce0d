package sim

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

// kinds are the chips that a bus called like one has, at every address that such a chip may have: "sim:bme280".
var kinds = map[string]struct {
	addresses []uint16
	make      func(addr uint16) Chip
}{}

// register names a kind of chip. It is called in init.
func register(name string, addresses []uint16, make func(addr uint16) Chip) {
	if _, taken := kinds[name]; taken {
		panic(fmt.Sprintf("sim: the chip %q is there twice", name))
	}
	k := kinds[name]
	k.addresses, k.make = addresses, make
	kinds[name] = k
}

var boards = struct {
	sync.Mutex
	m map[string]*Board
}{m: map[string]*Board{}}

// FindBoard returns the board of that name, "sim:bme280" or "sim:room"; it is built when it is first asked for. A name that
// is that of no chip is that of a room.
func FindBoard(name string) *Board {
	if _, ok := kinds[chipOf(name)]; !ok {
		return Find(name).Board
	}
	boards.Lock()
	defer boards.Unlock()
	b := boards.m[name]
	if b == nil {
		b = Fresh(name)
		boards.m[name] = b
	}
	return b
}

// Fresh builds a board of the chip that name says, which only the caller knows.
func Fresh(name string) *Board {
	b, k := NewBoard(name), kinds[chipOf(name)]
	for _, at := range k.addresses {
		b.Plug(at, k.make(at))
	}
	return b
}

func chipOf(bus string) string { return strings.TrimPrefix(bus, "sim:") }

// wave is a quantity of the world at a time: it swings about mid with the period of ten minutes.
func wave(now time.Time, mid, swing float64) float64 {
	return mid + swing*math.Sin(2*math.Pi*float64(now.UnixMilli()%600_000)/600_000)
}
