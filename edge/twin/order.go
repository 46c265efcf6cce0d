package twin

import (
	"errors"
	"fmt"

	"selvage/edge/device"
	"selvage/edge/recon"
)

// ask is what the lane set does: true or false, or on or off, as people see it; a number; a text. What the output does
// not take is refused as soon as somebody knows what it takes.
func (t *Twin) ask(v device.Value) error {
	if t.Set == nil {
		return errors.New("it takes no commands any more")
	}
	if t.takes != nil {
		fit, err := t.takes.Fit(v)
		if err != nil {
			return err
		}
		v = fit
	}
	if err := t.Set(v); err != nil {
		return err
	}
	t.want(v)
	t.await()
	return nil
}

func (t *Twin) want(v device.Value) {
	t.wanted = wish{v, true}
	t.desired.Set(t.wanted)
}

// Takes is the value of a twin's lane takes: what its lane set does. Nothing is said while nobody knows.
type Takes struct {
	Form    string      `recon:"form,omitempty"` // boolean, number or text
	Unit    device.Unit `recon:"unit,omitempty"` // of a number
	Min     float64     `recon:"min,omitempty"`  // both 0 for no bounds
	Max     float64     `recon:"max,omitempty"`
	Step    float64     `recon:"step,omitempty"`    // worth making; 0 for any
	Choices []string    `recon:"choices,omitempty"` // of texts; none for any
}

func (t *Twin) takesNow() Takes {
	if t.takes == nil {
		return Takes{}
	}
	c := t.takes
	return Takes{Form: c.Form.String(), Unit: c.Unit, Min: c.Min, Max: c.Max, Step: c.Resolution, Choices: t.Choices}
}

// showTakes has the lane takes follow. An output that is none any more takes nothing.
func (t *Twin) showTakes() {
	switch {
	case t.taken == nil:
	case t.Set == nil:
		t.taken.Set(Takes{})
	default:
		t.taken.Set(t.takesNow())
	}
}

// wish is what an output is to do: on the lane desired as plain Recon, and nothing while nobody said.
type wish struct {
	value device.Value
	said  bool
}

func (w wish) AppendRecon(dst []byte) ([]byte, error) {
	if !w.said {
		return recon.Append(dst, recon.Extant()), nil
	}
	return w.value.AppendRecon(dst)
}

func (w *wish) LoadRecon(v recon.Value) error {
	*w = wish{}
	if k := v.Kind(); k == recon.KindExtant || k == recon.KindAbsent {
		return nil
	}
	if err := w.value.LoadRecon(v); err != nil {
		return fmt.Errorf("desired: %w", err)
	}
	w.said = true
	return nil
}

var (
	_ recon.Appender = wish{}
	_ recon.Loader   = (*wish)(nil)
)
