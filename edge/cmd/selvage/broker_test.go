package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// rightPassword is the hash of "right-password", with few iterations.
const rightPassword = "pbkdf2-sha256$100000$c2FtcGxlIHNhbHQgMTIzNA$103ROCJylGYXPXNFPKsrhBlIJNulH-0RKWK3Pm0YHIM"

// mosquittoTool runs mosquitto_pub or mosquitto_sub with a broker and returns what it prints.
func mosquittoTool(t *testing.T, name, address string, args ...string) (out string, err error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		needs(t, name, "the program of that name")
	}
	host, port, _ := net.SplitHostPort(address)
	text, err := exec.Command(path, append([]string{"-h", host, "-p", port}, args...)...).CombinedOutput()
	return string(text), err
}

// What is retained is there after the host was killed, and after it was stopped; who may see it, and only he, does.
func TestRetainedOutlastsTheHost(t *testing.T) {
	address := freePort(t)
	config := fmt.Sprintf(`[host]
data = "./var"
listen = "127.0.0.1:0"
[broker]
listen = %q
[broker.user.garden]
password = "file:garden.hash"
publish = ["garden/#"]
subscribe = ["garden/#"]
`, address)
	f := folderWith(t, config)
	f.write(t, "garden.hash", rightPassword+"\n")
	garden := []string{"-u", "garden", "-P", "right-password"}
	publish := func(args ...string) {
		t.Helper()
		if out, err := mosquittoTool(t, "mosquitto_pub", address, append(garden, args...)...); err != nil {
			t.Fatalf("mosquitto_pub: %v %s", err, out)
		}
	}
	wants := func(when string, want ...string) {
		t.Helper()
		out, err := mosquittoTool(t, "mosquitto_sub", address, append(garden, "-t", "garden/#", "-F", "%t %q %r %x", "-q", "2", "-C", fmt.Sprint(len(want)))...)
		for _, line := range want {
			if err != nil || !strings.Contains(out, line+"\n") {
				t.Errorf("%s: mosquitto_sub prints %q, %v; want %q in it", when, out, err, line)
			}
		}
	}
	h := f.host(t)
	for i := range 20 {
		publish("-r", "-q", fmt.Sprint(1+i%2), "-t", "garden/a", "-m", fmt.Sprint("on ", i))
	}
	h.cmd.Process.Kill()
	<-h.ended
	h = f.host(t)
	wants("killed", fmt.Sprintf("garden/a 2 1 %x", "on 19"))
	publish("-r", "-q", "0", "-t", "garden/b", "-m", "\xff\x01\n")
	publish("-r", "-q", "1", "-t", "other", "-m", "no")
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("exit %d", code)
	}
	h = f.host(t)
	wants("stopped", fmt.Sprintf("garden/a 2 1 %x", "on 19"), "garden/b 0 1 ff010a")
	if out, err := mosquittoTool(t, "mosquitto_sub", address, "-u", "garden", "-P", "wrong", "-t", "garden/#", "-C", "1"); err == nil || !strings.Contains(out, "not authorised") {
		t.Errorf("with a wrong password mosquitto_sub prints %q, %v", out, err)
	}
	h.err.wait(t, h, "what=login")
	if strings.Contains(h.err.text(), "right-password") || strings.Contains(h.err.text(), "wrong ") {
		t.Errorf("there are passwords in the log: %s", h.err.text())
	}
}

// A reload changes users without disturbing the others.
func TestReloadUsers(t *testing.T) {
	address := freePort(t)
	user := func(name, publish string) string {
		return fmt.Sprintf("[broker.user.%s]\npassword = %q\npublish = [%q]\nsubscribe = [\"#\", \"$SYS/#\"]\n", name, rightPassword, publish)
	}
	head := fmt.Sprintf("[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n[broker]\nlisten = %q\n", address)
	f := folderWith(t, head+user("anna", "#"))
	h := f.host(t)
	path, err := exec.LookPath("mosquitto_sub")
	if err != nil {
		needs(t, "mosquitto_sub", "the program of that name")
	}
	host, port, _ := net.SplitHostPort(address)
	var got bytes.Buffer
	stays := exec.Command(path, "-h", host, "-p", port, "-u", "anna", "-P", "right-password", "-t", "after", "-C", "1")
	stays.Stdout = &got
	if err := stays.Start(); err != nil {
		t.Fatal(err)
	}
	follow(t, h, "/broker", "status").wait(t, "clients:1")
	f.write(t, "selvage.toml", head+user("anna", "#")+user("ben", "after"))
	if out := f.run(t, "reload", "--host", h.url); !strings.Contains(out.out, "broker changed") {
		t.Errorf("reload prints %q %q", out.out, out.err)
	}
	if out, err := mosquittoTool(t, "mosquitto_pub", address, "-u", "ben", "-P", "right-password", "-t", "after", "-m", "the reload", "-q", "1", "-r"); err != nil {
		t.Fatalf("mosquitto_pub: %v %s", err, out)
	}
	if err := stays.Wait(); err != nil || got.String() != "the reload\n" {
		t.Errorf("a client that was connected before the reload receives %q, %v", got.String(), err)
	}
}

// What the README says of the broker is a config.
func TestReadmeBroker(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?m)^    \[broker\]\n(?:(?:    .*)?\n)+`).Find(readme)
	f := folderWith(t, string(block))
	f.write(t, "sensors.hash", rightPassword)
	if out := f.run(t, "check"); len(block) == 0 || out.out != "selvage.toml has no faults: a broker\n" {
		t.Errorf("check says %q %q of %s", out.out, out.err, block)
	}
}
