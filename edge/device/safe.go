package device

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// hold has an output go to its safe state when what it was told is too old. m.mu is held.
func (m *Manager) hold(dev *managed, w order) {
	if dev.until != nil {
		dev.until.Stop()
		dev.until = nil
	}
	dev.held = w.at
	if !w.told || dev.spec.SafeAfter <= 0 {
		return
	}
	dev.until = time.AfterFunc(time.Until(w.at.Add(dev.spec.SafeAfter)), func() { m.expire(dev, w.at) })
}

// expire takes back what an output was told at the given time, unless it was told anything since.
func (m *Manager) expire(dev *managed, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped || m.devices[dev.spec.Name] != dev || dev.owner == nil || !dev.held.Equal(at) {
		return
	}
	m.log.Info("output made safe: nobody told it again", "device", dev.spec.Name, "for", time.Since(at).Round(time.Second))
	dev.until, dev.held = nil, time.Time{}
	_ = dev.owner.order(dev, order{}) // refuses no safe state
}

// watch makes outputs safe when a condition begins that they are to be safe for: their uplink is lost, the agent that
// commands them has crashed, the sensor that it goes by is gone. What begins is noted where it does: an agent is back
// within a tenth of a second, and its output is to be safe all the same.
func (m *Manager) watch() {
	var mu sync.Mutex
	var was, began []string
	news := make(chan struct{}, 1)
	note := func() {
		mu.Lock()
		now := m.health.Codes()
		for _, code := range now {
			if !slices.Contains(was, code) {
				began = append(began, code)
			}
		}
		was = now
		some := len(began) > 0
		mu.Unlock()
		if some {
			select {
			case news <- struct{}{}:
			default:
			}
		}
	}
	defer m.health.Watch(note)()
	note()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-news:
		}
		mu.Lock()
		codes := slices.Compact(began)
		began = nil
		mu.Unlock()
		if len(codes) > 0 {
			m.began(codes)
		}
	}
}

// began makes those outputs safe that are to be when one of the conditions begins.
func (m *Manager) began(codes []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, dev := range m.devices {
		if len(dev.spec.SafeWhen) == 0 || !dev.driver.Output || dev.owner == nil || m.stopped {
			continue
		}
		i := slices.IndexFunc(codes, func(code string) bool { return covers(dev.spec.SafeWhen, code) })
		if i < 0 {
			continue
		}
		m.log.Info("output made safe", "device", dev.spec.Name, "for", codes[i])
		m.hold(dev, order{})
		_ = dev.owner.order(dev, order{}) // refuses no safe state
	}
}

// covers tells whether a code, or one that it is below, is in a list.
func covers(list []string, code string) bool {
	return slices.ContainsFunc(list, func(c string) bool {
		return code == c || strings.HasPrefix(code, c) && code[len(c)] == '.'
	})
}
