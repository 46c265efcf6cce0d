package sysfstest

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"selvage/edge/device"
)

var laneName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Fuzz gives a file of a tree another content, opens the device that works by the tree, and uses it. Its seeds are the
// files' own contents. What fails must say what to do; what does not must be numbers, under names fit for lanes.
func Fuzz(f *testing.F, root string, open func(testing.TB) (device.Device, error)) {
	var files []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	must(f, err)
	for i, file := range files {
		content, err := os.ReadFile(file)
		must(f, err)
		f.Add(uint16(i), content)
	}
	f.Fuzz(func(t *testing.T, n uint16, content []byte) {
		file := files[int(n)%len(files)]
		before, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(file, content, 0o644))
		defer func() { must(t, os.WriteFile(file, before, 0o644)) }()
		d, err := open(t)
		if err != nil {
			saysWhat(t, err)
			return
		}
		defer d.Close()
		if o, ok := d.(device.Output); ok {
			saysWhat(t, o.Out(t.Context(), o.Safe()))
		}
		if s, ok := d.(device.Sensor); ok {
			measures(t, s)
		}
	})
}

func measures(t testing.TB, s device.Sensor) {
	known := map[string]bool{}
	for _, c := range s.Channels() {
		if known[c.Name] || !laneName.MatchString(c.Name) {
			t.Errorf("channel %q is there twice, or no name for a lane", c.Name)
		}
		known[c.Name] = true
	}
	sample, err := s.Read(t.Context())
	saysWhat(t, err)
	for _, m := range sample {
		if !known[m.Channel] || math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			t.Errorf("measured %+v", m)
		}
		saysWhat(t, m.Err)
	}
}

// saysWhat checks that an error has a remedy.
func saysWhat(t testing.TB, err error) {
	t.Helper()
	var f *device.Fault
	if err != nil && (!errors.As(err, &f) || f.Remedy == "") {
		t.Errorf("%v has no remedy", err)
	}
}
