package twin

import (
	"fmt"
	"math"

	"selvage/edge/device"
)

// await waits for the device to say that it does what it was told just now. One that says so already may have no
// news to tell.
func (t *Twin) await() {
	t.confirm()
	if t.Confirm <= 0 || t.obeys() {
		return
	}
	t.patient()
	since, told := t.agent.Now().Time(), t.wanted.value
	t.unwait = t.agent.After(t.Confirm, func() {
		says := "says nothing about it"
		if !t.reported.IsZero() {
			says = "says " + t.said().String()
		}
		t.unmet = fmt.Sprintf("set to %v at %s, and not confirmed within %v: it %s", told, since.Format("15:04:05"), t.Confirm, says)
		t.show()
	})
}

// confirm takes in what the device says that it does, which may be what it was told.
func (t *Twin) confirm() {
	if t.obeys() {
		t.patient()
		t.unmet = ""
		t.show()
	}
}

// Unconfirmed tells whether the device is faulty because it does not do what it was told. It is called in a turn of
// the twin.
func (t *Twin) Unconfirmed() bool { return t.unmet != "" && t.Status().Reason == t.unmet }

// patient stops to wait.
func (t *Twin) patient() {
	if t.unwait != nil {
		t.unwait()
		t.unwait = nil
	}
}

// said is what the device last said that it does.
func (t *Twin) said() device.Value {
	return device.Value{Form: t.reported.Form, Number: t.reported.Value, Text: t.reported.Text}
}

// obeys tells whether the device says that it does what it was told.
func (t *Twin) obeys() bool {
	want, is := t.wanted.value, t.said()
	switch {
	case !t.wanted.said || t.reported.IsZero() || want.Form != is.Form:
		return false
	case want.Form == device.Text:
		return want.Text == is.Text
	case want.Form == device.Boolean:
		return want.Bool() == is.Bool()
	}
	return math.Abs(want.Number-is.Number) <= t.step(want.Number)
}

// step is by how much a number may be another one than the device was told: it rounds to steps of its own, and a
// lamp that is told 50 % of 254 steps says 49.8.
func (t *Twin) step(v float64) float64 {
	step := math.Abs(v) * 1e-6 // float32
	if t.takes != nil {
		step = max(step, t.takes.Resolution, (t.takes.Max-t.takes.Min)/100)
	}
	return step
}
