package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/health"
	"selvage/edge/host"
)

var (
	familyName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// suffixes are what may follow a family's name in its samples.
var suffixes = map[string][]string{
	"counter": {""}, "gauge": {""}, "untyped": {""},
	"histogram": {"_bucket", "_sum", "_count"}, "summary": {"", "_sum", "_count"},
}

// parseMetrics reads the text format of Prometheus, strictly, and returns values by name and labels as
// they stand there.
func parseMetrics(text string) (map[string]float64, error) {
	samples, kinds, helped, ended := map[string]float64{}, map[string]string{}, map[string]bool{}, map[string]bool{}
	current := ""
	if !strings.HasSuffix(text, "\n") {
		return nil, errors.New("the last line does not end")
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		fail := func(format string, args ...any) (map[string]float64, error) {
			return nil, fmt.Errorf("line %d: %s: %s", i+1, fmt.Sprintf(format, args...), line)
		}
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			what, rest, _ := strings.Cut(comment, " ")
			name, more, _ := strings.Cut(rest, " ")
			if !familyName.MatchString(name) {
				return fail("no name of a metric")
			}
			if name != current {
				ended[current] = true
				current = name
			}
			switch {
			case ended[name]:
				return fail("the family was begun before")
			case what == "HELP" && !helped[name]:
				helped[name] = true
			case what == "TYPE" && kinds[name] == "" && suffixes[more] != nil:
				kinds[name] = more
			default:
				return fail("not a HELP or TYPE, once, of a known type")
			}
			continue
		}
		name, labels, value, err := parseSample(line)
		if err != nil {
			return fail("%v", err)
		}
		suffix, ok := strings.CutPrefix(name, current)
		if kinds[current] == "" || !ok {
			return fail("a sample outside of its family, which is %q", current)
		}
		ok = false
		for _, s := range suffixes[kinds[current]] {
			ok = ok || s == suffix
		}
		if !ok {
			return fail("%q may not follow the name of a %s", suffix, kinds[current])
		}
		series := name + labels
		if _, double := samples[series]; double {
			return fail("twice")
		}
		samples[series] = value
	}
	return samples, nil
}

// parseSample reads name{label="value",…} number.
func parseSample(line string) (name, labels string, value float64, err error) {
	end := strings.IndexAny(line, "{ ")
	if end < 0 || !familyName.MatchString(line[:end]) {
		return "", "", 0, errors.New("no name of a metric")
	}
	name, rest := line[:end], line[end:]
	if rest[0] == '{' {
		seen := map[string]bool{}
		at := 1
		for rest[at:] != "" && rest[at] != '}' {
			label, after, ok := strings.Cut(rest[at:], `="`)
			if label = strings.TrimSpace(label); !ok || !labelName.MatchString(label) || seen[label] {
				return "", "", 0, fmt.Errorf("label %q", label)
			}
			seen[label] = true
			i := 0
			for ; i < len(after) && after[i] != '"'; i++ {
				if after[i] == '\\' {
					if i++; i == len(after) || !strings.ContainsRune(`\"n`, rune(after[i])) {
						return "", "", 0, errors.New("escape")
					}
				}
			}
			if i == len(after) {
				return "", "", 0, errors.New("a label's value does not end")
			}
			at = len(rest) - len(after) + i + 1
			if at < len(rest) && rest[at] == ',' {
				at++
			} else if at < len(rest) && rest[at] != '}' {
				return "", "", 0, errors.New("no comma between labels")
			}
		}
		if at >= len(rest) {
			return "", "", 0, errors.New("labels do not end")
		}
		labels, rest = rest[:at+1], rest[at+1:]
	}
	number, ok := strings.CutPrefix(rest, " ")
	if !ok {
		return "", "", 0, errors.New("no value")
	}
	value, err = strconv.ParseFloat(number, 64)
	return name, labels, value, err
}

// addHost makes the agent /host, which every host has.
func addHost(t *testing.T, b *bench) {
	t.Helper()
	kind := agent.NewKind("host", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "info", "here").Transient()
		return nil
	})
	if _, err := b.Host.Add("/host", host.Things, kind, nil); err != nil {
		t.Fatal(err)
	}
}

