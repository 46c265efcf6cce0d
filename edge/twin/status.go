package twin

import (
	"time"

	"selvage/edge/device"
)

// State says how a device is.
type State string

const (
	OK     State = "ok"
	Stale  State = "stale"  // it gave readings, the last is old
	Lost   State = "lost"   // it does not answer
	Faulty State = "faulty" // it answers, but not as it should
)

// Status is the value of a twin's status lane.
type Status struct {
	State     State     `recon:"state"`
	Reason    string    `recon:"reason,omitempty"`
	Since     time.Time `recon:"since,omitempty"`     // ms since 1970, as all times here
	LastGood  time.Time `recon:"lastGood,omitempty"`  // when it was last heard well, while it is not ok
	LastError string    `recon:"lastError,omitempty"` // kept after it is ok again
	Tried     []Step    `recon:"tried,omitempty"`     // what was done about it since it began to fail; likewise
}

// Step is the first time that something was tried with a device which fails; health counts the others.
type Step struct {
	What device.Rung `recon:"what"` // retry, reopen, recover (its bus) or restart (its bus or driver)
	At   time.Time   `recon:"at"`
	Why  string      `recon:"why"`
}

func stepsOf(tried []device.Step) []Step {
	var steps []Step
	for _, s := range tried {
		steps = append(steps, Step{s.Rung, s.At.Time(), s.Why})
	}
	return steps
}

// Info is the value of a twin's info lane.
type Info struct {
	Driver  string `recon:"driver"`
	Wire    string `recon:"wire,omitempty"`
	Address string `recon:"address,omitempty"`
	Model   string `recon:"model,omitempty"`
	Serial  string `recon:"serial,omitempty"`
}

func infoOf(o *device.Opened) Info {
	i := o.Info
	return Info{Driver: i.Driver, Wire: i.Wire, Address: i.Address, Model: i.Model, Serial: i.Serial}
}
