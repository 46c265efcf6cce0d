package main

import (
	"context"
	"errors"
	"os"

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
		return nil
	})
	// stuck does not stop.
	agent.Register("stuck", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		a.OnStop(func() { select {} })
		return nil
	})
	// late:NAME is a bus that is there once the file NAME is.
	device.RegisterBus("late", device.Wires{I2C: func(_ context.Context, name string) (i2c.BusCloser, error) {
		if _, err := os.Stat(name[len("late:"):]); err != nil {
			return nil, &device.Fault{Text: "there is no bus " + name, Remedy: "plug it in", Err: err}
		}
		return sim.Find("sim:late").Bus(), nil
	}})
}
