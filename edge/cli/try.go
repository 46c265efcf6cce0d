package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/device/tape"
	"selvage/edge/store"
)

func (e *env) tryCommand() *cobra.Command {
	t := trying{env: e}
	c := &cobra.Command{
		Use:   "try [NAME]",
		Short: "read a device once, and say what is wrong if that fails",
		Long: `Reads a device once: one of a host that runs, one of the config if none does, or any with --driver and its wire. With
-v it shows the bytes on the wire, too.

An output is opened and left as it is.`,
		Example: "  selvage try air -v\n  selvage try --driver sht4x --bus /dev/i2c-1 --set address=0x45",
		Args:    takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && t.driver == "":
				return &usageError{&trouble{errors.New("try what?"), "it is: selvage try NAME, or selvage try --driver DRIVER --bus BUS"}}
			case len(args) > 0 && t.driver != "":
				return usagef("try a device by its name, or one by --driver")
			case len(args) > 0:
				return t.named(c, args[0])
			}
			return t.unnamed(c)
		},
	}
	configFlag(c, &t.config)
	f := c.Flags()
	f.StringVar(&t.driver, "driver", "", "try a device of this driver that is in no config")
	f.StringVar(&t.bus, "bus", "", "its I²C or SPI bus")
	f.StringVar(&t.port, "port", "", "its serial port")
	f.StringVar(&t.pin, "pin", "", "its pin")
	f.StringArrayVar(&t.set, "set", nil, "a further key of its table, as address=0x45 or active=low")
	f.CountVarP(&e.verbose, "verbose", "v", "show the bytes on the wire")
	return c
}

// trying is one call of the command.
type trying struct {
	*env
	config, driver, bus, port, pin string
	set                            []string
}

// tryTime bounds how long a host may take for one reading.
const tryTime = 20 * time.Second

func (t *trying) named(c *cobra.Command, name string) error {
	to, err := t.target(c.Context(), c, t.config, name)
	if err != nil {
		return err
	}
	if to.live {
		return t.onHost(c.Context(), to.name)
	}
	if err := to.inTheWay(); err != nil {
		return err
	}
	if to.busy != "" && to.spec.Wire != "" {
		fmt.Fprintf(t.err, "! a host runs on %s (%s); both are on %s now\n", to.path, to.busy, to.spec.Wire)
	}
	return t.own(c.Context(), *to.spec)
}

// unnamed reads the flags as a table of a config, so that what is wrong with them is found as there.
func (t *trying) unnamed(c *cobra.Command) error {
	text := "[device.try]\ndriver = " + strconv.Quote(t.driver) + "\n"
	for _, k := range [][2]string{{"bus", t.bus}, {"port", t.port}, {"pin", t.pin}} {
		if k[1] != "" {
			text += k[0] + " = " + strconv.Quote(k[1]) + "\n"
		}
	}
	for _, one := range t.set {
		key, value, ok := strings.Cut(one, "=")
		if !ok {
			return usagef("--set wants KEY=VALUE, got %s", one)
		}
		text += strings.TrimSpace(key) + " = " + literal(strings.TrimSpace(value)) + "\n"
	}
	plan, err := config.Parse("the command line", []byte(text))
	if err != nil {
		return t.orFaults(err)
	}
	spec := plan.Devices[0].Spec
	if err := t.ownedBy(c, spec); err != nil {
		return err
	}
	return t.own(c.Context(), spec)
}

// literal is a value as TOML has it: what is no number, no list, no quoted text and neither true nor false is a text.
func literal(value string) string {
	if _, err := strconv.ParseInt(value, 0, 64); err == nil || value == "true" || value == "false" {
		return value
	}
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return value
	}
	if value != "" && strings.ContainsRune(`"'[{`, rune(value[0])) {
		return value
	}
	return strconv.Quote(value)
}

// ownedBy is an error if a host runs that has the serial port, or the pin, for itself.
func (t *trying) ownedBy(c *cobra.Command, s device.Spec) error {
	driver, _ := device.Lookup(s.Driver)
	if driver.Wire != device.Serial && driver.Wire != device.Pin {
		return nil
	}
	path := t.config
	if path == "" {
		path, _ = findConfig()
	}
	plan, err := config.Load(path)
	if err != nil {
		return nil // no config, no host
	}
	i := slices.IndexFunc(plan.Devices, func(d config.Device) bool { return d.Wire == s.Wire })
	at, ok := hostAt(plan.Host.Listen)
	if i < 0 {
		return nil
	}
	host, by := t.host, store.InUse(plan.Host.Data)
	if ok && !t.aimed(c) {
		t.host, host = at, at
	}
	switch {
	case (ok || t.aimed(c)) && t.answers(c.Context()):
	case by != "":
		host = "warp://HOST:PORT"
	default:
		return nil
	}
	if by != "" {
		by = " (" + by + ")"
	}
	return &trouble{
		fmt.Errorf("a host runs on %s%s and has the %s %s for itself, as [device.%s]", path, by, driver.Wire.Key(), s.Wire, plan.Devices[i].Name),
		fmt.Sprintf("have that host read it: %s --host %s try %s; or stop it", program(), host, plan.Devices[i].Name),
	}
}

