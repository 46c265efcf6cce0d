package main

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What is written to the card is shown in lanes, in metrics and by store stats, and goes by the config as it is now.
func TestWear(t *testing.T) {
	const config = "[host]\ndata = \"./var\"\nlisten = \"127.0.0.1:0\"\n[wear]\ncard = \"32GB\"\n" + notes
	f := folderWith(t, config)
	h := f.host(t)
	if got := get(t, h, "/host/wear", "life"); !strings.Contains(got, `not known: it takes an hour of measuring`) ||
		!strings.Contains(got, "card:32000000000,rewrites:3000,amplification:4,budget:6570841889") {
		t.Errorf("life is %s", got)
	}
	written := func() int64 {
		all := regexp.MustCompile(`^\{written:([0-9]+),`).FindStringSubmatch(get(t, h, "/host/wear", "process"))
		if all == nil {
			t.Fatalf("process is %s", get(t, h, "/host/wear", "process"))
		}
		n, err := strconv.ParseInt(all[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := written()
	const size, count = 100_000, 10
	for i := range count {
		send(t, h, "/note/1?lane=notes", "@update(key:k"+strconv.Itoa(i)+") "+strings.Repeat("x", size))
	}

	// A reload has it look at once.
	f.write(t, "selvage.toml", replace(t, config, `"32GB"`, "\"1GB\"\nrewrites = 1000\nbudget = \"5MB\""))
	if r := f.run(t, "reload", "--host", h.url); r.code != 0 || !strings.Contains(r.out, "wear changed") {
		t.Fatalf("reload exits with %d: %s%s", r.code, r.out, r.err)
	}
	if got := get(t, h, "/host/wear", "life"); !strings.Contains(got, "card:1000000000,rewrites:1000,amplification:4,budget:5000000") {
		t.Errorf("life is %s", got)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Join(string(f), "var"), &fs); err != nil {
		t.Fatal(err)
	}
	const tmpfs = 0x01021994 // where nothing is counted
	if got := written() - before; got < size*count && fs.Type != tmpfs {
		t.Errorf("%d bytes were written for %d", got, size*count)
	}

	metrics := page(t, h, "/metrics")
	for _, want := range []string{
		`selvage_wear_card_bytes 1e\+09`, `selvage_wear_rewrites 1000`, `selvage_wear_amplification 4`, `selvage_wear_budget_bytes 5e\+06`,
		`selvage_wear_written_bytes_total\{by="process"\} [0-9.e+]+`, `selvage_store_values_total 1[0-9]`,
		`selvage_store_commit_seconds\{quantile="0.99"\} [0-9.e-]+`, `selvage_store_commit_limit_seconds 0.25`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(metrics) {
			t.Errorf("there is no %s in the metrics", want)
		}
	}

	live := []string{
		`saved +1[0-9] readings in [0-9]+ commits since the host started`,
		`commits +half of them in [0-9.]+ ms, 99 % in [0-9.]+ ms, all in [0-9.]+ ms, in the last minute from gathering to flash`,
		`unsaved +half of them in .*; a change that nobody waits for is gathered after 250 ms at most`,
		`a reading +[0-9]+ B to the log of the store.*`, `a day +.*`, `card lasts +not known: it takes an hour of measuring`,
	}
	r := f.run(t, "store", "stats", "--host", h.url)
	for _, want := range live {
		if r.code != 0 || !regexp.MustCompile(`(?m)^`+want+`$`).MatchString(r.out) {
			t.Errorf("there is no %s in what stats says (%d):\n%s%s", want, r.code, r.out, r.err)
		}
	}
	if r = f.run(t, "store", "stats", "--host", h.url, "--json"); !strings.Contains(r.out, `"limitMs":250`) {
		t.Errorf("stats --json is %s", r.out)
	}

	// A host of another store does not count, and none does.
	other := folderWith(t, config).host(t)
	for _, want := range []struct{ url, why string }{
		{other.url, "the host at " + other.url + " has another store"},
		{"warp://127.0.0.1:1", "no host answers at warp://127.0.0.1:1"},
	} {
		if r = f.run(t, "store", "stats", "--host", want.url); r.code != 0 || !strings.Contains(r.out, "live        nothing: "+want.why) || !strings.Contains(r.out, "agents      ") {
			t.Errorf("stats exits with %d: %s%s", r.code, r.out, r.err)
		}
	}

	// What was written is counted on.
	if code := h.stop(t, syscall.SIGTERM, stopTime); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	h = f.host(t)
	if total, err := strconv.ParseInt(get(t, h, "/host/wear", "total"), 10, 64); err != nil || total < size*count && fs.Type != tmpfs {
		t.Errorf("the total is %d, %v", total, err)
	}
}

func page(t *testing.T, h *program, path string) string {
	t.Helper()
	resp, err := http.Get("http" + h.url[len("warp"):] + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
