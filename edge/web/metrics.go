package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"selvage/edge/health"
	"selvage/edge/policy"
)

const (
	metricsType = "text/plain; version=0.0.4; charset=utf-8"

	// maxConditions of each severity are told of one by one: every series costs whoever collects them.
	maxConditions = 100

	aliveTime = time.Second // for an agent to have a turn
)

// began is when this process started.
var began = time.Now()

func init() { metrics.ExposeMetadata(true) }

// Metrics gathers what /metrics answers, in the text format of Prometheus
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Names begin with selvage_ and end
// with the base unit, such as _seconds or _bytes, counters with _total. Samples of one name may come
// in any order, among others.
type Metrics struct {
	families []*family
	byName   map[string]*family
}

type family struct {
	name, kind, help string
	samples          []sample
	seen             map[string]bool // labels
}

type sample struct {
	labels string // as written
	value  float64
}

// Gauge adds a value that goes up and down. Labels are names and values in turn. help is one line; the
// first given for a name counts.
func (m *Metrics) Gauge(name, help string, value float64, labels ...string) {
	m.add("gauge", name, help, value, labels)
}

// Counter adds a value that only grows while the host runs.
func (m *Metrics) Counter(name, help string, value float64, labels ...string) {
	m.add("counter", name, help, value, labels)
}

func (m *Metrics) quantiles(name, help string, p50, p99, longest time.Duration) {
	m.Gauge(name, help, p50.Seconds(), "quantile", "0.5")
	m.Gauge(name, help, p99.Seconds(), "quantile", "0.99")
	m.Gauge(name, help, longest.Seconds(), "quantile", "1")
}

// add takes the first sample of each name and labels: a second would spoil all of the answer.
func (m *Metrics) add(kind, name, help string, value float64, labels []string) {
	f := m.byName[name]
	if f == nil {
		f = &family{name: name, kind: kind, help: help, seen: map[string]bool{}}
		if m.byName == nil {
			m.byName = map[string]*family{}
		}
		m.byName[name] = f
		m.families = append(m.families, f)
	}
	var text strings.Builder
	for i := 0; i+1 < len(labels); i += 2 {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `%s="%s"`, labels[i], labelText.Replace(labels[i+1]))
	}
	if written := text.String(); !f.seen[written] {
		f.seen[written] = true
		f.samples = append(f.samples, sample{written, value})
	}
}

var (
	labelText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	helpText  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

func (m *Metrics) write(b *bytes.Buffer) {
	for _, f := range m.families {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", f.name, helpText.Replace(f.help), f.name, f.kind)
		for _, s := range f.samples {
			b.WriteString(f.name)
			if s.labels != "" {
				b.WriteString("{" + s.labels + "}")
			}
			b.WriteString(" " + strconv.FormatFloat(s.value, 'g', -1, 64) + "\n")
		}
	}
}

func wantsMetrics(r *http.Request) bool { return r.URL.Path == "/metrics" }

// metrics answers with numbers of this host, its process and the Go runtime, for Prometheus and what
// else reads its text format. They are for who may read all of /host.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request, v visitor) {
	if !onlyReads(w, r) {
		return
	}
	if !v.who.MayAll(policy.Read, "/host") {
		s.denied(w, v, policy.Event{What: policy.Read.String(), Node: "/host"})
		return
	}
	var m Metrics
	s.measure(&m)
	for _, add := range s.Metrics {
		add(&m)
	}
	var b bytes.Buffer
	m.write(&b)
	metrics.WriteProcessMetrics(&b)
	metrics.WriteFDMetrics(&b)
	w.Header().Set("Content-Type", metricsType)
	w.Write(b.Bytes())
}

