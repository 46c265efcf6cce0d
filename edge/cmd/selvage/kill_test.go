package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A host that is killed while it is written to keeps everything it has acknowledged.
func TestKill(t *testing.T) {
	const writers = 4
	f := folderWith(t, "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n[agent.\"/tally/:id\"]\nkind = \"tally\"\n")
	var acked, sent [writers]int
	total := 0
	for range kills(t) {
		h := f.host(t)
		base := "http" + h.url[len("warp"):]
		for i := range writers {
			n, err := tally(base, i)
			if err != nil {
				t.Fatal(err)
			}
			if n < acked[i] || n > sent[i] {
				t.Fatalf("/tally/%d is %d after a kill, want from %d, the last one acknowledged, to %d, the last one sent", i, n, acked[i], sent[i])
			}
			acked[i], sent[i] = n, n
		}
		var left atomic.Int64
		left.Store(1 + rand.Int64N(100)) // acknowledgements until the kill
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for {
					sent[i]++
					resp, err := http.Post(fmt.Sprintf("%s/tally/%d?lane=n", base, i), "application/recon", strings.NewReader(strconv.Itoa(sent[i])))
					if err != nil {
						return // killed
					}
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						t.Errorf("POST: %s", resp.Status)
						return
					}
					acked[i] = sent[i]
					if left.Add(-1) == 0 {
						h.cmd.Process.Kill()
					}
					if err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		<-h.ended
		http.DefaultClient.CloseIdleConnections()
		for i := range writers {
			total += acked[i]
		}
		if t.Failed() {
			return
		}
	}
	if total == 0 {
		t.Error("nothing was acknowledged")
	}
	h := f.host(t)
	for i := range writers {
		if n, err := tally("http"+h.url[len("warp"):], i); err != nil || n < acked[i] || n > sent[i] {
			t.Errorf("/tally/%d is %d (%v) after the last kill, want from %d to %d", i, n, err, acked[i], sent[i])
		}
	}
}

func tally(base string, i int) (int, error) {
	resp, err := http.Get(fmt.Sprintf("%s/tally/%d?lane=n", base, i))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// What set --durable has said is done outlasts a kill in the next moment. Where nothing is remembered it says so.
func TestSetDurable(t *testing.T) {
	f := folderWith(t, "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\ncommit = \"1h\"\n[agent.\"/tally/:id\"]\nkind = \"tally\"\n")
	h := f.host(t)
	if r := f.run(t, "set", "/tally/1", "n", "7", "--durable", "--host", h.url); r.code != 0 || r.err != "" {
		t.Errorf("exit %d, %s", r.code, r.err)
	}
	r := f.run(t, "set", "/tally/1", "passing", "7", "--durable", "--host", h.url)
	if want := "selvage: done, but not on disk: /tally/1 passing is not remembered over a restart\n"; r.code != 1 || !strings.HasSuffix(r.err, want[len("selvage"):]) {
		t.Errorf("exit %d, %s", r.code, r.err)
	}
	h.cmd.Process.Kill()
	<-h.ended
	if got := get(t, f.host(t), "/tally/1", "n"); got != "7" {
		t.Errorf("after the kill it is %s", got)
	}
}
