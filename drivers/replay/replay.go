// Package replay is for devices that are not there: it plays what `selvage record` has recorded of one, as it was or up
// to 10,000 times as fast.
//
// A recording of a bus or a serial port is played through the driver that was recorded: the very bytes that came in the
// field come again, and that driver makes of them what it makes of them. Of a device on a pin, or on no wire, what was
// measured is played. What is asked of the recording and is not in it, since the driver has changed, is an error that
// names the line.
//
//	[device.air]
//	driver = "replay"
//	file   = "air.jsonl"
//	speed  = 100
//	loop   = true
//
// The device is read when the recording says so, whatever `every` is. The format is that of edge/device/tape, and
// drivertest.Replay makes a test of a recording.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"selvage/edge/device"
	"selvage/edge/device/tape"
)

func init() { device.Register("replay", Config{Speed: 1}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_        struct{} `doc:"What was recorded of another device, by selvage record, played again." example:"replayed"`
	File     string   `toml:"file" doc:"the recording, from the folder the program runs in" example:"air.jsonl"`
	Speed    float64  `toml:"speed" doc:"how many times as fast as it was it is played, 1 to 10000"`
	Loop     bool     `toml:"loop" doc:"whether it begins again at its end"`
	Readings bool     `toml:"readings" doc:"whether what was measured is played, and not the traffic of the wire through its driver"`
}

const fastest = 10_000

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.File == "" {
		fault("file", "a replay needs a recording", `make one with: selvage record NAME > air.jsonl, then write file = "air.jsonl"`)
	}
	if !(c.Speed >= 1 && c.Speed <= fastest) {
		fault("speed", fmt.Sprintf("a recording cannot be played %v times as fast", c.Speed), "use 1 to 10000")
	}
}

// Dev is a recording that is played.
type Dev struct {
	c        Config
	info     device.Info
	channels []device.Channel

	file   *os.File // nil when closed
	tape   *tape.Reader
	player *tape.Player // nil if what was measured is played
	began  time.Time    // when the time of the recording was 0
	next   *tape.Attempt
	over   error // why there is no next
}

// Open reads the recording from end to end, so that what is wrong with it is said at once, with the line.
func Open(_ context.Context, c Config) (*Dev, error) {
	d := &Dev{c: c}
	if err := d.survey(); err != nil {
		d.Close()
		return nil, explain(c.File, err)
	}
	if err := d.rewind(); err != nil {
		d.Close()
		return nil, explain(c.File, err)
	}
	return d, nil
}

// survey finds what the recording is of.
func (d *Dev) survey() (err error) {
	if d.file, err = os.Open(d.c.File); err != nil {
		return err
	}
	r, err := tape.NewReader(d.file)
	if err != nil {
		return err
	}
	d.info = device.Info{Driver: "replay", Wire: filepath.Base(d.c.File), Model: "recording of " + r.Head.Driver}
	for n := 0; ; n++ {
		a, err := r.Attempt()
		switch {
		case n == 0 && (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)):
			return errors.New("nothing is in it but its head")
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		case a.Report == nil:
			continue
		}
		if o := a.Report.Opened; o != nil {
			d.info.Serial, d.info.Address = o.Info.Serial, o.Info.Address
			if o.Info.Model != "" {
				d.info.Model = "recording of " + o.Info.Model
			}
			for _, c := range o.Channels {
				d.know(c)
			}
			if o.Takes != nil {
				takes := *o.Takes
				takes.Name = "state"
				d.know(takes)
			}
		}
		if v := a.Report.State; v != nil {
			d.know(device.Channel{Name: "state", Form: v.Value.Form, Unit: unitOf(v.Value.Form)})
		}
		for _, n := range a.Report.Readings {
			d.know(device.Channel{Name: n.Channel, Unit: n.Reading.Unit, Form: n.Reading.Form})
		}
	}
}

// unitOf is a unit that a state has of which nothing is known.
func unitOf(f device.Form) device.Unit {
	if f == device.Number {
		return "1"
	}
	return ""
}

// know notes a channel, unless it is known.
func (d *Dev) know(c device.Channel) {
	if !slices.ContainsFunc(d.channels, func(k device.Channel) bool { return k.Name == c.Name }) {
		d.channels = append(d.channels, c)
	}
}

// rewind begins at the beginning.
func (d *Dev) rewind() error {
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var err error
	if d.tape, err = tape.NewReader(d.file); err != nil {
		return err
	}
	if d.player != nil {
		d.player.Close()
	}
	d.player = nil
	if d.tape.Head.HasTraffic() && !d.c.Readings {
		if d.player, err = tape.NewPlayer(&d.tape.Head, d.c.Speed); err != nil {
			return err
		}
	}
	d.began = time.Now()
	d.advance()
	return nil
}

// advance looks for what comes next, so that it is known when that is due.
func (d *Dev) advance() {
	d.next, d.over = d.tape.Attempt()
	for d.over == nil && d.next.Report == nil {
		d.next, d.over = d.tape.Attempt()
	}
	if d.over == nil {
		return
	}
	if errors.Is(d.over, io.ErrUnexpectedEOF) {
		d.over = io.EOF // a recording that was cut off is over where it ends
	}
}

