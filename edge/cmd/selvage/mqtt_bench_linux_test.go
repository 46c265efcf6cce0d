package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"selvage/edge/peer"
)

const (
	benchTopics   = 20
	benchMessages = 50_000 // in each round
	benchBatch    = 100    // written at once
	benchAhead    = 2000   // not yet acknowledged, at QoS 1
)

var fewLogs = []string{"log_type error", "log_type notice", "log_type subscribe", "log_type information"}

// BenchmarkMQTT is messages from a client over Mosquitto to 20 twins of a host and out to a link each, as events. At
// QoS 1 they are on disk before they are acknowledged. The host is a process of its own: CPU and memory are its alone.
// Beside it is what mosquitto_sub takes, in place of the host, from the same client.
func BenchmarkMQTT(b *testing.B) {
	for _, c := range []struct {
		name string
		qos  byte
		conf string
	}{
		{"QoS0", 0, "max_inflight_messages 20"}, // which is what it is by itself
		{"QoS1", 1, "max_inflight_messages 20"},
		{"QoS1-no-limit", 1, "max_inflight_messages 0"},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := newMosquitto(b, append(fewLogs, c.conf)...)
			broker := m.start(b)
			l := newLoad(b, m.address, c.qos)
			alone := l.alone(b, broker)
			h := hostOf(b, m.address, c.qos)
			links := followTopics(b, h, l)
			cpu, events := h.cpu(b), links.count()
			n := 0
			for b.Loop() {
				l.send(b, benchMessages)
				links.wait(b)
				n += benchMessages
			}
			rate := float64(n) / b.Elapsed().Seconds()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rate, "messages/s")
			b.ReportMetric(alone, "mosquitto_sub/s")
			b.ReportMetric(float64(links.count()-events)/float64(n), "events/message")
			b.ReportMetric(float64((h.cpu(b)-cpu).Microseconds())/float64(n), "cpu-µs/message")
			b.ReportMetric(h.peak(b), "peak-MB")
		})
	}
}

// BenchmarkMQTTDelay is how long a message takes from its publisher to the event on the link, at 5,000 a second.
func BenchmarkMQTTDelay(b *testing.B) {
	const atOnce, every = 5, time.Millisecond
	for qos := range byte(2) {
		b.Run(fmt.Sprint("QoS", qos), func(b *testing.B) {
			m := newMosquitto(b, fewLogs...)
			m.start(b)
			l := newLoad(b, m.address, qos)
			h := hostOf(b, m.address, qos)
			links := followTopics(b, h, l)
			links.delays = nil
			cpu, n := h.cpu(b), 0
			tick := time.NewTicker(every)
			defer tick.Stop()
			for b.Loop() {
				for range 2000 {
					<-tick.C
					l.send(b, atOnce)
				}
				links.wait(b)
				n += 2000 * atOnce
			}
			all := slices.Sorted(slices.Values(links.delays))
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64((h.cpu(b)-cpu).Microseconds())/float64(n), "cpu-µs/message")
		})
	}
}

// hostOf starts a host that takes what is published.
func hostOf(b *testing.B, broker string, qos byte) *program {
	b.Helper()
	h := folderWith(b, fmt.Sprintf(`[host]
data = "./var"
listen = "127.0.0.1:0"
[uplink.load]
kind = "mqtt"
url = "mqtt://%s"
qos = %d
[uplink.load.map."load/{n}"]
device = "/device/load-{n}"
channel = { n = { } }
`, broker, qos)).host(b)
	for !strings.Contains(get(b, h, "/uplink/load", "status"), "connected") {
	}
	return h
}

// cpu is the processor time that the process has had: the 14th and 15th field of stat (proc(5)), in ticks of 10 ms.
func (p *program) cpu(t testing.TB) (all time.Duration) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	for _, field := range strings.Fields(rest)[11:13] {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		all += time.Duration(ticks) * 10 * time.Millisecond
	}
	return all
}

// peak is the most memory that the process has had, in MB.
func (p *program) peak(t testing.TB) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return float64(kB) * 1024 / 1e6
}

// A load publishes to topics in turn what the time is, in nanoseconds since its start.
type load struct {
	began   time.Time
	address string
	c       net.Conn
	qos     byte
	sent    int
	acked   int
	last    [benchTopics]int64 // of each topic
	b       bytes.Buffer
}

