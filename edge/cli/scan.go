package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/device/scan"
)

func (e *env) scanCommand() *cobra.Command {
	s := scanner{env: e, machine: scan.Machine{Root: "/"}}
	c := &cobra.Command{
		Use:   "scan [BUS…]",
		Short: "find sensors: who answers on which bus, and the lines of the config for it",
		Long: `Looks what there is on this machine to make devices of, or who answers on the I²C buses, or is heard through the
Bluetooth adapters, that are named.

What it prints is a piece of a config: remarks, and a table [device.NAME] for each sensor that is sure. What is only
likely, going by its address, is a remark, too.

Addresses are asked as i2cdetect does, without a byte being written. Who answers is asked for its identity by the
drivers that know the address, which takes one byte, the number of a register. With --ask that is done also where it
takes more, or where a port expander may be, which puts any byte on its pins: use it where you know what is connected.`,
		Example: "  selvage scan\n  selvage scan /dev/i2c-1 >> selvage.toml\n  selvage scan hci0",
		Args:    cobra.ArbitraryArgs,
		RunE:    func(c *cobra.Command, args []string) error { return s.run(c.Context(), args) },
	}
	configFlag(c, &s.config)
	c.Flags().BoolVar(&s.ask, "ask", false, "ask every chip who it is, also by bytes that could mean something to another")
	return c
}

// scanner is one call of the command.
type scanner struct {
	*env
	machine scan.Machine
	config  string
	ask     bool

	plan  *config.Plan // nil if there is none
	taken []string     // names of devices
}

func (s *scanner) run(ctx context.Context, buses []string) error {
	if s.config != "" {
		plan, _, err := s.load(s.config)
		if err != nil {
			return err
		}
		s.plan = plan
	} else if path, err := findConfig(); err == nil {
		s.plan, _ = config.Load(path) // what is wrong with it is not what is asked here
	}
	if s.plan != nil {
		for _, d := range s.plan.Devices {
			s.taken = append(s.taken, d.Name)
		}
	}
	var all []scan.Thing
	for _, b := range buses {
		all = append(all, scan.Thing{Kind: kindOfWire(b), Where: b})
	}
	if len(buses) == 0 {
		all = s.machine.All()
	}
	var failed error
	for _, t := range all {
		var err error
		switch t.Kind {
		case "i2c":
			err = s.bus(ctx, t)
		case "bluetooth":
			err = s.radio(ctx, t)
		default:
			err = s.thing(t)
		}
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		var cannot *cannotScan
		switch {
		case errors.As(err, &cannot) && len(all) > 1:
			failed = err // and was told
		case err != nil:
			return err
		}
	}
	switch {
	case failed != nil:
		return failed
	case len(all) == 0 && !s.json:
		return &trouble{errors.New("there is no bus, no serial port and no sensor of the kernel's on this machine"),
			"on a Raspberry Pi: raspi-config, or dtparam=i2c_arm=on in config.txt and a restart; without hardware: " + program() + " scan sim:room"}
	}
	return nil
}

// cannotScan is the error of a bus that cannot be scanned, others beside it may be.
type cannotScan struct{ error }

func (c *cannotScan) Unwrap() error { return c.error }

// bus looks who is on an I²C bus.
func (s *scanner) bus(ctx context.Context, t scan.Thing) error {
	known := s.known(t.Where)
	found, err := device.ScanI2C(ctx, t.Where, device.Asking{All: s.ask, Skip: known})
	if err != nil && ctx.Err() == nil {
		told := inTrouble(err)
		if !s.json {
			s.remark("%s cannot be scanned: %v", t.Where, told)
		}
		return &cannotScan{fmt.Errorf("%s cannot be scanned: %w", t.Where, told)}
	}
	if !s.json {
		s.heading(t.Where, t.What)
		if len(found.Found) == 0 && !found.Deaf {
			s.remark("  nobody answers; if something is connected, check its power, SDA, SCL and the pull-ups")
		}
		if found.Deaf {
			s.remark("  this adapter does not tell when nobody answers: only what is sure is listed")
		}
		if found.ByReading {
			s.remark("  this adapter can only ask by reading: chips that answer after a command alone, as SHT4x do, may be missing")
		}
	}
	for _, f := range found.Found {
		if err := s.found(t.Where, f); err != nil {
			return err
		}
	}
	return nil
}

// known are the addresses of devices of the config on a bus. They are not asked: they are known, and perhaps at work.
func (s *scanner) known(bus string) (addresses []uint16) {
	if s.plan == nil {
		return nil
	}
	for _, d := range s.plan.Devices {
		if a, ok := d.Address(); ok && d.Wire == bus {
			addresses = append(addresses, a)
		}
	}
	return addresses
}

// configured returns the name of the device of the config that is at an address.
func (s *scanner) configured(bus string, address uint16) string {
	if s.plan == nil {
		return ""
	}
	for _, d := range s.plan.Devices {
		if a, ok := d.Address(); ok && d.Wire == bus && a == address {
			return d.Name
		}
	}
	return ""
}

