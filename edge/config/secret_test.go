package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/secret"
)

func init() { device.Register("polled", polled{}, open[polled]) }

// polled is a driver that needs a secret.
type polled struct{ Token secret.Place }

// Where a device's secret is counts from the config's folder, wherever the host was started.
func TestDeviceSecret(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"key": "hunter2\n", "selvage.toml": "[device.a]\ndriver = \"polled\"\ntoken = \"file:key\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := config.Load(filepath.Join(dir, "selvage.toml"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := plan.Devices[0].Config.(polled).Token.Read()
	if err != nil || got != "hunter2" {
		t.Errorf("it reads %q, %v", got, err)
	}
}