// Info tells what was recorded.
func (d *Dev) Info() device.Info { return d.info }

// Channels are those of the device that was recorded, and the state of an output.
func (d *Dev) Channels() []device.Channel { return d.channels }

// Read plays the next attempt: what it gives, and how it fails, is as in the field.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.file == nil {
		return nil, os.ErrClosed
	}
	if d.over == io.EOF && d.c.Loop {
		if err := d.rewind(); err != nil {
			return nil, explain(d.c.File, err)
		}
	}
	if d.over == io.EOF {
		return nil, &device.Fault{
			Text:   "the recording " + d.c.File + " is over",
			Remedy: "with loop = true it begins again; a reload of the host after a change of this device plays it once more",
		}
	}
	if d.over != nil {
		return nil, explain(d.c.File, d.over)
	}
	if err := device.Wait(ctx, time.Until(d.due())); err != nil {
		return nil, err
	}
	a := d.next
	d.advance()
	if d.player == nil {
		return measured(a)
	}
	return d.play(ctx, a)
}

// due is when the next attempt ended, by today's clock.
func (d *Dev) due() time.Time {
	return d.began.Add(time.Duration(float64(d.next.At) / d.c.Speed))
}

// overPause is how often a recording that is over says so.
const overPause = 10 * time.Second

// Pause is the time to the next attempt of the recording.
func (d *Dev) Pause() time.Duration {
	if d.next == nil {
		if d.c.Loop {
			return time.Millisecond // so that one of no length does not take a whole processor
		}
		return overPause
	}
	return time.Until(d.due())
}

// play plays the steps of an attempt through the driver. An output's state is what was recorded.
func (d *Dev) play(ctx context.Context, a *tape.Attempt) (device.Sample, error) {
	var got device.Sample
	for i := range a.Steps {
		s := &a.Steps[i]
		if d.player.Device == nil && s.Call != "open" {
			continue // what the driver does first is not there
		}
		sample, err := d.playStep(ctx, a, s)
		if other := d.player.Wire.Other(); other != nil && err != nil {
			return nil, d.different(other)
		}
		if err != nil {
			return nil, err
		}
		if s.Call == "read" {
			got = sample
		}
	}
	return append(got, stateOf(a)...), nil
}

// playStep plays one step. Of a device that did not come to an end in its time, only as much of that is waited for as
// the speed asks for.
func (d *Dev) playStep(ctx context.Context, a *tape.Attempt, s *tape.Step) (device.Sample, error) {
	if !errors.Is(a.Report.Err, context.DeadlineExceeded) {
		return d.player.Play(ctx, s)
	}
	const grace = 10 * time.Millisecond // for a machine that is busy
	within, cancel := context.WithTimeout(ctx, time.Duration(float64(a.At-s.At)/d.c.Speed)+grace)
	defer cancel()
	sample, err := d.player.Play(within, s)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = a.Report.Err
	}
	return sample, err
}

// different is the error of a driver that asks for what is not in the recording.
func (d *Dev) different(err error) error {
	return &device.Fault{
		Text:   fmt.Sprintf("the recording %s does not go on as the driver %s does", d.c.File, d.tape.Head.Driver),
		Remedy: "the driver has changed since, or something is missing in the recording; readings = true plays what was measured",
		Err:    err,
	}
}

// measured is what a recording says was measured.
func measured(a *tape.Attempt) (device.Sample, error) {
	if a.Report.Err != nil {
		return nil, a.Report.Err
	}
	var s device.Sample
	for _, n := range a.Report.Readings {
		m := device.Measure{Channel: n.Channel, Value: n.Reading.Value, Text: n.Reading.Text}
		switch {
		case n.Reading.Quality >= device.Bad:
			m.Err = errors.New(n.Reading.Reason)
		case n.Reading.Quality == device.Uncertain:
			m.Doubt = n.Reading.Reason
		}
		s = append(s, m)
	}
	return append(s, stateOf(a)...), nil
}

func stateOf(a *tape.Attempt) device.Sample {
	if a.Report.State == nil {
		return nil
	}
	v := a.Report.State.Value
	return device.Sample{{Channel: "state", Value: v.Number, Text: v.Text}}
}

// Close closes the recording, and the device that is played.
func (d *Dev) Close() error {
	if d.player != nil {
		d.player.Close()
		d.player = nil
	}
	if d.file == nil {
		return nil
	}
	err := d.file.Close()
	d.file = nil
	return err
}

// explain says what is wrong with a recording.
func explain(file string, err error) error {
	var wrong *tape.Fault
	switch {
	case errors.As(err, &wrong):
		return &device.Fault{
			Text:   fmt.Sprintf("the recording %s cannot be played: %v", file, wrong),
			Remedy: "mend the line, or cut the recording off before it",
		}
	case errors.Is(err, os.ErrNotExist):
		return &device.Fault{
			Text:   "there is no recording " + file,
			Remedy: "make one with: selvage record NAME > " + filepath.Base(file),
			Err:    err,
		}
	}
	return &device.Fault{Text: "the recording " + file + " cannot be played", Remedy: "check that it is one: its first line has \"recording\":1", Err: err}
}

var _ device.Paced = (*Dev)(nil)
