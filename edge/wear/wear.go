// Package wear says what is written to the block device that holds the data folder, and how long the card lasts at
// that rate.
//
// Cells of flash bear so many rewrites and no more, and a card gives no warning. So a Meter asks the kernel
// once a minute what has been written, and its agent shows in lanes
//
//	written      bytes since the host started
//	rate         bytes a day, going by the last hour and by the last day
//	per-reading  bytes for each reading saved in the last hour
//	life         how long the card lasts at the rate of the last day, and what that rests on
//	process      what this process alone has written, as far as the kernel tells
//	total        bytes since this host was installed
//
// Of these only total is stored, so that measuring does not wear the card: a minute after the start, then each
// hour and at the stop. What was written between that and a power cut is missing from it, and what was while no
// host ran. What is not known, which on systems other than Linux is all of it, is absent, and the text in life says
// why. The condition wear.budget is there while more is written than the budget allows.
//
// # Whose bytes
//
// All but process goes by the disk's own count where the data folder is on one, a partition of it too:
// /sys/class/block/*/stat. It has all that wears the card: the data, the file system's journal, the system's
// log, swap and other programs. Where there is no such disk, as on btrfs or a network's, it goes by the process. Each
// figure says which it is: "disk mmcblk0" or "process".
//
// The count of a process is write_bytes less cancelled_write_bytes of /proc/self/io, see proc_pid_io(5). A page of
// the page cache, 4 KiB mostly, counts whole for whoever makes it dirty, until it is written back once however
// often it changes before; so a byte changed and synced counts 4,096. Pages of files that are shortened or removed
// before they were written back are taken off again, so the count may fall. Files in memory (tmpfs) never count. Not
// counted is what the kernel writes on nobody's behalf: ext4's journal, which its thread jbd2 commits, and
// inodes, bitmaps and the like, which follow a file's data. And it may be far too high: where the page cache
// has large folios the kernel counts all of a folio for one page of it. On Linux 6.18 with ext4, of a
// file of 8 MiB that was read in order, 100 pages of 4 KiB that were changed and synced one by one counted
// 122 MB, and the disk wrote 0.4 MB. So no more is taken for this process's than the disk wrote in the same time.
//
// # What the projection assumes
//
// A card bears its size times Config.Rewrites, spread evenly by its controller. For each byte that it is given, it
// writes Config.Amplification to its cells, since it erases and moves blocks of megabytes. Both figures are
// assumptions until they are set from the card's data sheet. So
//
//	life = (card × rewrites / amplification − total) / bytes a day
//
// It is the time until cells begin to fail if all else is well, not a promise: cards die of bad power, too.
package wear

import (
	"fmt"
	"sync/atomic"
	"time"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/size"
)

const (
	interval  = time.Minute
	saveEvery = time.Hour // for the lane total

	budgetCode = "wear.budget"
)

// Options say what a Meter measures. Only Dir is needed.
type Options struct {
	Dir      string                // the data folder, whose disk is the card
	Written  func() (int64, error) // net bytes that count for this process since it started; Written when nil
	Disk     func() (int64, error) // bytes that the disk has taken; nil for that of Dir, if it can be found
	Readings func() int64          // saved since the process started; nil if nobody counts them
	Parts    func() []Part         // what is known of who writes; may be nil
}

// Part is a part of what the process writes, as far as it can tell itself.
type Part struct {
	Name   string // such as "the log of the database"
	Bytes  int64  // since the process started
	Remedy string // how to have it write less
}

// Meter measures one process. There is one as long as the process runs, whatever becomes of its agent.
type Meter struct {
	Options
	medium disk
	by     string // whose count is shown, as in Life
	last   atomic.Pointer[Stats]

	// Only turns of the agent touch these.
	begun    bool
	before   int64 // written by the processes before this one
	first    sample
	saved    time.Time
	lastHour window
	lastDay  window
	over     bool // the budget
}

// Stats are what the lanes show. What is nil is not known.
type Stats struct {
	Written    *int64 // bytes since the host started
	Total      int64  // bytes since the host was installed, up to now
	Rate       *Rate  // from the first minute on
	PerReading *PerReading
	Process    *Process
	Life       Life
}

// New makes a meter, which measures once its agent is there.
func New(o Options) *Meter {
	if o.Written == nil {
		o.Written = Written
	}
	m := &Meter{
		Options: o, medium: findDisk(o.Dir), by: process,
		lastHour: window{span: time.Hour, step: interval / 2}, lastDay: window{span: day, step: 15 * time.Minute},
	}
	if o.Disk == nil && m.medium.name != "" {
		m.Disk = m.medium.written
	}
	if m.Disk != nil {
		m.by = "disk " + m.medium.name
	}
	m.last.Store(new(Stats))
	return m
}

// Kind returns the meter's kind of agent, of which there is one at a time. Its config is a Config.
func (m *Meter) Kind() agent.Kind { return agent.NewKind("wear", Defaults, m.setup) }

// Stats returns what was measured last, a minute ago at most. It may be called at any time.
func (m *Meter) Stats() Stats { return *m.last.Load() }

