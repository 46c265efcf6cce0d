package sysfs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"selvage/edge/device"
)

// CheckRoot is what the Check of a driver says of its key root, the folder in which sys is found.
func CheckRoot(root string, fault func(key, problem, remedy string)) {
	if !filepath.IsAbs(root) {
		fault("root", fmt.Sprintf("%q is not a full path", root), "begin it with /")
	}
}

// Input is one thing that is measured.
type Input struct {
	device.Channel
	Value func() (device.Measure, error) // of which Channel and Err are filled in
}

// Sensor is what drivers of things with many values, each in files of its own, have in common.
type Sensor struct {
	Node   Node // zero for inputs of several nodes, which look themselves whether theirs is the same
	Inputs []Input
	closed bool
}

// Channels is what there is to measure.
func (s *Sensor) Channels() []device.Channel {
	cs := make([]device.Channel, len(s.Inputs))
	for i, in := range s.Inputs {
		cs[i] = in.Channel
	}
	return cs
}

// Read looks at every input once. One that fails makes its own reading bad.
func (s *Sensor) Read(ctx context.Context) (device.Sample, error) {
	if s.closed {
		return nil, errors.New("the device is closed")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.Node.Dir != "" {
		if err := s.Node.Same(); err != nil {
			return nil, err
		}
	}
	sample := make(device.Sample, 0, len(s.Inputs))
	for _, in := range s.Inputs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := in.Value()
		m.Channel, m.Err = in.Name, err
		sample = append(sample, m)
	}
	return sample, nil
}

// Close has nothing to let go of.
func (s *Sensor) Close() error {
	s.closed = true
	return nil
}
