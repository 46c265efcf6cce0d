package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	counters   = 20
	counterGap = "20ms" // 1,000 readings a second of all
)

// A host that is killed again and again while it keeps what devices measure and what is published: every
// message that was acknowledged is in the history once, and the history of each lane is in order.
func TestKillWhileItKeeps(t *testing.T) {
	mosquitto, own := newMosquitto(t), freePort(t)
	mosquitto.start(t)
	config := fmt.Sprintf(`[host]
data = "./var"
listen = "127.0.0.1:0"
[history."/device/*/*"]
keep = "1d"
[broker]
listen = %q
[uplink.own]
kind = "mqtt"
url = "mqtt://%s"
[uplink.own.map."own/{name}"]
device = "/device/own-{name}"
channel = { n = { } }
[uplink.other]
kind = "mqtt"
url = "mqtt://%s"
[uplink.other.map."other/{name}"]
device = "/device/other-{name}"
channel = { n = { } }
`, own, own, mosquitto.address)
	for i := range counters {
		config += fmt.Sprintf("[device.count%d]\ndriver = \"counter\"\nevery = %q\n", i, counterGap)
	}
	f := folderWith(t, config)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	senders := []*sender{
		{address: own, id: "one", topic: "own/one", qos: 1, window: 20},
		{address: own, id: "two", topic: "own/two", qos: 2, window: 20},
		{address: own, id: "slow", topic: "own/slow", qos: 1, window: 1},
		{address: mosquitto.address, id: "three", topic: "other/three", qos: 1, window: 200, pace: linePace},
	}
	h := f.host(t)
	for !strings.Contains(get(t, h, "/uplink/other", "status"), "connected") { // before, Mosquitto keeps nothing for it
	}
	var sending sync.WaitGroup
	for _, s := range senders {
		sending.Go(func() { s.run(ctx) })
	}
	lines := newLiner(t, mosquitto.address, "other/lines", 1)
	began := time.Now()
	var restarts []time.Duration
	for range kills(t) {
		<-time.After(50*time.Millisecond + rand.N(900*time.Millisecond))
		h.cmd.Process.Kill()
		<-h.ended
		start := time.Now()
		h = f.host(t)
		get(t, h, "/device/count0", "n")
		restarts = append(restarts, time.Since(start))
	}
	took := time.Since(began)
	stop()
	sent := lines.close(t)
	sending.Wait()

	for _, s := range senders {
		s.check(t)
		device := strings.ReplaceAll(s.topic, "/", "-")
		got := arrives(t, h, device, s.acked)
		lost, doubled, swapped := compare(got, s.acked)
		t.Logf("%s: %d acknowledged, %d/s, %d sent again; %d lost, %d doubled, %d out of order",
			device, s.acked, int(float64(s.acked)/took.Seconds()), len(s.again), lost, doubled, swapped)
		if lost+doubled+swapped > 0 || s.acked == 0 {
			t.Errorf("%s: %d acknowledged, %d lost, %d doubled, %d out of order", device, s.acked, lost, doubled, swapped)
		}
	}
	lost, doubled, swapped := compare(arrives(t, h, "other-lines", sent), sent)
	t.Logf("mosquitto_pub: %d lines, %d/s; %d lost, %d doubled, %d out of order", sent, int(float64(sent)/took.Seconds()), lost, doubled, swapped)
	if lost+doubled+swapped > 0 {
		t.Errorf("mosquitto_pub: of %d lines %d were lost, %d doubled, %d out of order", sent, lost, doubled, swapped)
	}
	readings := 0
	for i := range counters {
		got := points(t, h, fmt.Sprint("count", i))
		readings += len(got)
		for j := 1; j < len(got); j++ {
			if got[j] != got[j-1]+1 && got[j]-got[j-1] < counterStart {
				t.Fatalf("count%d: %d comes after %d", i, got[j], got[j-1])
			}
		}
	}
	slices.Sort(restarts)
	t.Logf("%d kills in %v; %d readings in order, %d/s; serving again after %v, at most %v", len(restarts), took.Round(time.Millisecond), readings,
		int(float64(readings)/took.Seconds()), restarts[len(restarts)/2].Round(time.Millisecond), restarts[len(restarts)-1].Round(time.Millisecond))
	if readings == 0 {
		t.Error("there are no readings")
	}
}

// compare finds what is wrong with what should be 1, 2, 3 up to n. Each number in again may be there once more.
func compare(got []int64, n int, again ...int) (lost, doubled, swapped int) {
	seen, most := map[int64]int{}, map[int64]int{}
	for _, v := range again {
		most[int64(v)]++
	}
	for i, v := range got {
		seen[v]++
		switch {
		case seen[v] > 1+most[v]:
			doubled++
		case seen[v] == 1 && i > 0 && v < got[i-1]:
			swapped++
		}
	}
	for v := int64(1); v <= int64(n); v++ {
		if seen[v] == 0 {
			lost++
		}
	}
	return lost, doubled, swapped
}

// points returns the history of a device's lane n.
func points(t *testing.T, h *program, device string) (all []int64) {
	t.Helper()
	resp, err := http.Get("http" + h.url[len("warp"):] + "/device/" + device + "?lane=n&from=0&format=csv")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) < 2 {
			continue
		}
		if v, err := strconv.ParseFloat(fields[1], 64); err == nil {
			all = append(all, int64(v))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// arrives waits until the history of a device ends with n, as long as it grows.
func arrives(t *testing.T, h *program, device string, n int) []int64 {
	t.Helper()
	tick := time.NewTicker(250 * time.Millisecond) // it is read as a whole, by a host that is busy
	defer tick.Stop()
	length, end := 0, time.After(patience)
	for {
		got := points(t, h, device)
		if len(got) > 0 && got[len(got)-1] >= int64(n) {
			return got
		}
		if len(got) > length {
			length, end = len(got), time.After(patience)
		}
		select {
		case <-tick.C:
		case <-end:
			return got
		}
	}
}

// kills is how many rounds tests that kill have.
func kills(t *testing.T) int {
	t.Helper()
	s := os.Getenv("SELVAGE_KILLS")
	if s == "" {
		return 20
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("SELVAGE_KILLS: %v", err)
	}
	return n
}