// found tells of a chip.
func (s *scanner) found(bus string, f device.Found) error {
	at := fmt.Sprintf("0x%02x", f.Address)
	name := s.configured(bus, f.Address)
	if s.json {
		return s.line(foundLine{
			Kind: "i2c", Where: bus, Address: at, What: f.Model, Taken: f.Taken, Driver: f.Driver, Candidates: f.Candidates,
			Configured: name, Config: s.table(f.Driver, bus, at, nil),
		})
	}
	switch {
	case name != "":
		s.remark("  %s  [device.%s] of the config", at, name)
	case f.Taken != "":
		s.remark("  %s  %s", at, f.Taken)
	case f.Driver != "":
		s.remark("  %s  %s", at, f.Model)
		s.paste(s.table(f.Driver, bus, at, nil))
	case len(f.Candidates) == 0:
		s.remark("  %s  somebody whom no driver here knows", at)
	default:
		s.remark("  %s  perhaps %s: take away the # before one of", at, orList(f.Candidates))
		for _, driver := range f.Candidates {
			s.outcommented(s.table(driver, bus, at, nil))
		}
	}
	return nil
}

// thing tells of what is no bus.
func (s *scanner) thing(t scan.Thing) error {
	config := ""
	if _, ok := device.Lookup(t.Driver); ok {
		config = s.table(t.Driver, "", "", t.Keys)
	}
	var candidates []string
	switch t.Kind {
	case "port":
		candidates = driversOn(device.Serial)
	case "spi":
		candidates = driversOn(device.SPI)
	}
	if s.json {
		l := foundLine{Kind: t.Kind, Where: t.Where, What: t.What, Candidates: candidates, Config: config, Lines: t.Count}
		if config != "" {
			l.Driver = t.Driver
		}
		return s.line(l)
	}
	s.heading(t.Where, t.What)
	switch {
	case config != "":
		s.paste(config)
	case len(candidates) > 0:
		s.remark("  what is on it, only you know: take away the # and name the driver, one of %s", strings.Join(candidates, ", "))
		key := device.Serial.Key()
		if t.Kind == "spi" {
			key = device.SPI.Key()
		}
		s.outcommented(fmt.Sprintf("[device.NAME]\ndriver = \"…\"\n%s = %q\n", key, t.Where))
	case t.Kind == "gpio" && t.Count > 0:
		s.remark("  %d lines; its pins are called %s:0 to %s:%d, or by their own names: gpioinfo", t.Count, t.What, t.What, t.Count-1)
	}
	return nil
}

// driversOn are the drivers for a kind of wire.
func driversOn(kind device.Kind) (names []string) {
	for _, name := range device.Names() {
		if d, _ := device.Lookup(name); d.Wire == kind {
			names = append(names, name)
		}
	}
	return names
}

func orList(names []string) string {
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return names[0]
}

// table is the table of a device, ready to be pasted; "" for no driver.
func (s *scanner) table(driver, bus, address string, keys []scan.Key) string {
	if driver == "" {
		return ""
	}
	name := s.unused(config.SampleName(driver))
	rows := [][2]string{{"driver", strconv.Quote(driver)}}
	if bus != "" {
		key := "bus"
		if d, _ := device.Lookup(driver); d.Wire != device.NoWire {
			key = d.Wire.Key()
		}
		rows = append(rows, [2]string{key, strconv.Quote(bus)}, [2]string{"address", address})
	}
	for _, k := range keys {
		rows = append(rows, [2]string{k.Name, strconv.Quote(k.Value)})
	}
	wide := 0
	for _, r := range rows {
		wide = max(wide, len(r[0]))
	}
	text := "[device." + name + "]\n"
	for _, r := range rows {
		text += fmt.Sprintf("%-*s = %s\n", wide, r[0], r[1])
	}
	return text
}

// unused is a name like that, of no device yet.
func (s *scanner) unused(name string) string {
	for n := 1; ; n++ {
		one := name
		if n > 1 {
			one += strconv.Itoa(n)
		}
		if !slices.Contains(s.taken, one) {
			s.taken = append(s.taken, one)
			return one
		}
	}
}

func (s *scanner) heading(where, what string) {
	if what != "" {
		where += "  " + what
	}
	s.remark("%s", where)
}

func (s *scanner) remark(format string, args ...any) {
	text := printable(fmt.Sprintf(format, args...))
	fmt.Fprintln(s.out, "# "+strings.ReplaceAll(text, "\n", "\n# "))
}

func (s *scanner) paste(text string) { io.WriteString(s.out, "\n"+text+"\n") }

func (s *scanner) outcommented(text string) {
	for line := range strings.Lines(text) {
		io.WriteString(s.out, "# "+line)
	}
}

// foundLine is what is found, for programs.
type foundLine struct {
	Kind       string   `json:"kind"`
	Where      string   `json:"where"`
	Address    string   `json:"address,omitempty"`
	What       string   `json:"what,omitempty"`
	Driver     string   `json:"driver,omitempty"`     // that surely is right
	Candidates []string `json:"candidates,omitempty"` // that may be
	Taken      string   `json:"taken,omitempty"`      // by the kernel
	Configured string   `json:"configured,omitempty"` // as this device
	Lines      int      `json:"lines,omitempty"`      // of a GPIO chip
	Name       string   `json:"name,omitempty"`       // that what is heard gives itself
	Signal     int      `json:"signal,omitempty"`     // of what is heard, in dBm
	Secret     bool     `json:"secret,omitempty"`     // it encrypts what it says
	Config     string   `json:"config,omitempty"`
}

func (s *scanner) line(l foundLine) error {
	enc := json.NewEncoder(s.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(l)
}

// inTrouble is an error with the remedy of the fault that it is, if it is one.
func inTrouble(err error) error {
	var f *device.Fault
	if errors.As(err, &f) && f.Remedy != "" {
		return &trouble{err, f.Remedy}
	}
	if errors.Is(err, os.ErrPermission) {
		return &trouble{err, "run it as the user who may, or with sudo"}
	}
	return err
}