// measure adds what the host itself has.
func (s *Server) measure(m *Metrics) {
	m.Gauge("selvage_build_info", "Version of Selvage, as a label; always 1.", 1, "version", s.Version)
	m.Gauge("selvage_uptime_seconds", "Time since the process started.", time.Since(began).Seconds())

	agents := 0
	for range s.Host.Nodes() {
		agents++
	}
	m.Gauge("selvage_agents", "Agents that exist, devices and meta nodes among them.", float64(agents))

	s.mu.Lock()
	open, warp := s.open, len(s.conns)
	s.mu.Unlock()
	m.Gauge("selvage_web_connections", "Open connections to the web server, of HTTP and WARP.", float64(open))
	m.Gauge("selvage_warp_connections", "Open WARP connections that others have made.", float64(warp))

	if s.Host.Store != nil {
		stats := s.Host.Store.Stats()
		m.Counter("selvage_store_commits_total", "Transactions committed.", float64(stats.Commits))
		m.Counter("selvage_store_rows_total", "Rows written or removed.", float64(stats.Rows))
		m.Counter("selvage_store_written_bytes_total", "Bytes written to the log of the database.", float64(stats.Bytes))
		m.Counter("selvage_store_values_total", "Values of lanes among these rows, points of a history too.", float64(stats.Values))
		m.Gauge("selvage_store_last_commit_seconds", "How long the last commit took, from gathering to flash.", stats.LastLatency.Seconds())
		if l := stats.Commit; l.Count > 0 {
			m.quantiles("selvage_store_commit_seconds", "How long the commits of the last minute took, from gathering to flash.", l.P50, l.P99, l.Max)
		}
		if l := stats.Unsaved; l.Count > 0 {
			m.quantiles("selvage_store_unsaved_seconds", "How long the oldest change of each of them was in memory only.", l.P50, l.P99, l.Max)
		}
		m.Gauge("selvage_store_commit_limit_seconds", "How long a change that nobody waits for may wait to be gathered: commit in [host].", stats.Limit.Seconds())
	}

	for code, n := range s.Host.Health.Counters() {
		m.Counter("selvage_health_events_total", "What was refused, dropped or otherwise counted, by its code.", float64(n), "code", code)
	}
	active := map[health.Severity]int{}
	for _, c := range s.Host.Health.Active() {
		if active[c.Severity]++; active[c.Severity] <= maxConditions {
			m.Gauge("selvage_condition", "What is wrong right now, 1 for each; see the lane conditions of /host.", 1,
				"code", c.Code, "severity", c.Severity.String())
		}
	}
	for _, severity := range []health.Severity{health.Warning, health.Failure} {
		m.Gauge("selvage_conditions", "How many conditions are active.", float64(active[severity]), "severity", severity.String())
	}
}

func wantsHealth(r *http.Request) bool { return r.URL.Path == "/healthz" }

// health answers 200 when this host does what only a restart, or somebody who looks after this
// machine, could mend: its agents have turns, and its store can save. Else it is 503, with what is
// wrong, one in a line. A sensor, a broker or a peer that is missing leaves it at 200: a restart
// would not bring that back, and stop all the rest. It is open to everybody, who from elsewhere is told
// no more than that.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if !onlyReads(w, r) {
		return
	}
	var wrong []string
	ctx, cancel := context.WithTimeout(r.Context(), aliveTime)
	defer cancel()
	if _, err := s.Host.Read(ctx, "/host", "info"); err != nil {
		wrong = append(wrong, fmt.Sprintf("agents have no turns: %v", err))
	}
	for _, c := range s.Host.Health.Active() {
		if c.Severity == health.Failure && strings.HasPrefix(c.Code, "store.") {
			wrong = append(wrong, c.Text+"; "+c.Remedy)
		}
	}
	if p := s.gate.Policy(); len(wrong) > 0 && !p.Here(isLocal(r, p)).Known() {
		wrong = []string{"not well; see its log"}
	}
	if len(wrong) > 0 {
		say(w, http.StatusServiceUnavailable, strings.Join(wrong, "\n"))
		return
	}
	say(w, http.StatusOK, "ok")
}

// onlyReads refuses what is neither GET nor HEAD.
func onlyReads(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	say(w, http.StatusMethodNotAllowed, r.URL.Path+" is read with GET")
	return false
}
