package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mosquittoProgram finds one of Mosquitto's programs.
func mosquittoProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		lacks(t, "Mosquitto is not installed: apt install mosquitto mosquitto-clients")
	}
	return path
}

// A mosquitto is a broker that keeps sessions, and has them still when it is started again.
type mosquitto struct {
	address string
	conf    string // file
}

// newMosquitto writes the config of a broker, with more appended to it.
func newMosquitto(t testing.TB, more ...string) *mosquitto {
	t.Helper()
	dir := t.TempDir()
	m := &mosquitto{freePort(t), filepath.Join(dir, "mosquitto.conf")}
	lines := append([]string{
		"listener " + port(m.address) + " 127.0.0.1", "allow_anonymous true",
		"persistence true", "persistence_location " + dir + "/", "max_queued_messages 0",
	}, more...)
	if os.Getuid() == 0 {
		lines = append(lines, "user root") // else it would give up its rights to our folder
	}
	if err := os.WriteFile(m.conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// start returns when the broker answers.
func (m *mosquitto) start(t testing.TB) *program {
	t.Helper()
	p := start(t, exec.Command(mosquittoProgram(t, "mosquitto"), "-c", m.conf))
	p.err.wait(t, p, "running\n")
	return p
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// linePace is the time between the lines of a liner, and between the messages of a sender that has a pace: 1,000 a second.
const linePace = time.Millisecond

// liner feeds mosquitto_pub with numbered lines.
type liner struct {
	p    *program
	stop chan struct{}
	sent chan int
}

func newLiner(t testing.TB, address, topic string, qos int) *liner {
	t.Helper()
	c := exec.Command(mosquittoProgram(t, "mosquitto_pub"), "-p", port(address), "-i", topic, "-c", "-q", fmt.Sprint(qos), "-t", topic, "-l")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	l := &liner{start(t, c), make(chan struct{}), make(chan int, 1)}
	go l.write(in)
	return l
}

func (l *liner) write(in io.WriteCloser) {
	defer in.Close()
	began := time.Now()
	tick := time.NewTicker(linePace)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-tick.C:
			for ; n < due(began, linePace); n++ {
				fmt.Fprintln(in, n+1)
			}
		case <-l.stop:
			l.sent <- n
			return
		}
	}
}

// due is how many there must have been since then at a pace: one whom a busy machine has kept waiting catches up.
func due(since time.Time, pace time.Duration) int { return int(time.Since(since) / pace) }

// close returns how many lines there were when all are acknowledged.
func (l *liner) close(t testing.TB) int {
	t.Helper()
	close(l.stop)
	n := <-l.sent
	select {
	case <-l.p.ended:
		if !l.p.cmd.ProcessState.Success() {
			t.Errorf("mosquitto_pub: %v", l.p.cmd.ProcessState)
		}
	case <-time.After(patience):
		t.Error("mosquitto_pub does not end")
	}
	return n
}
