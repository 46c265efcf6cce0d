// Package command is for values that a program tells: it is run for each measurement, and what it writes is a number,
// JSON, or text that a regular expression takes apart.
//
//	[device.gpu]
//	driver  = "exec"
//	command = ["vcgencmd", "measure_temp"]     # temp=48.3'C
//	match   = "temp=(?P<temperature>[0-9.]+)"
//	every   = "30s"
//
//	[device.gpu.channel.temperature]
//	unit = "Cel"
//
// No shell is between: a pipe or a variable needs one of its own, ["sh", "-c", "…"]. The program has the rights of
// selvage's user, LC_ALL=C so that numbers have a point, and of our environment only what it needs to find its way,
// since there may be secrets in the rest. When its time is over it is killed with all that it has started.
//
// A program that goes on and writes a line now and then is none for this driver: put it behind a port, as by
// socat EXEC:… TCP-LISTEN:…, for the driver line, whose port may be tcp://127.0.0.1:PORT. So whoever supervises
// services starts it again, and it can be looked at while it runs.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"selvage/drivers/fields"
	"selvage/edge/device"
)

func init() { device.Register("exec", Config{}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{}                  `doc:"A program that is run for each measurement, and writes its values." example:"gpu"`
	Command []string                  `toml:"command" doc:"the program and its arguments, each a text of its own; there is no shell" example:"[\"vcgencmd\", \"measure_temp\"]"`
	Folder  string                    `toml:"folder" doc:"the folder that it runs in" unset:"that of selvage" example:"-"`
	Env     map[string]string         `toml:"env" doc:"variables of its environment, beside PATH, HOME, USER, TZ and TMPDIR as selvage has them and LC_ALL=C" example:"-"`
	Match   string                    `toml:"match" doc:"a regular expression with a named group (?P<name>…) for each value; ^ and $ are the ends of a line" example:"temp=(?P<temperature>[0-9.]+)" unset:"it writes JSON, or with one channel nothing but its value"`
	Channel map[string]fields.Channel `toml:"channel" doc:"One of its values; its name is that of its lane." example:"temperature"`
}

// patience is how long the program may take unless timeout says otherwise.
const patience = 10 * time.Second

// Within is that.
func (c Config) Within() time.Duration { return patience }

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	switch {
	case len(c.Command) == 0 || c.Command[0] == "":
		fault("command", "command is missing: what is to be run?", `write such as command = ["vcgencmd", "measure_temp"]`)
	case len(c.Command) == 1 && strings.Contains(c.Command[0], " ") && !exists(c.Command[0]):
		fault("command", fmt.Sprintf("there is no program %q", c.Command[0]), fmt.Sprintf(`write each argument as a text of its own: ["%s"]`, strings.Join(strings.Fields(c.Command[0]), `", "`)))
	}
	for name, value := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			fault("env."+name, fmt.Sprintf("%q is no variable", name), "a name has letters, digits and _")
		}
	}
	fields.Check(c.Match, c.Channel, fault)
	if len(c.Channel) == 0 {
		fault("channel", "there is nothing to read", "add a table such as [device.gpu.channel.temperature]")
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

const (
	longest = 1 << 20 // bytes that it may write
	said    = 200     // bytes of its last words that are shown
)

// Dev is the program.
type Dev struct {
	c      Config
	name   string
	reader *fields.Reader
	closed bool
}

// Open makes ready what is needed to run it. It is not run yet.
func Open(ctx context.Context, c Config) (*Dev, error) {
	if len(c.Command) == 0 {
		return nil, errors.New("there is no command")
	}
	reader, err := fields.New(c.Match, c.Channel)
	if err != nil {
		return nil, err
	}
	return &Dev{c: c, name: filepath.Base(c.Command[0]), reader: reader}, ctx.Err()
}

// Channels are those of the config, by name.
func (d *Dev) Channels() []device.Channel { return d.reader.Channels() }

// Info tells which program it is. Its arguments may be secrets.
func (d *Dev) Info() device.Info { return device.Info{Driver: "exec", Wire: d.c.Command[0]} }

var (
	errClosed = errors.New("it is closed")
	errLong   = errors.New("it writes too much")
)

// Read runs the program once.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.closed {
		return nil, errClosed
	}
	within, end := context.WithCancelCause(ctx)
	defer end(nil)
	out := &bounded{most: longest, over: func() { end(errLong) }}
	words := &tail{most: 4 << 10}
	cmd := exec.Command(d.c.Command[0], d.c.Command[1:]...)
	cmd.Dir, cmd.Env = d.c.Folder, d.environment()
	cmd.Stdout, cmd.Stderr = out, words
	cmd.WaitDelay = time.Second // for who has left the group and keeps what it writes to open
	err := run(within, cmd)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err()
	case ctx.Err() != nil:
		return nil, d.fault(nil, "run it by hand to see what it waits for; if it only is slow, raise timeout", "%s was not done in time, and was ended%s", d.name, words.last(": "))
	case errors.Is(context.Cause(within), errLong):
		return nil, d.fault(nil, "have it write no more than the values", "%s wrote more than %d bytes, and was ended", d.name, longest)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, d.explain(err, words)
	}
	text := out.text.Bytes()
	if len(bytes.TrimSpace(text)) == 0 && words.last("") != "" {
		return nil, d.fault(nil, byHand, "%s wrote no value, but%s", d.name, words.last(" "))
	}
	return d.reader.Whole(text, fields.Source{What: "what " + d.name + " writes", Look: byHand})
}

