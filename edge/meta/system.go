package meta

import (
	"math"
	"runtime"
	"sync"
	"time"
)

// machine remembers how long the processors had been busy at the last look.
type machine struct {
	mu        sync.Mutex
	at        time.Time
	busy, all uint64
	share     float64
}

// shortest is the least time a share is taken over: the kernel counts in hundredths of a second.
const shortest = 100 * time.Millisecond

// cpu returns the share of the processors that was in use since the last look.
func (m *machine) cpu() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.at.IsZero() && time.Since(m.at) < shortest {
		return m.share
	}
	busy, all := processors()
	if spent := all - m.all; !m.at.IsZero() && all > m.all && busy >= m.busy {
		m.share = float64(busy-m.busy) / float64(spent)
	}
	m.at, m.busy, m.all = time.Now(), busy, all
	return m.share
}

func (m *model) system() (s System) {
	s.StartTime = m.started.Truncate(time.Millisecond)
	s.MemUsage, s.MemTotal = memory()
	s.DiskUsage, s.DiskTotal = disk()
	if s.MemTotal > 0 { // there is a kernel that we know
		s.CPUTotal = 100 * int64(runtime.NumCPU())
		s.CPUUsage = int64(math.Round(m.machine.cpu() * float64(s.CPUTotal)))
	}
	return s
}