func newLoad(b *testing.B, address string, qos byte) *load {
	b.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	connect := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion, connect.ClientIdentifier, connect.CleanSession = "MQTT", 4, "load", true
	if err := connect.Write(c); err != nil {
		b.Fatal(err)
	}
	if _, err := packets.ReadPacket(c); err != nil {
		b.Fatal(err)
	}
	return &load{began: time.Now(), address: address, c: c, qos: qos}
}

func (l *load) send(b *testing.B, n int) {
	b.Helper()
	for range n {
		topic := l.sent % benchTopics
		l.sent++
		l.last[topic] = int64(time.Since(l.began))
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.Qos, p.MessageID, p.TopicName = l.qos, uint16(l.sent%60000+1), "load/"+strconv.Itoa(topic)
		p.Payload = strconv.AppendInt(nil, l.last[topic], 10)
		_ = p.Write(&l.b) // a buffer takes all
		if l.sent%benchBatch == 0 {
			l.flush(b)
		}
	}
	l.flush(b)
}

// flush writes what there is, and waits until it is not too far ahead.
func (l *load) flush(b *testing.B) {
	b.Helper()
	_, err := l.b.WriteTo(l.c)
	if more := l.sent - l.acked - benchAhead; err == nil && l.qos > 0 && more > 0 {
		_, err = io.CopyN(io.Discard, l.c, int64(more)*pubackSize)
		l.acked += more
	}
	if err != nil {
		b.Fatal(err)
	}
}

const pubackSize = 4 // MQTT 3.1.1, 3.4

// alone returns how many messages a second mosquitto_sub takes.
func (l *load) alone(b *testing.B, broker *program) float64 {
	b.Helper()
	qos := fmt.Sprint(l.qos)
	sub := exec.Command(mosquittoProgram(b, "mosquitto_sub"), "-p", port(l.address), "-i", "alone", "-t", "load/#", "-q", qos, "-C", fmt.Sprint(benchMessages))
	if err := sub.Start(); err != nil {
		b.Fatal(err)
	}
	broker.err.wait(b, broker, "alone "+qos+" load/#\n")
	began := time.Now()
	l.send(b, benchMessages)
	if err := sub.Wait(); err != nil {
		b.Fatal(err)
	}
	return benchMessages / time.Since(began).Seconds()
}

// topicLinks are links to all twins, over one connection.
type topicLinks struct {
	l *load

	mu     sync.Mutex
	seen   [benchTopics]int64
	events int
	delays []time.Duration
	news   chan struct{}
}

type topicLink struct {
	*topicLinks
	topic int
}

// followTopics has the twins made, and links to them.
func followTopics(b *testing.B, h *program, l *load) *topicLinks {
	b.Helper()
	l.send(b, benchTopics)
	for n := 0; n < benchTopics; {
		n = strings.Count(get(b, h, "/uplink/load", "devices"), "topic:")
	}
	c, err := peer.Dial(b.Context(), h.url, peer.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close(1000, "") })
	links := &topicLinks{l: l, news: make(chan struct{}, 1)}
	for topic := range benchTopics {
		if _, err := c.Follow(fmt.Sprint("/device/load-", topic), "n", true, topicLink{links, topic}); err != nil {
			b.Fatal(err)
		}
	}
	links.wait(b)
	return links
}

func (t topicLink) Event(body []byte) {
	_, rest, _ := bytes.Cut(body, []byte("value:"))
	number, _, _ := bytes.Cut(rest, []byte(","))
	v, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[t.topic] = int64(v)
	t.events++
	t.delays = append(t.delays, time.Since(t.l.began)-time.Duration(v))
	select {
	case t.news <- struct{}{}:
	default:
	}
}

func (topicLink) Synced()     {}
func (topicLink) Ended(error) {}

func (t *topicLinks) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.events
}

// wait waits for the last of each topic.
func (t *topicLinks) wait(b *testing.B) {
	b.Helper()
	end := time.After(patience)
	for {
		t.mu.Lock()
		all := t.seen == t.l.last
		t.mu.Unlock()
		if all {
			return
		}
		select {
		case <-t.news:
		case <-end:
			b.Fatal("not all messages became events")
		}
	}
}