// passed are the variables of our environment that the program has, too.
var passed = []string{"PATH", "HOME", "USER", "LOGNAME", "TZ", "TMPDIR"}

func (d *Dev) environment() []string {
	env := []string{"LC_ALL=C"}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.c.Env)) {
		env = append(env, name+"="+d.c.Env[name])
	}
	return env
}

const byHand = "run it by hand, as selvage's user, and look at what it writes"

func (d *Dev) fault(cause error, remedy, format string, args ...any) error {
	return &device.Fault{Text: fmt.Sprintf(format, args...), Remedy: remedy, Err: cause}
}

// explain says what it means that the program did not run, or ended badly.
func (d *Dev) explain(err error, words *tail) error {
	program := d.c.Command[0]
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended) && ended.Exited():
		return d.fault(nil, byHand, "%s ended with status %d%s", d.name, ended.ExitCode(), words.last(": "))
	case errors.As(err, &ended):
		return d.fault(nil, "run it by hand; the kernel's log says if memory ran out: dmesg", "%s was ended by %v%s", d.name, ended, words.last(": "))
	case d.c.Folder != "" && unusable(d.c.Folder) != nil: // the system does not say whether it is this or the program
		return d.fault(nil, "check folder in its table: ls -ld "+d.c.Folder, "%s cannot run in the folder %s: %v", d.name, d.c.Folder, unusable(d.c.Folder))
	case errors.Is(err, exec.ErrNotFound):
		return d.fault(nil, "install it, or write its full path; it is looked for in "+os.Getenv("PATH"), "there is no program %s", program)
	case errors.Is(err, fs.ErrPermission):
		return d.fault(nil, "let selvage's user run it: ls -l "+program, "%s may not be run", program)
	case errors.Is(err, syscall.ENOEXEC):
		return d.fault(nil, "a script begins with a line such as #!/bin/sh; a program must be for this machine's processor", "%s is nothing that can be run", program)
	case errors.Is(err, fs.ErrNotExist) && exists(program):
		return d.fault(nil, "look at its first line, which names its interpreter; a program may lack its loader: ldd "+program, "%s cannot be run: what it is to be run by is not there", program)
	case errors.Is(err, fs.ErrNotExist):
		return d.fault(nil, "check command in its table", "there is no program %s", program)
	}
	return d.fault(err, byHand, "%s cannot be run", program)
}

// unusable says why a folder cannot be gone into.
func unusable(folder string) error {
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("it is not there")
	case err != nil:
		return errors.Unwrap(err)
	case !info.IsDir():
		return errors.New("it is a file")
	}
	return nil
}

// Close has nothing to end: the program only runs while it is read.
func (d *Dev) Close() error {
	d.closed = true
	return nil
}

var _ device.Sensor = (*Dev)(nil)
