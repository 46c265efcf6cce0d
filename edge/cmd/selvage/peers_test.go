package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The program for a Raspberry Pi starts, serves one reading and stops cleanly, under emulation.
func TestArm64(t *testing.T) {
	qemu := needs(t, "SELVAGE_QEMU", "the path of qemu-aarch64-static")
	f := newFolder(t, "")
	program := filepath.Join(string(f), "selvage-arm64")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := exec.Command(qemu, program, "run")
	c.Dir = string(f)
	h := hostBy(t, c)
	w := start(t, f.command("watch", "/device/air", "temperature", "--host", h.url)) // a lane comes with its device
	w.out.wait(t, w, "°C\n")
	w.stop(t, os.Interrupt, stopTime)
	if code := h.stop(t, syscall.SIGTERM, 10*time.Second); code != 0 {
		t.Errorf("exit %d after SIGTERM, want 0", code)
	}
}
