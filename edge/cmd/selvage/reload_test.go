package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// edit changes a folder's config.
func (f folder) edit(t *testing.T, old, new string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(f), "selvage.toml"))
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, "selvage.toml", replace(t, string(text), old, new))
}

// hangUp has a host reload its config and waits for what it prints about that.
func (p *program) hangUp(t *testing.T, l *lines, want string) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	l.wait(t, p, want)
}

// A day with the config file: what is edited changes, all else goes on.
func TestReload(t *testing.T) {
	const lamp = "\n[device.lamp]\ndriver = \"gpio-out\"\npin = \"sim:attic/GPIO17\"\nsafe = \"off\"\n"
	f := newFolder(t, notes)
	h := f.host(t)
	ask := func(args ...string) string {
		t.Helper()
		r := f.run(t, append(args, "--host", h.url)...)
		if r.code != 0 || r.err != "" {
			t.Errorf("selvage %s: exit %d, %s", strings.Join(args, " "), r.code, r.err)
		}
		return strings.TrimSuffix(r.out, "\n")
	}
	await := func(args []string, want string) { // as a lane comes to hold it
		t.Helper()
		w := start(t, f.command(append(append([]string{"watch"}, args...), "--json", "--host", h.url)...))
		w.out.wait(t, w, want)
		w.stop(t, os.Interrupt, stopTime)
	}
	since := regexp.MustCompile(`"since":\d+`)
	await([]string{"/uplink/broker", "status"}, `"state":"connected"`)
	session := since.FindString(ask("get", "/uplink/broker", "status", "--json"))

	air := start(t, f.command("watch", "/device/air", "temperature", "--json", "--host", h.url))
	target := start(t, f.command("watch", "/room/air", "target", "--json", "--host", h.url))
	target.out.wait(t, target, `"value":21`)
	ask("set", "/note/1", "notes", "@update(key: milk) one")

	f.edit(t, `every  = "5s" `, `every  = "50ms" `)
	h.hangUp(t, &h.out, "reloaded selvage.toml: device machine changed, 5 unchanged\n")
	f.edit(t, "band   = 0.2", "band   = 0.3")
	f.edit(t, notes, notes+lamp)
	h.hangUp(t, &h.out, "reloaded selvage.toml: device lamp added, agent /room/air restarted, 5 unchanged\n")
	await([]string{"/device/lamp", "status"}, `"state":"ok"`)
	ask("set", "/device/lamp", "set", "true")
	await([]string{"/device/lamp", "state"}, `"value":true`)

	f.edit(t, `driver = "sht4x"`, `driver = "sht4"`)
	f.edit(t, "band   = 0.3", "bund   = 0.3")
	h.hangUp(t, &h.err, "2 faults; nothing was changed.\n")
	h.err.wait(t, h, "! config")
	if got := ask("get", "/host", "conditions"); !strings.Contains(got, "config.reload") {
		t.Errorf("conditions are %s", got)
	}
	f.edit(t, `driver = "sht4"`, `driver = "sht4x"`)
	f.edit(t, "bund   = 0.3", "band   = 0.3")
	f.edit(t, lamp, "")
	h.hangUp(t, &h.out, "reloaded selvage.toml: device lamp removed, 6 unchanged\n")
	h.err.wait(t, h, "+ config")
	if r := f.run(t, "get", "/device/lamp", "status", "--host", h.url); r.code != 1 {
		t.Errorf("the lamp is still there: %s", r.out)
	}

	ask("set", "/room/air", "target", "22.5")
	target.out.wait(t, target, `"value":22.5`) // by the link of before, over the restart of its agent
	if now := since.FindString(ask("get", "/uplink/broker", "status", "--json")); now != session {
		t.Errorf("the uplink's session is of %s, was of %s", now, session)
	}
	if got := ask("get", "/note/1", "notes"); got != "milk  one" {
		t.Errorf("notes are %s", got)
	}

	// A change of the uplink itself: what it made goes on, and the broker keeps its session.
	f.publish(t, "shed/temp", "21.5")
	await([]string{"/device/temp", "temperature"}, `"value":21.5`)
	temp := start(t, f.command("watch", "/device/temp", "temperature", "--json", "--host", h.url))
	temp.out.wait(t, temp, `"value":21.5`)
	f.edit(t, `channel = { temperature = { unit = "Cel" } }`, `channel = { temperature = { unit = "Cel", scale = 2 } }`)
	h.hangUp(t, &h.out, "reloaded selvage.toml: uplink broker restarted, 5 unchanged\n")
	await([]string{"/uplink/broker", "status"}, `"state":"connected"`)
	f.publish(t, "shed/temp", "15")
	temp.out.wait(t, temp, `"value":30`)

	before := strings.Count(air.out.text(), "\n")
	for strings.Count(air.out.text(), "\n") < before+2 {
		select {
		case <-air.out.news:
		case <-time.After(patience):
			t.Fatal("the readings of a device that was not touched have stopped")
		}
	}
	for _, w := range []*program{air, target, temp} {
		if got := w.err.text(); got != "" {
			t.Errorf("%s lost its link: %s", strings.Join(w.cmd.Args[1:], " "), got)
		}
		w.stop(t, os.Interrupt, stopTime)
	}
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
}

