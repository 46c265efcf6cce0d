//go:build kernels

package kerneltest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// needsKernels returns the folder with the kernels.
func needsKernels(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SELVAGE_KERNELS")
	if dir == "" {
		const why = "SELVAGE_KERNELS is not set to a folder with kernels; scripts/kernel-test sets it where it can"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	return dir
}

// machine is an emulated board and what it runs.
type machine struct {
	qemu    []string // the command and the board
	arch    string   // the folder of its kernel
	goarch  []string // for the guest program
	dtb     string   // its device tree
	console string   // for the kernel's command line
	modules []string
	devices string // the guest's devices.txt
	taken   string // its taken.txt
	scan    string // its scan.txt
	adapter bool   // the guest has a simulated board on a USB adapter
}

var (
	raspi3b = machine{
		qemu: []string{"qemu-system-aarch64", "-M", "raspi3b"},
		arch: "arm64", goarch: []string{"GOARCH=arm64"},
		dtb: "bcm2837-rpi-3-b.dtb", console: "console=ttyS1,115200 console=ttyAMA0,115200",
	}
	ast2600 = machine{
		qemu: []string{"qemu-system-arm", "-M", "ast2600-evb", "-m", "1G", "-nic", "none"},
		arch: "armhf", goarch: []string{"GOARCH=arm", "GOARM=7"},
		dtb: "aspeed-ast2600-evb.dtb", console: "console=ttyS4,115200n8",
	}
)

// board is a machine that runs.
type board struct {
	t       *testing.T
	control net.Conn // QMP, JSON in both directions (QEMU, docs/interop/qmp-spec)
	answers *bufio.Scanner

	mu    sync.Mutex
	log   []string
	news  chan struct{} // closed and made anew at every line
	ended bool
}

// boot starts a machine with its guest.
func boot(t *testing.T, m machine) *board {
	t.Helper()
	kernel := filepath.Join(needsKernels(t), m.arch)
	dir := t.TempDir()

	guest := filepath.Join(dir, "init")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", guest, "./guest")
	build.Env = append(os.Environ(), append(m.goarch, "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=")...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(guest)
	if err != nil {
		t.Fatal(err)
	}
	mods := newModules(t, kernel)
	for _, name := range m.modules {
		mods.add(t, name)
	}
	files := map[string][]byte{
		"init": program, "devices.txt": []byte(m.devices), "taken.txt": []byte(m.taken), "scan.txt": []byte(m.scan),
		"modules.txt": []byte(strings.Join(mods.order, "\n")),
	}
	for name, content := range mods.content {
		files["modules/"+name] = content
	}
	// A kernel without /dev/console gives its first program no standard output, and Go then ends it.
	files["dev/.keep"], files["proc/.keep"], files["sys/.keep"] = nil, nil, nil
	if m.adapter {
		files["adapter"] = nil
	}
	ram := filepath.Join(dir, "initrd.gz")
	if err := os.WriteFile(ram, initrd(files), 0o644); err != nil {
		t.Fatal(err)
	}

	socket := filepath.Join(dir, "qmp")
	// The kernel and the guest share the console, and a message of the kernel's would land within a line of the guest's:
	// `quiet` lets errors through, and of those are the ones of a USB port that waits for its adapter. A panic is shown
	// in any case.
	args := append(m.qemu[1:len(m.qemu):len(m.qemu)], "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
		"-qmp", "unix:"+socket+",server=on,wait=off",
		"-kernel", only(t, kernel, "vmlinuz-*"), "-dtb", only(t, kernel, m.dtb), "-initrd", ram, "-append", m.console+" loglevel=1 rdinit=/init")
	qemu := exec.Command(m.qemu[0], args...)
	out, err := qemu.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	qemu.Stderr = qemu.Stdout
	if err := qemu.Start(); err != nil {
		t.Fatal(err)
	}
	b := &board{t: t, news: make(chan struct{})}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			b.line(strings.TrimRight(s.Text(), "\r"), false)
		}
		b.line("", true)
	}()
	t.Cleanup(func() {
		_ = qemu.Process.Kill()
		<-read
		_ = qemu.Wait()
		if b.control != nil {
			_ = b.control.Close()
		}
		if t.Failed() {
			t.Logf("the console:\n%s", strings.Join(b.log, "\n"))
		}
	})
	b.await("GUEST runs on ") // by then QEMU listens
	if b.control, err = net.Dial("unix", socket); err != nil {
		t.Fatal(err)
	}
	b.answers = bufio.NewScanner(b.control)
	b.answers.Scan() // its greeting
	b.do("qmp_capabilities", map[string]any{})
	return b
}

// only finds the one file of a name below a folder.
func only(t *testing.T, dir, name string) string {
	t.Helper()
	out, err := exec.Command("find", dir, "-name", name).Output()
	if found := strings.Fields(string(out)); err == nil && len(found) == 1 {
		return found[0]
	}
	t.Fatalf("%s in %s: found %q, %v", name, dir, out, err)
	return ""
}

func (b *board) line(text string, last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, text)
	b.ended = last
	close(b.news)
	b.news = make(chan struct{})
}

// patience is how long a board may take for anything; on a very busy machine it takes minutes to start.
const patience = 4 * time.Minute

// await returns the first line with these words since the last that was awaited, and all before it are
// gone.
func (b *board) await(words string) string {
	b.t.Helper()
	late := time.After(patience)
	for {
		b.mu.Lock()
		log, news, ended := b.log, b.news, b.ended
		for i, l := range log {
			if strings.Contains(l, words) {
				b.log = log[i+1:]
				b.mu.Unlock()
				if !strings.Contains(l, " wire ") { // there are hundreds
					b.t.Log(l)
				}
				return l
			}
		}
		b.mu.Unlock()
		if ended {
			b.t.Fatalf("the board ended before it said %q", words)
		}
		select {
		case <-news:
		case <-late:
			b.t.Fatalf("the board did not say %q in %v", words, patience)
		}
	}
}

// until returns the lines of the guest's scan before the one with these words.
func (b *board) until(words string) (before []string) {
	b.t.Helper()
	for {
		l := b.await("GUEST scan ")
		if strings.Contains(l, words) {
			return before
		}
		before = append(before, l)
	}
}

// awaitAll returns the first lines with each of these words, in whichever order they come.
func (b *board) awaitAll(words ...string) []string {
	b.t.Helper()
	found := make([]string, len(words))
	for left := len(words); left > 0; {
		l := b.await("GUEST ")
		for i, w := range words {
			if found[i] == "" && strings.Contains(l, w) {
				found[i] = l
				left--
			}
		}
	}
	return found
}

// do has QEMU do something.
func (b *board) do(command string, arguments map[string]any) {
	b.t.Helper()
	request, err := json.Marshal(map[string]any{"execute": command, "arguments": arguments})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.control, "%s\n", request); err != nil {
		b.t.Fatal(err)
	}
	for b.answers.Scan() {
		var a struct {
			Return *json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := json.Unmarshal(b.answers.Bytes(), &a); err != nil {
			b.t.Fatalf("%s: %v", b.answers.Bytes(), err)
		}
		switch {
		case a.Error != nil:
			b.t.Fatalf("%s %v: %s", command, arguments, a.Error.Desc)
		case a.Return != nil:
			return
		} // else an event
	}
	b.t.Fatalf("%s: QEMU does not answer: %v", command, b.answers.Err())
}

// set changes a property of the emulated hardware.
func (b *board) set(path, property string, value any) {
	b.t.Helper()
	b.do("qom-set", map[string]any{"path": path, "property": property, "value": value})
}