func (m *Meter) setup(a *agent.Agent, c Config) error {
	written := agent.Value[*int64](a, "written", nil).Transient().ReadOnly()
	rate := agent.Value[*Rate](a, "rate", nil).Transient().ReadOnly()
	perReading := agent.Value[*PerReading](a, "per-reading", nil).Transient().ReadOnly()
	own := agent.Value[*Process](a, "process", nil).Transient().ReadOnly()
	life := agent.Value(a, "life", Life{}).Transient().ReadOnly()
	total := agent.Value[int64](a, "total", 0).ReadOnly()
	if !m.begun {
		m.begun, m.before = true, total.Get()
		m.last.Store(&Stats{Total: m.before})
	}
	m.over = false
	a.OnClose(func() { a.Health().Clear(budgetCode) })

	t := c.terms(m.medium, m.by)
	look := func() Stats {
		s := m.measure(t)
		m.last.Store(&s)
		show(written, s.Written)
		show(rate, s.Rate)
		show(perReading, s.PerReading)
		show(own, s.Process)
		if s.Life != life.Get() {
			life.Set(s.Life)
		}
		m.judge(a.Health(), t, s)
		return s
	}
	save := func(s Stats) {
		if m.saved = time.Now(); s.Total != total.Get() {
			total.Set(s.Total)
		}
	}
	if s := look(); s.Written == nil && c.Budget != nil && *c.Budget > 0 {
		a.Log().Warn("the budget of bytes to write cannot be watched; the life of the card is " + s.Life.Text)
	}
	a.Every(interval, func() {
		if s := look(); m.saved.IsZero() || time.Since(m.saved) >= saveEvery {
			save(s)
		}
	})
	a.OnStop(func() { save(look()) })
	return nil
}

func show[T comparable](l *agent.ValueLane[*T], v *T) {
	was := l.Get()
	if was == v || was != nil && v != nil && *was == *v {
		return
	}
	l.Set(v)
}

// measure looks what has been written by now.
func (m *Meter) measure(t terms) Stats {
	s, err := m.sample()
	if err != nil {
		return Stats{Total: m.Stats().Total, Life: t.unknown(err.Error())}
	}
	if m.first.at.IsZero() {
		m.first = s
	}
	m.lastHour.add(s)
	m.lastDay.add(s)
	written := s.since(m.first)
	if m.Disk == nil {
		written += m.first.shown // what this process wrote before
	}
	stats := Stats{Written: &written, Total: m.before + written}
	if m.lastDay.measured() > 0 {
		stats.Rate = &Rate{
			Hour: m.lastHour.daily(m.lastHour.written()), Day: m.lastDay.daily(m.lastDay.written()),
			Seconds: int64(m.lastDay.measured() / time.Second), By: m.by,
		}
	}
	if each := m.lastHour.perReading(m.lastHour.written()); each > 0 {
		stats.PerReading = &PerReading{each, m.by}
	}
	stats.Process = m.process(s)
	stats.Life = t.life(stats)
	return stats
}

// process returns what this process has written by the last sample.
func (m *Meter) process(s sample) *Process {
	all, ok := s.byProcess(m.first)
	if !ok {
		return nil
	}
	hour, _ := m.lastHour.last.byProcess(m.lastHour.first())
	day, _ := m.lastDay.last.byProcess(m.lastDay.first())
	return &Process{Written: *m.first.process + all, Day: m.lastDay.daily(day), PerReading: m.lastHour.perReading(hour)}
}

func (m *Meter) sample() (s sample, err error) {
	s.at = time.Now()
	own, err := m.Written()
	if s.shown = own; err == nil {
		s.process = &own
	}
	if m.Disk != nil {
		s.shown, err = m.Disk()
	}
	if err != nil {
		return s, err
	}
	if m.Readings != nil {
		s.readings = m.Readings()
	}
	if m.Parts != nil {
		s.parts = m.Parts()
	}
	return s, nil
}

// judge raises or clears the condition of too much being written. Near the budget it stays as it is.
func (m *Meter) judge(b *health.Board, t terms, s Stats) {
	if budget := int64(t.budget); budget == 0 || !s.Rate.counts() {
		m.over = false
	} else {
		m.over = s.Rate.Day > budget || m.over && s.Rate.Day > budget-budget/10
	}
	if !m.over {
		b.Clear(budgetCode)
		return
	}
	text := fmt.Sprintf("this process writes %v a day", size.Bytes(s.Rate.Day))
	remedy := "measure less often (every in [device.NAME]) or save less often (commit in [host])"
	if m.Disk != nil {
		text = fmt.Sprintf("the %s is written %v a day", m.by, size.Bytes(s.Rate.Day))
		if s.Process != nil {
			text += fmt.Sprintf(", of which this process writes %v", size.Bytes(s.Process.Day))
			if s.Process.Day < s.Rate.Day/2 {
				remedy = "see what else writes to it, such as the system's log or swap (iotop -ao shows who)"
			}
		}
	}
	text += fmt.Sprintf("; the budget is %v", t.budget)
	if days, ok := t.days(s.Total, s.Rate.Day); ok {
		text += fmt.Sprintf("; a card of %v lasts %v at that (%s)", t.card, days, t.assumed())
	}
	if p, perDay := m.lastDay.greatest(); perDay > s.Rate.Day/2 {
		text += fmt.Sprintf("; most of it is %s, %v a day", p.Name, size.Bytes(perDay))
		if p.Remedy != "" {
			remedy = p.Remedy
		}
	}
	b.Raise(health.Condition{
		Code:   budgetCode,
		Text:   text,
		Remedy: remedy + "; if it is meant to be so much, raise budget in [wear]",
	})
}
