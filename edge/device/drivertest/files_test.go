package drivertest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"selvage/edge/device"
)

// fileConfig says what is wrong with the driver under test, which reads a number; with neither it is a good one.
type fileConfig struct {
	File              string
	Zero, Bare, Blind bool
}

type fileDev struct{ c fileConfig }

func init() {
	device.Register("filer", fileConfig{}, func(ctx context.Context, c fileConfig) (*fileDev, error) {
		d := &fileDev{c}
		_, err := d.Read(ctx)
		if c.Blind {
			err = nil
		}
		return d, err
	})
}

func (d *fileDev) Info() device.Info { return device.Info{Driver: "filer"} }
func (d *fileDev) Close() error      { return nil }

func (d *fileDev) Channels() []device.Channel {
	return []device.Channel{{Name: "value", Unit: "1", Max: 9}}
}

func (d *fileDev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(d.c.File)
	if err != nil && d.c.Bare {
		return nil, err
	}
	v, wrong := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err = errors.Join(err, wrong); err != nil && !d.c.Zero {
		return nil, &device.Fault{Text: "there is no number in " + d.c.File, Remedy: "write one", Err: err}
	}
	return device.Sample{{Channel: "value", Value: float64(v)}}, nil
}

func fileCase(t *testing.T, c fileConfig) Case {
	dir := filepath.Join(t.TempDir(), "device")
	c.File = filepath.Join(dir, "value")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(c.File, []byte("5\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	return Case{Driver: "filer", Config: c, Files: dir}
}

func TestGoodFileDriver(t *testing.T) { Run(t, fileCase(t, fileConfig{})) }

func TestSloppyFileDrivers(t *testing.T) {
	for _, c := range []struct {
		rule   string
		config fileConfig
		fault  string
	}{
		{"bears files that fail", fileConfig{Zero: true}, `is "x\n": value = 0, and was`},
		{"bears files that fail", fileConfig{Bare: true}, "no such file or directory has no remedy"},
		{"comes back when its files do", fileConfig{Zero: true}, "unplugged: it measures"},
		{"comes back when its files do", fileConfig{Blind: true}, "it opens while unplugged"},
	} {
		t.Run(c.rule, func(t *testing.T) { wantFault(t, c.rule, fileCase(t, c.config), c.fault) })
	}
}
