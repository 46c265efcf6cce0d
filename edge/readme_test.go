package edge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The driver and the agent of the README are built into the binary, and its configs are run.
func TestReadme(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```(?:go|toml)\n(.*?)```").FindAllSubmatch(readme, -1) {
		blocks = append(blocks, string(m[1]))
	}
	if len(blocks) != 7 {
		t.Fatalf("README.md has %d code blocks, want what adds to devices, an uplink to a broker, what that publishes, one to a hub, a driver, an agent and a config", len(blocks))
	}
	more, uplinks := blocks[0], blocks[1]+blocks[2]+blocks[3]
	blocks = blocks[4:]
	if n := strings.Count(blocks[1][strings.Index(blocks[1], "func init"):], "\n"); n > 30 {
		t.Errorf("the agent takes %d lines, promised are 30", n)
	}

	dir := t.TempDir()
	replace := map[string]string{}
	for place, text := range map[string]string{
		"drivers/level/level.go":     blocks[0],
		"agents/refill/refill.go":    blocks[1],
		"edge/cmd/selvage/readme.go": "package main\n\nimport (\n\t_ \"selvage/agents/refill\"\n\t_ \"selvage/drivers/level\"\n)\n",
	} {
		file := filepath.Join(dir, filepath.Base(place))
		write(t, file, text)
		replace[filepath.Join(root, place)] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(overlay))
	bin := filepath.Join(dir, "selvage")
	build := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", bin, "./edge/cmd/selvage")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	// What more is said of devices is said of devices that there are.
	devices := strings.Replace(more, "[device.heater]", "[device.heater]\ndriver = \"gpio-out\"\npin = \"GPIO17\"", 1) +
		"[device.air]\ndriver = \"sht4x\"\nbus = \"/dev/i2c-1\"\n[agent.\"/room/air\"]\nkind = \"climate\"\nsensor = \"/device/air\"\nheater = \"/device/heater\"\n"
	write(t, filepath.Join(dir, "devices.toml"), devices)
	if out, err := exec.Command(bin, "check", "-c", filepath.Join(dir, "devices.toml")).CombinedOutput(); err != nil {
		t.Errorf("what README.md says of devices: %s", out)
	}

	write(t, filepath.Join(dir, "tank.cm"), "50\n")
	write(t, filepath.Join(dir, "selvage.toml"), "[host]\ndata = \"var\"\nlisten = \"127.0.0.1:0\"\n\n"+blocks[2]+uplinks)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	host := exec.CommandContext(ctx, bin, "run")
	host.Dir = dir
	host.Cancel = func() error { return host.Process.Signal(os.Interrupt) }
	host.WaitDelay = 5 * time.Second
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	uri := waitFor(t, out, regexp.MustCompile(`warp://[0-9.:]+`))

	watch := exec.CommandContext(ctx, bin, "--host", uri, "watch", "/tank", "times")
	seen, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, seen, regexp.MustCompile(`(?m) 0$`))
	write(t, filepath.Join(dir, "tank.cm"), "12.5\n")
	waitFor(t, seen, regexp.MustCompile(`(?m) 1$`))
	get := exec.CommandContext(ctx, bin, "--host", uri, "get", "/device/tank", "level")
	if out, err := get.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "12.5 cm" {
		t.Errorf("get /device/tank level: %v, %q, want 12.5 cm", err, out)
	}
	cancel()
	watch.Wait()
	host.Wait()
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// waitFor reads until the pattern has matched, and returns what it matched.
func waitFor(t *testing.T, r interface{ Read([]byte) (int, error) }, pattern *regexp.Regexp) string {
	t.Helper()
	var text []byte
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		text = append(text, buf[:n]...)
		if m := pattern.Find(text); m != nil {
			return string(bytes.Clone(m))
		}
		if err != nil {
			t.Fatalf("%s did not come: %v\n%s", pattern, err, text)
		}
	}
}
