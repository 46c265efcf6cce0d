package meta

import (
	"testing"
	"time"
)

func TestSystem(t *testing.T) {
	m := &model{started: time.UnixMilli(7)}
	m.machine.cpu()
	s := m.system()
	if s.MemUsage <= 0 || s.MemUsage >= s.MemTotal || s.DiskUsage <= 0 || s.DiskUsage > s.DiskTotal || s.CPUTotal < 100 || s.CPUUsage > s.CPUTotal || s.StartTime.UnixMilli() != 7 {
		t.Errorf("system = %+v", s)
	}
	m.machine.at = m.machine.at.Add(-time.Hour)
	m.machine.busy, m.machine.all = 0, 0
	if share := m.machine.cpu(); share <= 0 || share >= 1 {
		t.Errorf("the share since the start of the machine is %v", share)
	}
}