func TestMetrics(t *testing.T) {
	awkward := "two\nlines, a \"quote\" and a \\"
	b := start(t, Options{Metrics: []func(*Metrics){
		func(m *Metrics) { m.Gauge("selvage_test_level_meters", awkward, 1.5, "tank", awkward, "kind", "") },
		func(m *Metrics) {
			m.Counter("selvage_test_total", "Tests.", 3)
			m.Gauge("selvage_test_level_meters", "", math.Inf(1), "tank", "b")
			m.Gauge("selvage_test_level_meters", "", 7, "tank", "b")
		},
	}})
	addHost(t, b)
	b.do(t, "POST", "/box/1?lane=level", "2")
	b.Host.Health.Add("mail.refused", 4)
	b.Host.Health.Raise(health.Condition{Code: "device.air", Severity: health.Failure})
	for i := range 2 * maxConditions {
		b.Host.Health.Raise(health.Condition{Code: fmt.Sprint("test.", i)})
	}

	status, text, header := b.do(t, "GET", "/metrics", "")
	if status != http.StatusOK || header.Get("Content-Type") != metricsType || header.Get("Cache-Control") != "no-store" {
		t.Errorf("GET /metrics = %d %v", status, header)
	}
	got, err := parseMetrics(text + "\n") // which do has cut off
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for series, want := range map[string]float64{
		`selvage_build_info{version="test"}`:                                         1,
		`selvage_agents`:                                                             2,
		`selvage_warp_connections`:                                                   0,
		`selvage_web_connections`:                                                    1,
		`selvage_store_commits_total`:                                                float64(b.Host.Store.Stats().Commits),
		`selvage_health_events_total{code="mail.refused"}`:                           4,
		`selvage_condition{code="device.air",severity="failure"}`:                    1,
		`selvage_condition{code="test.0",severity="warning"}`:                        1,
		`selvage_conditions{severity="failure"}`:                                     1,
		`selvage_conditions{severity="warning"}`:                                     2 * maxConditions,
		`selvage_test_total`:                                                         3,
		`selvage_test_level_meters{tank="b"}`:                                        math.Inf(1),
		`selvage_test_level_meters{tank="two\nlines, a \"quote\" and a \\",kind=""}`: 1.5,
	} {
		if value, ok := got[series]; !ok || value != want {
			t.Errorf("%s = %v, %t; want %v", series, value, ok, want)
		}
	}
	for _, series := range []string{
		"selvage_uptime_seconds", "selvage_store_rows_total", "selvage_store_written_bytes_total", "selvage_store_values_total",
		`selvage_store_commit_seconds{quantile="0.5"}`, `selvage_store_commit_seconds{quantile="1"}`, `selvage_store_unsaved_seconds{quantile="0.99"}`,
		"selvage_store_commit_limit_seconds", "selvage_store_last_commit_seconds",
		"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "go_goroutines",
	} {
		if got[series] <= 0 {
			t.Errorf("%s = %v, want more than 0", series, got[series])
		}
	}
	conditions := 0
	for series := range got {
		if strings.HasPrefix(series, "selvage_condition{") {
			conditions++
		}
	}
	if conditions != maxConditions+1 {
		t.Errorf("%d conditions one by one, want %d", conditions, maxConditions+1)
	}
}

func TestParseMetricsIsStrict(t *testing.T) {
	const head = "# HELP a Help.\n# TYPE a gauge\n"
	for _, text := range []string{
		"", "a 1\n", head + "a 1", head + "a 1\na 2\n", head + "b 1\n", head + "a_sum 1\n", head + head,
		head + "a{b=\"x} 1\n", head + "a{b=\"\\x\"} 1\n", head + "a{b=\"x\"c=\"y\"} 1\n", head + "a{b=\"x\",b=\"y\"} 1\n",
		head + "a{0=\"x\"} 1\n", head + "a x\n", head + "a\n", head + "a  1\n", "# TYPE a metre\na 1\n",
		head + "# TYPE b gauge\nb 1\n# TYPE a gauge\n", "# TYPE 0a gauge\n",
	} {
		if got, err := parseMetrics(text); err == nil {
			t.Errorf("parseMetrics(%q) = %v, want an error", text, got)
		}
	}
	if got, err := parseMetrics(head + "a{b=\"\\\"\\\\\\n\",c=\"}\"} -1e3\na 2\n"); err != nil || len(got) != 2 {
		t.Errorf("parseMetrics = %v, %v", got, err)
	}
}

func TestHealth(t *testing.T) {
	b := start(t, Options{})
	check := func(when string, status int, body string) {
		t.Helper()
		code, got, header := b.do(t, "GET", "/healthz", "")
		if code != status || got != body || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q, want %d %q", when, code, got, status, body)
		}
	}
	check("without /host", 503, "agents have no turns: /host: no such agent")
	addHost(t, b)
	check("well", 200, "ok")
	b.Host.Health.Raise(health.Condition{Code: "device.air", Text: "no answer", Severity: health.Failure})
	b.Host.Health.Raise(health.Condition{Code: "store.clock", Text: "a warning"})
	check("a sensor is missing", 200, "ok")
	b.Host.Health.Raise(health.Condition{Code: "store.commit", Text: "the disk is full", Remedy: "make room", Severity: health.Failure})
	b.Host.Health.Raise(health.Condition{Code: "store.other", Text: "so is that", Remedy: "too", Severity: health.Failure})
	check("the store fails", 503, "the disk is full; make room\nso is that; too")
	b.Host.Health.Clear("store.commit")
	b.Host.Health.Clear("store.other")
	check("mended", 200, "ok")
}

// With all workers busy no agent has a turn.
func TestHealthWithoutTurns(t *testing.T) {
	b := start(t, Options{})
	addHost(t, b)
	workers := b.Host.Workers
	done := make(chan struct{})
	for i := range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			resp, err := http.Post(fmt.Sprintf("%s/box/%d?lane=stall", b.url, i), "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		}()
		<-b.stall
	}
	if status, text, _ := b.do(t, "GET", "/healthz", ""); status != 503 || !strings.HasPrefix(text, "agents have no turns: /host: no turn yet") {
		t.Errorf("while no worker is free: %d %q", status, text)
	}
	close(b.hold)
	for range workers {
		<-done
	}
	if status, text, _ := b.do(t, "GET", "/healthz", ""); status != 200 {
		t.Errorf("after it: %d %q", status, text)
	}
}

func TestMetricsAndHealthAreGuarded(t *testing.T) {
	b := start(t, Options{})
	addHost(t, b)
	for _, path := range []string{"/metrics", "/healthz"} {
		if status, body, _ := b.do(t, "HEAD", path, ""); status != 200 || body != "" {
			t.Errorf("HEAD %s = %d %q", path, status, body)
		}
		if status, _, header := b.do(t, "POST", path, ""); status != 405 || header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s = %d, Allow: %s", path, status, header.Get("Allow"))
		}
		if status, _, _ := b.do(t, "GET", path, "", "Host: evil.example"); status != 403 {
			t.Errorf("GET %s by another name = %d, want 403", path, status)
		}
		if status, _, _ := b.do(t, "GET", path, "", "Origin: http://evil.example"); status != 403 {
			t.Errorf("GET %s for a page from elsewhere = %d, want 403", path, status)
		}
	}
}