// own reads a device of this machine's.
func (t *trying) own(ctx context.Context, s device.Spec) error {
	var text bytes.Buffer
	w, err := tape.NewWriter(&text, s)
	if err != nil {
		return err
	}
	r := device.Try(ctx, s, func(h device.Heard) { _ = w.Hear(h) })
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err := w.Hear(device.Heard{Report: &r}); err != nil {
		return err
	}
	read, err := tape.NewReader(&text)
	if err != nil {
		return err
	}
	a, err := read.Attempt()
	if err != nil {
		return err
	}
	a.Report = &r // with the errors themselves
	return t.tell(&read.Head, a, func() string { return t.around(ctx, s, r.Err) })
}

// onHost has a host read one of its devices.
func (t *trying) onHost(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	from, to := io.Pipe()
	defer from.Close()
	type outcome struct {
		head *tape.Head
		a    *tape.Attempt
	}
	done := make(chan outcome, 1)
	go func() {
		defer close(done)
		read, err := tape.NewReader(from)
		for err == nil {
			var a *tape.Attempt
			if a, err = read.Attempt(); err == nil && a.Report != nil {
				done <- outcome{&read.Head, a}
				return
			}
		}
		from.CloseWithError(err)
	}()
	var got outcome
	err := t.listen(ctx, name, func(r recorded) (more bool, err error) {
		written := make(chan error, 1)
		go func() {
			_, err := io.WriteString(to, r.Text)
			written <- err
		}()
		select {
		case got = <-done:
			from.Close() // and whoever writes
			<-written
			return false, nil
		case err := <-written:
			return true, err
		}
	})
	to.CloseWithError(io.ErrUnexpectedEOF)
	if err == nil && got.a == nil {
		got = <-done
	}
	switch {
	case err != nil:
		return err
	case got.a == nil:
		return &trouble{fmt.Errorf("the host at %s did not read %s within %v", t.host, name, tryTime), "look how it is: " + program() + " devices"}
	}
	return t.tell(got.head, got.a, func() string { return "" })
}

// tell tells what came of it.
func (t *trying) tell(h *tape.Head, a *tape.Attempt, around func() string) error {
	if t.json {
		return t.tellJSON(h, a)
	}
	if t.verbose > 0 {
		t.traffic(a)
	}
	r := a.Report
	if o := r.Opened; o != nil {
		fmt.Fprintln(t.out, printable(whatWasFound(o)))
	}
	rows := [][]string{}
	for _, n := range r.Readings {
		rows = append(rows, []string{"  " + printable(n.Channel), printable(readingText(n.Reading))})
	}
	if r.State != nil {
		rows = append(rows, []string{"  state", printable(r.State.Value.String())})
	} else if o := r.Opened; o != nil && o.Takes != nil {
		rows = append(rows, []string{"  an output, left as it is"})
	}
	if err := printRows(t.out, rows); err != nil {
		return err
	}
	if r.Err == nil {
		return nil
	}
	err := inTrouble(r.Err)
	var with *trouble
	if more := around(); more != "" && errors.As(err, &with) {
		with.try += "\n  " + more
	}
	return err
}

func whatWasFound(o *device.Opened) string {
	i := o.Info
	text := i.Driver
	if i.Address != "" {
		text += " at " + i.Address
	}
	if i.Wire != "" {
		text += " on " + i.Wire
	}
	if i.Model != "" {
		text += ": " + i.Model
	}
	if i.Serial != "" {
		text += ", serial " + i.Serial
	}
	return text
}

// traffic prints what went over the wire.
func (t *trying) traffic(a *tape.Attempt) {
	var began time.Duration
	if len(a.Steps) > 0 {
		began = a.Steps[0].At
	}
	for _, s := range a.Steps {
		if s.Call == "close" && s.At == began {
			continue // of what was open before
		}
		fmt.Fprintf(t.out, "%s\n", s.Call)
		for _, l := range s.Transfers {
			fmt.Fprintf(t.out, "  %9.3f ms  %s\n", 1000*(l.T.Duration()-began).Seconds(), printable(transferText(l)))
		}
	}
}