// publish publishes to the folder's broker, with nothing but the two packets that it takes (MQTT 3.1.1,
// 3.1 and 3.3).
func (f folder) publish(t *testing.T, topic, payload string) {
	t.Helper()
	c, err := net.Dial("tcp", f.broker(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text := func(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }
	packet := func(kind byte, body string) { fmt.Fprintf(c, "%c%c%s", kind, len(body), body) }
	packet(0x10, text("MQTT")+"\x04\x02\x00\x3c"+text("test-"+payload))
	answer := make([]byte, 4)
	if _, err := c.Read(answer); err != nil || answer[3] != 0 {
		t.Fatalf("the broker refuses a connection: %v, %x", err, answer)
	}
	packet(0x30, text(topic)+payload)
	fmt.Fprint(c, "\xe0\x00") // DISCONNECT
}

// With --watch a file is taken over by itself, also one that an editor puts in the place of the old one.
func TestReloadWatch(t *testing.T) {
	const text = "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n"
	f := folderWith(t, text)
	h := hostBy(t, f.command("run", "--watch"))
	f.write(t, "selvage.toml", text+notes)
	h.out.wait(t, h, "reloaded selvage.toml: agent /note/:id added, 0 unchanged\n")
	f.write(t, "selvage.toml", text+"[")
	h.err.wait(t, h, "1 fault; nothing was changed.\n")
	f.write(t, "new.toml", text+strings.Replace(notes, ":id", ":name", 1))
	if err := os.Rename(filepath.Join(string(f), "new.toml"), filepath.Join(string(f), "selvage.toml")); err != nil {
		t.Fatal(err)
	}
	h.out.wait(t, h, "reloaded selvage.toml: agent /note/:name added, agent /note/:id removed, 0 unchanged\n")
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
}

// A SIGHUP that somebody sends is for a reload, and the one of a terminal that is closed ends the host.
func TestHangUpOfTerminal(t *testing.T) {
	terminal, screen := openTerminal(t)
	f := folderWith(t, "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n")
	c := f.command("run")
	c.Stdin = screen
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	h := hostBy(t, c)
	screen.Close()
	h.hangUp(t, &h.out, "reloaded selvage.toml: nothing has changed\n")
	terminal.Close()
	select {
	case <-h.ended:
	case <-time.After(patience):
		t.Fatal("the host outlives its terminal")
	}
	if code := h.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
}

// openTerminal returns both ends of a new pseudo-terminal.
func openTerminal(t *testing.T) (terminal, screen *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	terminal = os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { terminal.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return terminal, screen
}
