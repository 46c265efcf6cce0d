package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cpu is the processor time that the process has had: the 14th and 15th field of stat (proc(5)), in ticks of 10 ms.
func (p *program) cpu(t testing.TB) (all time.Duration) {
	t.Helper()
	_, rest, _ := strings.Cut(p.proc(t, "stat"), ") ")
	for _, field := range strings.Fields(rest)[11:13] {
		all += time.Duration(number(t, field)) * 10 * time.Millisecond
	}
	return all
}

// peak is the most memory that the process has had, in MB.
func (p *program) peak(t testing.TB) float64 {
	t.Helper()
	_, rest, _ := strings.Cut(p.proc(t, "status"), "VmHWM:")
	return float64(number(t, strings.Fields(rest)[0])) * 1024 / 1e6
}

func (p *program) proc(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func number(t testing.TB, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
