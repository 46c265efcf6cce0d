package main

import (
	"context"
	"errors"
	"os"
	"time"

	"periph.io/x/conn/v3/i2c"

	"selvage/drivers/sim"
	"selvage/edge/agent"
	"selvage/edge/device"
)

// Kinds and wires that only the program under test has; see TestMain.
func init() {
	// note keeps texts under texts.
	agent.Register("note", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Map[string, string](a, "notes").OnUpdate(func(key, _, _ string) error {
			if key == "" {
				return errors.New("a note needs a name")
			}
			return nil
		})
		return nil
	})
	// tally keeps a number.
	agent.Register("tally", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "n", 0)
		agent.Value(a, "passing", 0).Transient()
		return nil
	})
	// stuck does not stop.
	agent.Register("stuck", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		a.OnStop(func() { select {} })
		return nil
	})
	device.Register("counter", struct{}{}, func(context.Context, struct{}) (*counter, error) {
		return &counter{time.Now().UnixMilli() * counterStart}, nil
	})
	// late:NAME is a bus that is there once the file NAME is.
	device.RegisterBus("late", device.Wires{I2C: func(_ context.Context, name string) (i2c.BusCloser, error) {
		if _, err := os.Stat(name[len("late:"):]); err != nil {
			return nil, &device.Fault{Text: "there is no bus " + name, Remedy: "plug it in", Err: err}
		}
		return sim.Find("sim:late").Bus(), nil
	}})
}

// counter measures how often it was asked, from a number on that no counter before it has reached.
type counter struct{ n int64 }

const counterStart = 1000 // for each ms

func (c *counter) Info() device.Info { return device.Info{Driver: "counter", Wire: "none"} }
func (c *counter) Close() error      { return nil }

func (c *counter) Channels() []device.Channel {
	return []device.Channel{{Name: "n", Max: 1e16, Resolution: 1}}
}

func (c *counter) Read(context.Context) (device.Sample, error) {
	c.n++
	return device.Sample{{Channel: "n", Value: float64(c.n)}}, nil
}
