package modbus_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	_ "selvage/drivers/bus"
	"selvage/drivers/sim"
	"selvage/edge/device/drivertest"
	"selvage/edge/leaktest"
)

// cpu is what this process has used.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The same on a real tty: 31 units answer through a pseudo-terminal, one does not, and is asked less and less.
func TestOneDeadOfManyOnATTY(t *testing.T) {
	leaktest.Check(t)
	far, name := drivertest.Pty(t)
	units, err := sim.Meters("sdm120")
	if err != nil {
		t.Fatal(err)
	}
	units.Units[17].Dead = true
	units.Turn = time.Microsecond
	units.Speed = 1_000_000 // the pair has no speed of its own
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = sim.Answer(far, units)
	}()

	const samples = 20
	c := newTally()
	c.enough = func(c *tally) bool {
		for a := 1; a <= 32; a++ {
			if a != 17 && c.samples[fmt.Sprint("unit-", a)] < samples {
				return false
			}
		}
		return true
	}
	began := time.Now()
	before := cpu(t)
	m := run(t, c, name, 32, 500*time.Millisecond, config("sdm120", 115200))
	<-c.full
	took := time.Since(began)
	spent := cpu(t) - before
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	far.Close()
	<-over

	all, failed := 0, 0
	for a := 1; a <= 32; a++ {
		all += c.samples[fmt.Sprint("unit-", a)]
		failed += c.failures[fmt.Sprint("unit-", a)]
	}
	// Half a second, one, two, four, then five between two attempts, less a tenth: however slow this machine is, there
	// are no more.
	if most := 4 + int(took/(4*time.Second)); c.failures["unit-17"] > most || failed != c.failures["unit-17"] {
		t.Errorf("in %v the dead unit was asked %d times, want at most %d; all failed %d times", took, c.failures["unit-17"], most, failed)
	}
	missed := int64(0)
	for a := 1; a <= 32; a++ {
		missed += c.health.Count(fmt.Sprintf("device.unit-%d.missed", a))
	}
	t.Logf("%d samples of 13 floats in %v, %d passed over; one dead unit, asked %d times; CPU with the simulated units %v, %.1f %%",
		all, took, missed, c.failures["unit-17"], spent, 100*spent.Seconds()/took.Seconds())
}
