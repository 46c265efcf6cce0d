package cli

import (
	"bytes"
	"strings"
	"sync"

	"selvage/edge/agent"
	"selvage/edge/device"
	"selvage/edge/device/tape"
	"selvage/edge/route"
	"selvage/edge/twin"
)

// A recording is made by a view of a device, swim:meta:node/%2fdevice%2fNAME/record/ANYTHING, for as long as somebody
// reads its lane lines. Each has a view of its own, since each begins with an opening of the device.
const (
	recordingPlace = "/record/"
	recordingLane  = "lines"
)

// recordingNode is the node of one recording.
func recordingNode(name, one string) string {
	return "swim:meta:node/" + route.Escape(string(twin.Node(name))) + recordingPlace + one
}

// maxUnsent bounds in bytes what a recording keeps for a turn to show. What comes meanwhile is counted as lost.
const maxUnsent = 256 << 10

// recorded is an event of the lane: lines of a recording. n counts them, so that it shows when one is missing.
type recorded struct {
	N    int    `recon:"n"`
	Text string `recon:"text"`
}

// recordings are the views that record devices.
func (d *devices) recordings(node route.NodeURI) (k agent.Kind, config any, ok bool) {
	text, ok := strings.CutPrefix(string(node), "swim:meta:node/"+route.Escape("/device/"))
	name, one, isOne := strings.Cut(text, recordingPlace)
	if !ok || !isOne || one == "" || strings.Contains(one, "/") {
		return k, nil, false
	}
	spec, ok := d.manager.Spec(name)
	if !ok {
		return k, nil, false
	}
	return agent.NewKind("meta", spec, d.record), spec, true
}

// record sets up the view that records a device.
func (d *devices) record(a *agent.Agent, spec device.Spec) error {
	r := &recording{agent: a, lane: agent.Supply[recorded](a, recordingLane)}
	end := func() {
		if r.stop != nil {
			r.stop()
		}
		r.stop = nil
	}
	r.lane.OnFirst(func() {
		end()
		w, err := tape.NewWriter(&r.unsent, spec)
		if err != nil {
			a.Log().Error("no recording", "err", err)
			return
		}
		r.mu.Lock()
		r.to = w
		r.mu.Unlock()
		if r.stop, err = d.manager.Listen(spec.Name, r.hear); err != nil {
			a.Log().Error("no recording", "err", err)
		}
	})
	r.lane.OnIdle(func() {
		if !r.lane.IsRead() {
			end()
		}
	})
	a.OnClose(end)
	return nil
}

// recording is one of them.
type recording struct {
	agent *agent.Agent
	lane  *agent.SupplyLane[recorded]
	stop  func() // used in turns only, as n
	n     int

	mu     sync.Mutex
	to     *tape.Writer
	unsent bytes.Buffer
	lost   int
	posted bool
}

// hear is called by the owner of the device's bus, which does not wait for whoever reads.
func (r *recording) hear(h device.Heard) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unsent.Len() > maxUnsent {
		r.lost++
		return
	}
	if r.lost > 0 {
		_ = r.to.Lost(r.lost) // it is written to memory
		r.lost = 0
	}
	_ = r.to.Hear(h)
	if !r.posted {
		r.posted = true
		r.agent.Wake(r.show)
	}
}

// show puts what was heard on the lane.
func (r *recording) show() {
	r.mu.Lock()
	text := r.unsent.String()
	r.unsent.Reset()
	r.posted = false
	r.mu.Unlock()
	if text != "" {
		r.lane.Push(recorded{N: r.n, Text: text})
		r.n++
	}
}
