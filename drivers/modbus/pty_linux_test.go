package modbus_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "selvage/drivers/bus"
	"selvage/drivers/modbus"
	"selvage/drivers/sim"
	"selvage/edge/device"
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
	units := fast(t, false)
	units.Units[17].Dead = true
	unplug := answering(t, far, units)

	const samples = 12
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
	m := run(t, c, name, 32, time.Second, config("sdm120", 115200))
	<-c.full
	took := time.Since(began)
	spent := cpu(t) - before
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	unplug()

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

// Beside a dead unit every other one on a real tty keeps 99 % of its rate: of the readings that its own schedule asked
// for, so many were made. A reading counts as passed over when the next one is due already, so a machine that is busy for
// a moment changes nothing; the line is used for a sixth of the time.
func TestOneDeadOfManyKeepsTheRateOnATTY(t *testing.T) {
	leaktest.Check(t)
	far, name := drivertest.Pty(t)
	units := fast(t, false)
	units.Turn = 10 * time.Millisecond
	const n, dead, rounds = 32, 17, 7
	const every = 2 * time.Second
	units.Units[dead].Dead = true
	unplug := answering(t, far, units)

	c := newTally()
	// asked is how many readings the schedule of a unit asked for: those that were made, that failed and that were
	// passed over.
	asked := func(unit string) int {
		return c.samples[unit] + c.failures[unit] + int(c.health.Count("device."+unit+".missed"))
	}
	c.enough = func(c *tally) bool {
		for a := 1; a <= n; a++ {
			if a != dead && asked(fmt.Sprint("unit-", a)) < rounds {
				return false
			}
		}
		return true
	}
	cfg := config("", 115200)
	cfg.Channel = map[string]modbus.Channel{"voltage": {Type: "float32", Unit: "V"}} // one request
	m := run(t, c, name, n, every, cfg)
	<-c.full
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	unplug()
	least := 1.0
	for a := 1; a <= n; a++ {
		unit := fmt.Sprint("unit-", a)
		if a == dead {
			if c.samples[unit] > 0 || c.failures[unit] == 0 {
				t.Errorf("the dead unit gave %d samples and %d failures", c.samples[unit], c.failures[unit])
			}
			continue
		}
		kept := float64(c.samples[unit]) / float64(asked(unit))
		if least = min(least, kept); kept < 0.99 {
			t.Errorf("%s: %d readings of the %d that were due", unit, c.samples[unit], asked(unit))
		}
	}
	t.Logf("the dead unit was asked %d times; of the others the slowest made %.1f %% of its readings", c.failures[fmt.Sprint("unit-", dead)], 100*least)
}

// answering has units answer on a wire until it ends.
func answering(t *testing.T, far io.ReadWriteCloser, units *sim.Modbus) (unplug func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = sim.Answer(far, units)
	}()
	unplug = sync.OnceFunc(func() {
		far.Close()
		<-over
	})
	t.Cleanup(unplug)
	return unplug
}

// fast is a line whose meters answer at once.
func fast(t *testing.T, tcp bool) *sim.Modbus {
	units, err := sim.Meters("sdm120")
	if err != nil {
		t.Fatal(err)
	}
	units.Turn, units.Speed, units.TCP = time.Microsecond, 1_000_000, tcp
	return units
}

// The adapter is pulled out and comes back under its name, with another kernel device behind it.
func TestUnplugged(t *testing.T) {
	leaktest.Check(t)
	link := filepath.Join(t.TempDir(), "ttyUSB0")
	plug := func() (unplug func()) {
		far, name := drivertest.Pty(t)
		if err := os.Symlink(name, link); err != nil {
			t.Fatal(err)
		}
		return answering(t, far, fast(t, false))
	}
	unplug := plug()
	heard := make(chan error, 100)
	m := device.NewManager(device.Options{Log: slog.New(slog.DiscardHandler), Report: func(r device.Report) {
		select {
		case heard <- r.Err:
		default:
		}
	}})
	c := config("sdm120", 115200)
	c.Address = 1
	if err := m.Add(device.Spec{Name: "mains", Driver: "modbus", Wire: link, Every: 20 * time.Millisecond, Config: c}); err != nil {
		t.Fatal(err)
	}
	m.Start()
	await := func(what string, is func(error) bool) {
		t.Helper()
		for err := range heard {
			if is(err) {
				return
			}
			t.Logf("waiting for %s: %v", what, err)
		}
	}
	well := func(err error) bool { return err == nil }
	await("a measurement", well)
	for range 2 {
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		unplug()
		await("its loss", func(err error) bool { return errors.Is(err, device.ErrBusGone) })
		unplug = plug()
		await("its return", well)
	}
	if err := m.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	unplug()
}

// Modbus TCP, and RTU through a converter that hands bytes on as they are.
func TestOverTCP(t *testing.T) {
	for framing, tcp := range map[string]bool{"": true, "rtu": false} {
		t.Run(framing, func(t *testing.T) {
			leaktest.Check(t)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					far, err := l.Accept()
					if err != nil {
						return
					}
					_ = sim.Answer(far, fast(t, tcp))
					far.Close()
				}
			}()
			cfg := config("sdm120", 9600)
			cfg.Framing = framing
			c := newTally()
			c.enough = func(c *tally) bool { return c.samples["unit-1"] >= 3 && c.samples["unit-2"] >= 3 }
			m := run(t, c, "tcp://"+l.Addr().String(), 2, 20*time.Millisecond, cfg)
			<-c.full
			if err := m.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if len(c.failures) > 0 || c.readings["unit-1"] != 13*c.samples["unit-1"] {
				t.Errorf("%v failures, %v readings in %v samples", c.failures, c.readings, c.samples)
			}
		})
	}
}
