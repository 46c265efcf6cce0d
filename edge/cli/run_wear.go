package cli

import (
	"time"

	"selvage/edge/agent"
	"selvage/edge/store"
	"selvage/edge/wear"
	"selvage/edge/web"
)

// wearNode has the agent that measures what is written to the card.
const wearNode = "/host/wear"

// newMeter makes the meter of what is written to the disk of the data folder.
func newMeter(dir string, kept *store.Store) *wear.Meter {
	return wear.New(wear.Options{
		Dir:      dir,
		Readings: func() int64 { return kept.Stats().Values },
		Parts: func() []wear.Part {
			s := kept.Stats()
			return []wear.Part{{
				Name: "the log of the store", Bytes: s.Bytes,
				Remedy: "measure less often (every in [device.NAME]), or have more readings share a commit (commit in [host], now " + s.Limit.String() + ")",
			}}
		},
	})
}

// Saving is the value of the lane store of /host: what saving costs. Latencies are in ms, of the last minute.
type Saving struct {
	Epoch   string `recon:"epoch"` // of the store
	Commits int64  `recon:"commits"`
	Values  int64  `recon:"values"`  // that were saved: readings, mostly
	Log     int64  `recon:"log"`     // bytes written to the store's log
	Commit  Took   `recon:"commit"`  // a commit, from gathering to flash
	Unsaved Took   `recon:"unsaved"` // a change, in memory only
	Limit   int64  `recon:"limit"`   // ms that a change nobody waits for may wait to be gathered

	Rate       *wear.Rate       `recon:"rate,omitempty"`
	PerReading *wear.PerReading `recon:"per-reading,omitempty"`
	Process    *wear.Process    `recon:"process,omitempty"`
	Life       string           `recon:"life"`
}

// Took says how long something took, in ms.
type Took struct {
	P50 float64 `recon:"p50"`
	P99 float64 `recon:"p99"`
	Max float64 `recon:"max"`
}

func took(l store.Latency) Took { return Took{inMS(l.P50), inMS(l.P99), inMS(l.Max)} }

func inMS(d time.Duration) float64 { return float64(d.Round(10*time.Microsecond)) / 1e6 }

// saving gives /host its lane store, which is computed when somebody asks.
func (r *running) saving(a *agent.Agent) {
	agent.Demand(a, "store", func() Saving {
		s, w := r.host.Store.Stats(), r.meter.Stats()
		return Saving{
			Epoch: r.host.Store.Epoch(), Commits: s.Commits, Values: s.Values, Log: s.Bytes,
			Commit: took(s.Commit), Unsaved: took(s.Unsaved), Limit: s.Limit.Milliseconds(),
			Rate: w.Rate, PerReading: w.PerReading, Process: w.Process, Life: w.Life.Text,
		}
	})
}

// wearMetrics tells what is written to the card, with the assumptions that its life rests on.
func (r *running) wearMetrics(m *web.Metrics) {
	s := r.meter.Stats()
	const (
		perDay     = "Bytes that are written to the disk of the data folder in a day, going by the last one."
		perReading = "Bytes that are written to the disk of the data folder for each reading saved, in the last hour."
	)
	if s.Written != nil {
		m.Counter("selvage_wear_written_bytes_total", "Bytes written to the disk of the data folder since the host started; by tells whose count it is.", float64(*s.Written), "by", s.Life.By)
	}
	if s.Rate != nil {
		m.Gauge("selvage_wear_day_bytes", perDay, float64(s.Rate.Day), "by", s.Rate.By)
	}
	if s.PerReading != nil {
		m.Gauge("selvage_wear_reading_bytes", perReading, s.PerReading.Bytes, "by", s.PerReading.By)
	}
	if p := s.Process; p != nil {
		m.Counter("selvage_wear_written_bytes_total", "", float64(max(0, p.Written)), "by", "process")
		m.Gauge("selvage_wear_day_bytes", perDay, float64(p.Day), "by", "process")
		if p.PerReading > 0 {
			m.Gauge("selvage_wear_reading_bytes", perReading, p.PerReading, "by", "process")
		}
	}
	m.Gauge("selvage_wear_rewrites", "How often each cell of the card may be rewritten: an assumption, rewrites in [wear].", float64(s.Life.Rewrites))
	m.Gauge("selvage_wear_amplification", "Bytes that the card writes for each byte it is given: an assumption, amplification in [wear].", s.Life.Amplification)
	m.Gauge("selvage_wear_budget_bytes", "Bytes a day beyond which a condition warns; 0 for never.", float64(s.Life.Budget))
	if s.Life.Card > 0 {
		m.Gauge("selvage_wear_card_bytes", "Size of the card.", float64(s.Life.Card))
		m.Gauge("selvage_wear_used_ratio", "Share of what the card bears, by these assumptions, that has been written to it.", s.Life.Used)
	}
	if s.Life.Days > 0 {
		m.Gauge("selvage_wear_life_seconds", "How long the card lasts at this rate, by these assumptions; 100 years at most.", float64(s.Life.Days)*86400)
	}
}
