package device

import (
	"errors"
	"fmt"
	"time"

	"selvage/edge/health"
)

// showAfter keeps a single bad transfer, which a long wire has now and then, from being shown.
const showAfter = 3 * time.Second

// words returns an error as people read it, without the chain of causes.
func words(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Text
	}
	return err.Error()
}

func remedy(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Remedy
	}
	return ""
}

// answered notes a success.
func (o *owner) answered(d *managed, r *Report) {
	if d.fails > 0 {
		o.m.log.Info("device answers again", "device", d.spec.Name, "failed", d.fails, "for", time.Since(d.since).Round(time.Second))
	}
	d.fails, d.tried = 0, nil
	o.m.health.Clear(d.code)
	for _, n := range r.Readings {
		if n.Reading.Quality == Good {
			d.good = n
			break
		}
	}
}

// failed notes a failure: in the log when it begins, on the health board as long as it lasts.
func (o *owner) failed(d *managed, err error) {
	if d.fails == 1 {
		o.m.log.Info("device fails", "device", d.spec.Name, "on", d.where(), "err", err)
	}
	o.raise(d, err, true)
}

// raise puts the device's condition on the board. How long it lasts is the condition's Since; the
// words stay the same between two attempts, so that what stores and shows them has nothing to do.
func (o *owner) raise(d *managed, err error, look bool) {
	c := health.Condition{
		Code: d.code, Text: words(err), Remedy: remedy(err),
		After: showAfter, Severity: health.Failure,
	}
	good, better := o.m.good(d.spec.Name)
	if !better {
		good = d.good.Reading
	}
	if !good.IsZero() {
		c.Text += "; last good " + good.String()
		if at := good.At; at.Trusted {
			c.Text += " at " + at.Time().Format("2006-01-02 15:04")
		}
	}
	if o.busName != "" {
		c.DependsOn = []string{o.busCode()}
	}
	if look {
		switch {
		case o.busName == "", o.kind == Radio: // who is heard says nothing about who is not
		case o.othersAnswer(d):
			c.Remedy = join("other devices on this bus answer, so look at this one", c.Remedy)
		case o.nobodyAnswers():
			c.Remedy = join("nothing on this bus answers, so look at its power and wires first", c.Remedy)
		}
	}
	if c.Remedy == "" {
		c.Remedy = "it is tried again by itself"
	}
	o.m.health.Raise(c)
}

func conditionOfBus(code, name string, err error) health.Condition {
	c := health.Condition{Code: code, Text: words(err), Remedy: remedy(err), Severity: health.Failure}
	if c.Remedy == "" {
		c.Text = fmt.Sprintf("the bus %s does not open: %s", name, c.Text)
		c.Remedy = "check the name with: ls /dev/i2c-*"
	}
	return c
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + ": " + b
}
