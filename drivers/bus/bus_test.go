package bus

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"selvage/edge/device"
)

func none(string) ([]string, error) { return nil, nil }
func two(string) ([]string, error)  { return []string{"/dev/i2c-0", "/dev/i2c-20"}, nil }

func TestWordsOfMissingBuses(t *testing.T) {
	missing := &fs.PathError{Op: "open", Path: "/dev/i2c-1", Err: fs.ErrNotExist}
	denied := &fs.PathError{Op: "open", Path: "/dev/i2c-1", Err: fs.ErrPermission}
	for _, c := range []struct {
		name         string
		err          error
		glob         func(string) ([]string, error)
		text, remedy string
	}{
		{"no bus at all", missing, none, "there is no bus /dev/i2c-1",
			"this machine shows no I²C bus; if it is that of a Raspberry Pi: raspi-config, or dtparam=i2c_arm=on in config.txt and a restart; elsewhere: modprobe i2c-dev"},
		{"another number", missing, two, "there is no bus /dev/i2c-1", "this machine has /dev/i2c-0, /dev/i2c-20; if it is"},
		{"not allowed", denied, two, "selvage may not open the bus /dev/i2c-1", "add its user to the group i2c (usermod -aG i2c NAME)"},
		{"something else", errors.New("odd"), two, "the bus /dev/i2c-1 does not open", "check the name with: ls /dev/i2c-*"},
	} {
		var f *device.Fault
		err := explain("/dev/i2c-1", c.err, c.glob)
		if !errors.As(err, &f) || f.Text != c.text || !strings.HasPrefix(f.Remedy, c.remedy) {
			t.Errorf("%s: %q, %q, want %q, %q…", c.name, f.Text, f.Remedy, c.text, c.remedy)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v does not wrap its cause", c.name, err)
		}
	}
}

func TestOpenI2C(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("buses are opened on Linux only")
	}
	file := filepath.Join(t.TempDir(), "i2c-1")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"1":                      `"1" is not the name of a bus`,
		"/dev/i2c-999":           "there is no bus /dev/i2c-999",
		file:                     file + " is not an I²C bus",
		"/dev/null":              "/dev/null is not an I²C bus",
		filepath.Dir(file):       "the bus " + filepath.Dir(file) + " does not open",
		filepath.Join(file, "x"): "the bus " + filepath.Join(file, "x") + " does not open",
	} {
		b, err := openI2C(t.Context(), name)
		var f *device.Fault
		if b != nil || !errors.As(err, &f) || f.Text != text || f.Remedy == "" {
			t.Errorf("openI2C(%q) = %v, %v, want %q with a remedy", name, b, err, text)
		}
	}
}
