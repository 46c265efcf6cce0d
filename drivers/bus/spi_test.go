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

func TestWordsOfMissingSPI(t *testing.T) {
	missing := &fs.PathError{Op: "open", Path: "/dev/spidev0.0", Err: fs.ErrNotExist}
	denied := &fs.PathError{Op: "open", Path: "/dev/spidev0.0", Err: fs.ErrPermission}
	other := func(string) ([]string, error) { return []string{"/dev/spidev0.1"}, nil }
	for _, c := range []struct {
		name         string
		err          error
		glob         func(string) ([]string, error)
		text, remedy string
	}{
		{"none at all", missing, none, "there is no SPI bus /dev/spidev0.0", "this machine shows no SPI bus; if it is that of a Raspberry Pi: raspi-config, or dtparam=spi=on"},
		{"another number", missing, other, "there is no SPI bus /dev/spidev0.0", "this machine has /dev/spidev0.1; if it is"},
		{"not allowed", denied, other, "selvage may not open the SPI bus /dev/spidev0.0", "add its user to the group spi (usermod -aG spi NAME)"},
		{"something else", errors.New("odd"), other, "the SPI bus /dev/spidev0.0 does not open", "check the name with: ls /dev/spidev*"},
	} {
		var f *device.Fault
		err := explainSPI("/dev/spidev0.0", c.err, c.glob)
		if !errors.As(err, &f) || f.Text != c.text || !strings.HasPrefix(f.Remedy, c.remedy) || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %q, %q…", c.name, err, c.text, c.remedy)
		}
	}
}

func TestOpenSPI(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("buses are opened on Linux only")
	}
	file := filepath.Join(t.TempDir(), "spidev0.0")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"SPI0.0":                 `"SPI0.0" is not the name of an SPI bus`,
		"/dev/spidev99.0":        "there is no SPI bus /dev/spidev99.0",
		file:                     file + " is not an SPI bus",
		"/dev/null":              "/dev/null is not an SPI bus",
		filepath.Join(file, "x"): "the SPI bus " + filepath.Join(file, "x") + " does not open",
	} {
		p, err := openSPI(t.Context(), name)
		var f *device.Fault
		if p != nil || !errors.As(err, &f) || f.Text != text || f.Remedy == "" {
			t.Errorf("openSPI(%q) = %v, %v, want %q with a remedy", name, p, err, text)
		}
	}
}
