package device

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
)

func relaySpec(safe bool) Spec {
	return Spec{Name: "heater", Driver: "test-relay", Wire: "test:17", Config: relayConfig{Safe: safe}}
}

// states writes the states and errors of reports: "off(safe) on error".
func states(rs []Report) string {
	var out []string
	for _, r := range rs {
		switch {
		case r.Err != nil:
			out = append(out, "error")
		case r.State == nil:
			out = append(out, "nothing")
		default:
			s := r.State.Value.String()
			if r.State.Safe {
				s += "(safe)"
			}
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

func expect(t *testing.T, when, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", when, got, want)
	}
}

func TestOutput(t *testing.T) {
	for _, safe := range []bool{false, true} {
		t.Run(fmt.Sprintf("safe=%v", safe), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				name := map[bool]string{safe: "off(safe)", !safe: "on"}
				if safe {
					name = map[bool]string{safe: "on(safe)", !safe: "off"}
				}
				pin := plugPin("test:17")
				b := newBench(t, relaySpec(safe))
				b.Start()
				synctest.Wait()
				expect(t, "at the start", states(b.take("heater")), name[safe])

				must(t, b.Out("heater", On(!safe)))
				synctest.Wait()
				expect(t, "after Out", states(b.take("heater")), name[!safe])

				must(t, b.MakeSafe("heater"))
				synctest.Wait()
				expect(t, "after MakeSafe", states(b.take("heater")), name[safe])

				must(t, b.Out("heater", On(!safe)))
				time.Sleep(time.Hour)
				expect(t, "an hour after Out", states(b.take("heater")), name[!safe])

				b.stop()
				expect(t, "after Stop", states(b.take("heater")), name[safe])
				if got := bool(pin.Read()); got != safe {
					t.Errorf("after Stop the pin is %v, want %v", got, safe)
				}
				if err := b.Out("heater", On(true)); err == nil {
					t.Error("Out after Stop was taken")
				}
			})
		})
	}
}

// What was asked before the output could be opened is done when it can; nothing else is written before.
func TestOutputThatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wires.Lock()
		delete(wires.pins, "test:17")
		wires.Unlock()
		b := newBench(t, relaySpec(false))
		b.Start()
		must(t, b.Out("heater", On(true)))
		time.Sleep(time.Minute)
		if c := b.condition("device.heater"); c.Text != "there is no pin test:17" {
			t.Errorf("condition %+v", c)
		}
		b.take("heater")
		pin := plugPin("test:17")
		time.Sleep(maxPause)
		expect(t, "when it is there", states(b.take("heater")), "on")
		b.stop()
		if got, want := fmt.Sprint(pin.wrote), fmt.Sprint([]gpio.Level{gpio.High, gpio.Low}); got != want {
			t.Errorf("wrote %v, want %v", got, want)
		}
	})
}

func TestOutputThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pin := plugPin("test:17")
		b := newBench(t, relaySpec(false))
		b.Start()
		synctest.Wait()
		b.take("heater")
		pin.set(gpio.Low, errLine)
		must(t, b.Out("heater", On(true)))
		synctest.Wait()
		expect(t, "while it fails", states(b.take("heater")), "error")
		time.Sleep(time.Minute)
		b.take("heater")
		pin.set(gpio.Low, nil)
		time.Sleep(maxPause)
		expect(t, "when it works again", states(b.take("heater")), "on")
		b.stop()
	})
}

// A safe state that could not be written is reported, so that nobody believes in it.
func TestSafeStateThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pin := plugPin("test:17")
		b := newBench(t, relaySpec(false))
		b.Start()
		must(t, b.Out("heater", On(true)))
		synctest.Wait()
		b.take("heater")
		pin.set(gpio.High, errLine)
		b.stop()
		expect(t, "after Stop", states(b.take("heater")), "error")
	})
}

func TestOutputIsWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pin := plugPin("test:17")
		s := relaySpec(false)
		s.Every = 10 * time.Second
		b := newBench(t, s)
		b.Start()
		must(t, b.Out("heater", On(true)))
		time.Sleep(time.Minute)
		pin.set(gpio.Low, nil) // a board that lost power
		time.Sleep(10 * time.Second)
		if pin.Read() != gpio.High {
			t.Error("the state was not written again")
		}
		b.stop()
	})
}

// Someone waits for an output, nobody for a reading: it goes ahead of everything that is due.
func TestOutputGoesFirst(t *testing.T) {
	now := time.Now()
	o := &owner{devices: []*managed{
		{code: "read first", due: now.Add(-time.Second)},
		{code: "switch", due: now.Add(-time.Millisecond), doubt: true},
		{code: "switch in a minute", due: now.Add(time.Minute), doubt: true},
	}}
	if _, d := o.next(); d.code != "switch" {
		t.Errorf("next is %q, want the output", d.code)
	}
	o.devices[1].doubt = false
	if _, d := o.next(); d.code != "read first" {
		t.Errorf("next is %q, want what is due the longest", d.code)
	}
}

func TestOutRefuses(t *testing.T) {
	b := newBench(t, chipSpec("air", "test:a", 0x40, 0))
	for name, want := range map[string]string{
		"air":  "device air cannot be set: the driver test-chip only measures",
		"lamp": `no device is called "lamp"`,
	} {
		if err := b.Out(name, On(true)); err == nil || err.Error() != want {
			t.Errorf("Out(%q) = %v, want %q", name, err, want)
		}
	}
}

// A contact is looked at ten times a second and reported when it changes, or every ten seconds.
func TestContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pin := plugPin("test:27")
		b := newBench(t, Spec{Name: "door", Driver: "test-contact", Wire: "test:27"})
		b.Start()
		time.Sleep(time.Minute)
		if n := len(b.take("door")); n < 6 || n > 7 {
			t.Errorf("%d reports in a minute without a change, want 6 or 7", n)
		}
		pin.set(gpio.High, nil)
		time.Sleep(contactEvery)
		pin.set(gpio.Low, nil)
		time.Sleep(contactEvery)
		rs := b.take("door")
		if len(rs) < 2 || !rs[0].Readings[0].Reading.Bool() || rs[1].Readings[0].Reading.Bool() {
			t.Errorf("a press of a tenth of a second: %+v, want on and off", rs)
		}
		b.stop()
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
