package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What a disk does to a host while it runs, on a real one: readings go on to be shown, nothing is acknowledged, a
// condition says what to do, and all is well when the disk is, with all that came meanwhile.
func TestFaultsOfTheDisk(t *testing.T) {
	if !apart(t, "faults of the disk are not tested", "/dev/loop-control") {
		return
	}
	t.Run("full", func(t *testing.T) {
		s := newSite(t, t.TempDir(), "errors=continue")
		filler := fill(t, s.mnt)
		s.suffers("the disk is full", "make room on the disk of the data folder")
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		s.recovers()
		s.keeps()
	})
	t.Run("the kernel makes it read-only", func(t *testing.T) {
		s := newSite(t, t.TempDir(), "errors=remount-ro")
		s.breakFileSystem()
		s.suffers("its file system is read-only", "(dmesg), stop the host, check the disk (fsck)")
		if code := s.stop(t, syscall.SIGTERM, patience); code != 1 {
			t.Errorf("the host exits with %d, want 1", code)
		}
		s.told(`selvage: save changes to `+s.db()+`: its file system is read-only`, `changes lost: `)
		// What the condition says is done.
		run(t, "umount", s.mnt)
		run(t, "sh", "-c", "e2fsck -fy "+s.image+" || test $? -le 2")
		run(t, "mount", "-t", "ext4", "-o", "loop", s.image, s.mnt)
		s.start()
		s.has(s.acked)
		s.post(http.StatusOK)
	})
	t.Run("its fsync fails", func(t *testing.T) {
		// The disk is a file on another that is full: what is written to it is refused when it is synced.
		back := t.TempDir()
		run(t, "mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", back)
		t.Cleanup(func() { run(t, "umount", back) })
		s := newSite(t, back, "errors=continue")
		run(t, "sync", "-f", s.mnt)
		filler := fill(t, back)
		s.suffers(`(disk I/O error|the disk is full)`, `(dmesg|make room)`)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		s.recovers()
		s.keeps()
	})
	t.Run("the folder is moved away", func(t *testing.T) {
		s := newSite(t, t.TempDir(), "errors=continue")
		if err := os.Rename(s.data(), s.data()+".away"); err != nil {
			t.Fatal(err)
		}
		s.suffers("selvage.db was removed, moved or replaced while it was in use", "put it back where it was, or restart the host")
		if err := os.Rename(s.data()+".away", s.data()); err != nil {
			t.Fatal(err)
		}
		s.recovers()
		s.keeps()
	})
	t.Run("the folder is removed", func(t *testing.T) {
		s := newSite(t, t.TempDir(), "errors=continue")
		if err := os.RemoveAll(s.data()); err != nil {
			t.Fatal(err)
		}
		s.suffers("selvage.db was removed, moved or replaced while it was in use", "put it back where it was, or restart the host")
		s.stop(t, syscall.SIGTERM, patience)
		s.start()
		s.has(0)
		s.post(http.StatusOK)
	})
}

// A site is a host that keeps its data on a file system of its own.
type site struct {
	*program
	t     *testing.T
	f     folder
	image string
	mnt   string
	acked int // the number that was acknowledged last
	sent  int
}

// newSite makes a disk of a file in dir, mounts it, and starts a host on it. It has no journal: with one a fault
// would make it read-only for good.
func newSite(t *testing.T, dir, options string) *site {
	t.Helper()
	s := &site{t: t, image: filepath.Join(dir, "disk"), mnt: t.TempDir()}
	sparse(t, s.image, 32<<20)
	run(t, "mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "^has_journal", "-E", "lazy_itable_init=0", s.image)
	run(t, "mount", "-t", "ext4", "-o", "loop,"+options, s.image, s.mnt)
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-s.ended
		run(t, "umount", s.mnt)
	})
	s.f = folderWith(t, fmt.Sprintf(`[host]
data = %q
listen = "127.0.0.1:0"
[device.air]
driver = "sht4x"
bus = "sim:room"
every = "100ms"
[history."/device/*/*"]
[agent."/tally/:id"]
kind = "tally"
`, s.data()))
	s.start()
	for range 3 {
		s.post(http.StatusOK)
	}
	return s
}

func (s *site) data() string { return filepath.Join(s.mnt, "var") }
func (s *site) db() string   { return filepath.Join(s.data(), "selvage.db") }

func (s *site) start() {
	s.t.Helper()
	s.program = s.f.host(s.t)
}

// post gives the host the next number and wants that answer.
func (s *site) post(want int) {
	s.t.Helper()
	if status, said := s.send(); status != want {
		s.t.Fatalf("POST = %d: %s; want %d", status, said, want)
	}
}

