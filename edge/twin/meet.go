package twin

import (
	"fmt"
	"strings"

	"selvage/edge/health"
)

// meet takes in who answered when the device was opened. Another one in the place of the one that was there before,
// be it before the last start, is named: what is known of the old one, such as a calibration, is not true of it.
func (t *Twin) meet(now Info) {
	was := t.info.Get()
	t.info.Set(now)
	t.recallCorrections()
	switch {
	case t.expected:
		t.met, t.expected = now, false
	case t.met == (Info{}):
		t.met = was
	}
	name, code := t.name(), t.code("other")
	if !now.isOther(t.met) {
		t.met = now
		t.agent.Health().Clear(code)
		return
	}
	at := now.Address
	if at == "" {
		at = name
	}
	remedy := "if it was exchanged, all is well, and this ends with the next start; if not, look at wires and addresses"
	if t.leftAside() {
		remedy += "; the calibration of the old one is left aside until that is back: calibrate the new one"
	}
	t.agent.Health().Raise(health.Condition{
		Code: code, Severity: health.Warning, Remedy: remedy,
		Text: fmt.Sprintf("%s: %s was %s, now %s", name, at, t.met.identity(), now.identity()),
	})
}

// name is what the config calls the device.
func (t *Twin) name() string { return strings.TrimPrefix(string(t.Node), string(Node(""))) }

// code is that of a condition of the device.
func (t *Twin) code(what string) string { return what + "." + t.name() }

// Expect says that the device is another one now because the config says so. It is called in a turn of the twin.
func (t *Twin) Expect() {
	t.expected = true
}

// isOther tells whether what is known of two devices says that they are not the same one. What one of them does not
// tell says nothing.
func (i Info) isOther(was Info) bool {
	switch {
	case i.Driver != was.Driver, i.Wire != was.Wire, i.Address != was.Address:
		return false // the config asks for another one
	case i.Serial != "" && was.Serial != "":
		return i.Serial != was.Serial
	}
	return i.Model != "" && was.Model != "" && i.Model != was.Model
}

func (i Info) identity() string {
	s := i.Model
	if s == "" {
		s = i.Driver
	}
	if i.Serial != "" {
		s += " serial " + i.Serial
	}
	return s
}
