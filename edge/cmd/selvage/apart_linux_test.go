package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

const isApart = "SELVAGE_TEST_APART" // is set in the process that apart starts

// needed are the programs that make or use what a device serves.
var needed = map[string]struct{ program, debian string }{
	"/dev/fuse":         {"qemu-storage-daemon", "qemu-system-common"},
	"/dev/loop-control": {"mkfs.ext4", "e2fsprogs"},
}

// apart reports whether the test runs in a process with mounts and processes of its own, which end with it, however
// it ends. If not, it runs the test in one, or skips it where that may not mount what uses the devices.
func apart(t *testing.T, otherwise string, devices ...string) bool {
	t.Helper()
	if os.Getenv(isApart) != "" {
		return true
	}
	if os.Getuid() != 0 {
		lacks(t, otherwise+": only root may mount a file system")
	}
	for _, device := range devices {
		f, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			lacks(t, fmt.Sprintf("%s: this kernel or container has no %s for us: %v", otherwise, device, err))
		}
		f.Close()
		need := needed[device]
		if _, err := exec.LookPath(need.program); err != nil {
			lacks(t, fmt.Sprintf("%s: no %s (Debian package %s)", otherwise, need.program, need.debian))
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), isApart+"=1", "TMPDIR="+t.TempDir())
	c.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS,
		Cloneflags:   syscall.CLONE_NEWPID,
		Pdeathsig:    syscall.SIGKILL, // when our thread ends
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out, err := c.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("%s: root may not mount a file system here: %v", otherwise, err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}