// send gives the host the next number and returns its answer.
func (s *site) send() (status int, said string) {
	s.t.Helper()
	s.sent++
	resp, err := http.Post("http"+s.url[len("warp"):]+"/tally/1?lane=n", "application/recon", strings.NewReader(strconv.Itoa(s.sent)))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		s.acked = s.sent
	}
	return resp.StatusCode, string(b)
}

func (s *site) has(want int) {
	s.t.Helper()
	if got := get(s.t, s.program, "/tally/1", "n"); got != strconv.Itoa(want) {
		s.t.Errorf("the host has %s, want %d", got, want)
	}
}

// suffers wants the host to say that it cannot save, why and what to try, and to do all else.
func (s *site) suffers(why, try string) {
	s.t.Helper()
	status, said := s.send()
	for n := 0; status == http.StatusOK && n < 50; n++ { // what is left of a block has room for some
		status, said = s.send()
	}
	if status != http.StatusInsufficientStorage {
		s.t.Fatalf("POST = %d: %s; want 507", status, said)
	}
	s.matches("the answer", said, `^done, but not saved yet: save changes to `+s.db()+`: .*`+quoted(why)+`.*; .*`+quoted(try))
	s.has(s.sent) // to all who look

	s.err.wait(s.t, s.program, "lost if the power goes\n          ") // the remedy, which has a line of its own
	s.err.wait(s.t, s.program, "saving fails")
	s.told(`! store   changes are not being saved to `+s.db()+`: .*`+quoted(why)+`.*; they wait in memory and are lost if the power goes`,
		`(?m)^          .*`+quoted(try), `level=ERROR msg="saving fails" changes=[0-9]+ err="save changes to `+s.db()+`: .*`+quoted(why))

	r := s.f.run(s.t, "get", "/host", "conditions", "--host", s.url)
	s.matches("the lane conditions", r.out, `store.commit .*`+quoted(why)+`.*remedy: .*`+quoted(try)+`.*severity: failure`)
	if r = s.f.run(s.t, "set", "/tally/1", "n", strconv.Itoa(s.sent), "--host", s.url); r.code != 1 {
		s.t.Errorf("set ends with %d, want 1", r.code)
	}
	s.matches("set", r.err, `^selvage: done, but not saved yet: save changes to .*`+quoted(why))
	resp, err := http.Get("http" + s.url[len("warp"):] + "/healthz")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		s.t.Errorf("/healthz = %s, want 503", resp.Status)
	}

	w := start(s.t, s.f.command("watch", "/device/air", "temperature", "--host", s.url))
	for range 5 {
		w.out.more(s.t, w)
	}
	w.cmd.Process.Kill()
	<-w.ended
}

// recovers waits until the condition is over.
func (s *site) recovers() {
	s.t.Helper()
	s.err.wait(s.t, s.program, "+ store   over after")
	s.post(http.StatusOK)
}

// keeps kills the host and wants all there that it acknowledged, and came meanwhile.
func (s *site) keeps() {
	s.t.Helper()
	s.cmd.Process.Kill()
	<-s.ended
	s.start()
	s.has(s.acked)
}

func (s *site) told(patterns ...string) {
	s.t.Helper()
	for _, p := range patterns {
		s.matches("the host", s.err.text(), p)
	}
}

func (s *site) matches(who, text, pattern string) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	text = strings.ReplaceAll(text, filepath.Base(self), "selvage")
	if !regexp.MustCompile(pattern).MatchString(text) {
		s.t.Errorf("%s says %q, want a match of %s", who, text, pattern)
	}
}

// quoted is a text as a pattern, unless it is one.
func quoted(text string) string {
	if strings.Contains(text, "|") {
		return text
	}
	return regexp.QuoteMeta(text)
}

// breakFileSystem has the kernel find an error in the file system.
func (s *site) breakFileSystem() {
	s.t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(s.mnt, &st); err != nil {
		s.t.Fatal(err)
	}
	device, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", st.Dev>>8&0xfff, st.Dev&0xff))
	if err != nil {
		s.t.Fatal(err)
	}
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(device), "trigger_fs_error")
	err = os.WriteFile(trigger, []byte("1"), 0)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		s.t.Skipf("no read-only file system is tested: root may not break one here: %v", err)
	} else if err != nil {
		s.t.Fatal(err)
	}
}

// fill takes all the room in a folder.
func fill(t *testing.T, dir string) (name string) {
	t.Helper()
	name = filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		b := bytes.Repeat([]byte{1}, size)
		for err = nil; err == nil; {
			_, err = f.Write(b)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return name
}

// more waits until more has been written.
func (l *lines) more(t *testing.T, p *program) {
	t.Helper()
	was := len(l.text())
	for len(l.text()) == was {
		select {
		case <-l.news:
		case <-p.ended:
			t.Fatalf("the program ended with %v", p.cmd.ProcessState)
		}
	}
}