func transferText(l *tape.Line) string {
	text := ""
	if l.Addr != 0 {
		text = fmt.Sprintf("0x%02x  ", uint16(l.Addr))
	}
	switch l.Op {
	case device.OpConnect:
		return fmt.Sprintf("%sconnect at %.0f Hz, mode %d, %d bits", text, l.Hz, l.Mode, l.Bits)
	case device.OpMode:
		return fmt.Sprintf("%s%d baud, %d data bits, parity %s, %d stop bits", text, l.Baud, l.Data, l.Parity, l.Stop)
	case device.OpReset:
		return text + "what had come is forgotten"
	}
	if len(l.W) > 0 {
		text += "write " + spaced(l.W) + "  "
	}
	if len(l.R) > 0 {
		text += "read " + spaced(l.R)
	} else if l.N > 0 {
		text += fmt.Sprintf("read %d bytes", l.N)
	}
	text = strings.TrimRight(text, " ")
	if l.Err != "" {
		text += ": " + l.Err
		if l.Why != "" {
			text += ", " + l.Why
		}
	}
	return text
}

// spaced is bytes as people read them.
func spaced(b []byte) string {
	text := hex.EncodeToString(b)
	var parts []string
	for ; len(text) > 1; text = text[2:] {
		parts = append(parts, text[:2])
	}
	return strings.Join(parts, " ")
}

// around looks at the rest of the bus when a chip does not answer.
func (t *trying) around(ctx context.Context, s device.Spec, failed error) string {
	d, _ := device.Lookup(s.Driver)
	if d.Wire != device.I2C || !errors.Is(failed, device.ErrNoAnswer) {
		return ""
	}
	here, _ := (&config.Device{Spec: s}).Address()
	found, err := device.ScanI2C(ctx, s.Wire, device.Asking{})
	if err != nil || found.Deaf {
		return ""
	}
	var others []string
	for _, f := range found.Found {
		at := fmt.Sprintf("0x%02x", f.Address)
		switch {
		case f.Address == here && f.Taken != "":
			return fmt.Sprintf("%s: %s", at, f.Taken)
		case f.Address == here:
			return fmt.Sprintf("somebody is at %s, but does not answer as a %s does", at, s.Driver)
		case f.Driver == s.Driver:
			return fmt.Sprintf("there is a %s at %s on this bus: write address = %s", s.Driver, at, at)
		case f.Driver != "":
			at += " (" + f.Driver + ")"
		}
		others = append(others, at)
	}
	if others == nil {
		return "nobody answers on this bus at all, so look at its power, SDA, SCL and pull-ups first"
	}
	return "others on this bus answer, so it is not the bus: " + strings.Join(others, ", ")
}

func (t *trying) tellJSON(h *tape.Head, a *tape.Attempt) error {
	type jsonReading struct {
		Value   any         `json:"value,omitempty"`
		Unit    device.Unit `json:"unit,omitempty"`
		Quality string      `json:"quality"`
		Reason  string      `json:"reason,omitempty"`
	}
	out := struct {
		Device   string                 `json:"device"`
		Driver   string                 `json:"driver"`
		Wire     string                 `json:"wire,omitempty"`
		Address  string                 `json:"address,omitempty"`
		Model    string                 `json:"model,omitempty"`
		Serial   string                 `json:"serial,omitempty"`
		Readings map[string]jsonReading `json:"readings,omitempty"`
		State    any                    `json:"state,omitempty"`
		Error    string                 `json:"error,omitempty"`
		Kind     string                 `json:"kind,omitempty"` // of the error
		Remedy   string                 `json:"remedy,omitempty"`
		Traffic  []*tape.Line           `json:"traffic,omitempty"` // as in recordings
	}{Device: h.Device, Driver: h.Driver, Wire: h.On}
	r := a.Report
	if o := r.Opened; o != nil {
		out.Address, out.Model, out.Serial = o.Info.Address, o.Info.Model, o.Info.Serial
	}
	for _, n := range r.Readings {
		if out.Readings == nil {
			out.Readings = map[string]jsonReading{}
		}
		one := jsonReading{Unit: n.Reading.Unit, Quality: n.Reading.Quality.String(), Reason: n.Reading.Reason}
		if !n.Reading.Bad() {
			one.Value = plainValue(n.Reading.Form, n.Reading.Value, n.Reading.Text)
		}
		out.Readings[n.Channel] = one
	}
	if r.State != nil {
		out.State = plainValue(r.State.Value.Form, r.State.Value.Number, r.State.Value.Text)
	}
	if r.Err != nil {
		out.Error, out.Kind = r.Err.Error(), tape.NameOf(r.Err)
		var f *device.Fault
		if errors.As(r.Err, &f) {
			out.Remedy = f.Remedy
		}
	}
	if t.verbose > 0 {
		for _, s := range a.Steps {
			out.Traffic = append(out.Traffic, s.Transfers...)
		}
	}
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return err
	}
	if r.Err != nil {
		return inTrouble(r.Err)
	}
	return nil
}

// plainValue is a value as JSON has it.
func plainValue(form device.Form, number float64, text string) any {
	switch form {
	case device.Boolean:
		return number != 0
	case device.Text:
		return text
	}
	return number
}
