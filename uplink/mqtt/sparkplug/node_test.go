package sparkplug_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"selvage/uplink/mqtt/sparkplug"
)

var start = time.UnixMilli(1700000000000)

// say writes what is published so that people can read it.
func say(t *testing.T, out []sparkplug.Publication) (lines []string) {
	t.Helper()
	for _, p := range out {
		topic, ok := sparkplug.ParseTopic(p.Topic)
		payload, err := sparkplug.Decode(p.Payload)
		if !ok || err != nil || p.Retain {
			t.Fatalf("%+v: %v, %v", p, ok, err)
		}
		line := fmt.Sprintf("%s %s q%d", topic.Verb, topic.Device, p.QoS)
		if payload.HasSeq {
			line += fmt.Sprintf(" #%d", payload.Seq)
		}
		for _, m := range payload.Metrics {
			v, _ := sparkplug.Read(m.DataType, m.Value)
			line += fmt.Sprintf(" %s/%d=%v", m.Name, m.Alias, v)
			if m.IsHistorical {
				line += "(then)"
			}
			if q := m.Properties.Of(sparkplug.Quality); q != nil {
				line += fmt.Sprintf("(quality %v)", q)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func double(name string, v float64) sparkplug.Metric {
	return sparkplug.Metric{Name: name, DataType: sparkplug.Double, Value: v}
}

// TestNode is the life of a node, over two sessions.
func TestNode(t *testing.T) {
	n, err := sparkplug.NewNode("Plant1", "greenhouse", 254)
	if err != nil {
		t.Fatal(err)
	}
	now := start
	check := func(what string, out []sparkplug.Publication, err error, want ...string) {
		t.Helper()
		if got := say(t, out); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s publishes\n%s, %v; want\n%s", what, strings.Join(got, "\n"), err, strings.Join(want, "\n"))
		}
		now = now.Add(10 * time.Second)
	}
	request := func() []sparkplug.Publication {
		topic, payload := sparkplug.AskRebirth("Plant1", "greenhouse", now)
		commands, out, err := n.Take(topic, payload, now)
		if len(commands) > 0 || err != nil {
			t.Errorf("Take of a wish for rebirth = %v, %v", commands, err)
		}
		return out
	}

	out, err := n.Born("air", []sparkplug.Metric{double("temperature", 20.5), {Name: "humidity", DataType: sparkplug.Double}}, now)
	check("Born before there is a connection", out, err)
	check("Will", []sparkplug.Publication{n.Will(now)}, nil, "NDEATH  q1 bdSeq/0=255")
	check("Connected", n.Connected(now), nil,
		"NBIRTH  q0 #0 bdSeq/0=255 Node Control/Rebirth/0=false", "DBIRTH air q0 #1 temperature/1=20.5 humidity/2=<nil>")
	out, err = n.Data("air", []sparkplug.Metric{double("temperature", 21), double("temperature", 21.5)}, now)
	check("Data", out, err, "DDATA air q0 #2 /1=21 /1=21.5")
	bad := double("humidity", 40)
	bad.Properties = sparkplug.Properties{{Name: sparkplug.Quality, DataType: sparkplug.Int32, Value: uint32(sparkplug.QualityBad)}}
	out, err = n.Data("air", []sparkplug.Metric{bad}, now)
	check("bad Data", out, err, "DDATA air q0 #3 /2=40(quality 0)")
	then := double("temperature", 3)
	then.IsHistorical = true
	out, err = n.Data("air", []sparkplug.Metric{then}, now)
	check("Data of long ago", out, err, "DDATA air q0 #4 /1=3(then)")
	check("Take of a wish for rebirth", request(), nil,
		"NBIRTH  q0 #0 bdSeq/0=255 Node Control/Rebirth/0=false", "DBIRTH air q0 #1 temperature/1=21.5 humidity/2=40(quality 0)")
	out, err = n.Data("air", []sparkplug.Metric{double("humidity", 41)}, now)
	check("good Data", out, err, "DDATA air q0 #2 /2=41")
	out, err = n.Born("", []sparkplug.Metric{{Name: "uptime", DataType: sparkplug.UInt32, Value: uint64(7)}}, now)
	check("Born of the node", out, err,
		"NBIRTH  q0 #0 bdSeq/0=255 Node Control/Rebirth/0=false uptime/3=7", "DBIRTH air q0 #1 temperature/1=21.5 humidity/2=41")
	out, err = n.Data("", []sparkplug.Metric{{Name: "uptime", Value: uint64(8)}}, now)
	check("Data of the node", out, err, "NDATA  q0 #2 /3=8")
	// A metric of another type is another one, and an alias is never used again.
	out, err = n.Born("air", []sparkplug.Metric{{Name: "temperature", DataType: sparkplug.String, Value: "warm"}, double("humidity", 42)}, now)
	check("Born anew", out, err, "DBIRTH air q0 #3 temperature/4=warm humidity/2=42")
	check("Dead", n.Dead("air", now), nil, "DDEATH air q0 #4")
	check("Dead again", n.Dead("air", now), nil)

	n.Lost()
	out, err = n.Data("", []sparkplug.Metric{{Name: "uptime", Value: uint64(9)}}, now)
	check("Data without a connection", out, err)
	check("Will of the second session", []sparkplug.Publication{n.Will(now)}, nil, "NDEATH  q1 bdSeq/0=0")
	check("Connected again", n.Connected(now), nil, "NBIRTH  q0 #0 bdSeq/0=0 Node Control/Rebirth/0=false uptime/3=9")
	if n.BdSeq() != 0 {
		t.Errorf("BdSeq() = %d after 255", n.BdSeq())
	}
}

// TestNodeWraps goes through all numbers twice.
func TestNodeWraps(t *testing.T) {
	n, err := sparkplug.NewNode("g", "n", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Born("d", []sparkplug.Metric{double("x", 0)}, start); err != nil {
		t.Fatal(err)
	}
	last := n.Connected(start)
	for i := range 600 {
		out, err := n.Data("d", []sparkplug.Metric{double("x", float64(i))}, start)
		if err != nil {
			t.Fatal(err)
		}
		was, _ := sparkplug.Decode(last[len(last)-1].Payload)
		is, _ := sparkplug.Decode(out[0].Payload)
		if is.Seq != was.Seq+1 {
			t.Fatalf("after %d came %d", was.Seq, is.Seq)
		}
		last = out
	}
}

// TestNodeRebirths has a thousand hosts ask in one second.
func TestNodeRebirths(t *testing.T) {
	n, err := sparkplug.NewNode("g", "n", 0)
	if err != nil {
		t.Fatal(err)
	}
	births := len(n.Connected(start))
	topic, payload := sparkplug.AskRebirth("g", "n", start)
	for i := range 1000 {
		_, out, err := n.Take(topic, payload, start.Add(time.Duration(i)*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		births += len(out)
	}
	if births != 1 {
		t.Errorf("there were %d births within a second", births)
	}
	if out := n.Tick(start.Add(time.Second)); len(out) != 1 {
		t.Errorf("after it Tick publishes %v, and owes a birth", say(t, out))
	}
	if out := n.Tick(start.Add(3 * time.Second)); len(out) != 0 {
		t.Errorf("then Tick publishes %v, and owes none", say(t, out))
	}
}

func TestNodeTake(t *testing.T) {
	n, err := sparkplug.NewNode("g", "n", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Born("lamp", []sparkplug.Metric{
		{Name: "on", DataType: sparkplug.Boolean, Value: false}, {Name: "level", DataType: sparkplug.Int8, Value: uint32(0)},
	}, start); err != nil {
		t.Fatal(err)
	}
	n.Connected(start)
	for _, c := range []struct {
		name, topic string
		metric      sparkplug.Metric
		want        string // the command, or what is in the error
	}{
		{"by name", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{Name: "on", Value: true}, "lamp on true"},
		{"by alias", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{HasAlias: true, Alias: 2, Value: uint32(0xFB)}, "lamp level -5"},
		{"by both", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{Name: "on", HasAlias: true, Alias: 1, Value: true}, "lamp on true"},
		{"by two that differ", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{Name: "on", HasAlias: true, Alias: 2, Value: true}, "no metric"},
		{"unknown alias", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{HasAlias: true, Alias: 9, Value: true}, "no metric"},
		{"unknown name", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{Name: "off", Value: true}, "no metric"},
		{"of another type", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{Name: "on", Value: uint32(1)}, "no value of type Boolean"},
		{"null", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{Name: "on", IsNull: true}, "no value of type Boolean"},
		{"out of range", "spBv1.0/g/DCMD/n/lamp", sparkplug.Metric{Name: "level", Value: uint32(300)}, "no value of type Int8"},
		{"for another device", "spBv1.0/g/DCMD/n/door", sparkplug.Metric{Name: "on", Value: true}, "no such device"},
		{"for another node", "spBv1.0/g/DCMD/m/lamp", sparkplug.Metric{Name: "on", Value: true}, ""},
		{"no command", "spBv1.0/g/DDATA/n/lamp", sparkplug.Metric{Name: "on", Value: true}, ""},
	} {
		commands, out, err := n.Take(c.topic, sparkplug.Payload{Metrics: []sparkplug.Metric{c.metric}}.Encode(), start)
		got := ""
		for _, one := range commands {
			got += fmt.Sprintf("%s %s %v", one.Device, one.Metric, one.Value)
		}
		if err != nil {
			got += err.Error()
		}
		if !strings.Contains(got, c.want) || (c.want == "") != (got == "") || len(out) > 0 {
			t.Errorf("%s: Take gives %q and publishes %v, want %q", c.name, got, out, c.want)
		}
	}
	if _, _, err := n.Take("spBv1.0/g/NCMD/n", []byte("on"), start); err == nil {
		t.Error("Take has no error for a payload that is none")
	}
}

func TestNodeRefuses(t *testing.T) {
	if _, err := sparkplug.NewNode("a/b", "n", 0); err == nil {
		t.Error("a group with a / was taken")
	}
	n, err := sparkplug.NewNode("g", "n", 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, born := range map[string]func() error{
		"a device with a +": func() error { _, err := n.Born("a+", nil, start); return err },
		"two of one name": func() error {
			_, err := n.Born("d", []sparkplug.Metric{double("x", 1), double("x", 2)}, start)
			return err
		},
		"a metric of no name": func() error { _, err := n.Born("d", []sparkplug.Metric{double("", 1)}, start); return err },
		"a metric of no type": func() error { _, err := n.Born("d", []sparkplug.Metric{{Name: "x", Value: 1.5}}, start); return err },
		"a second bdSeq":      func() error { _, err := n.Born("", []sparkplug.Metric{double("bdSeq", 1)}, start); return err },
		"too many metrics":    func() error { _, err := n.Born("d", make([]sparkplug.Metric, 5001), start); return err },
		"a value of int": func() error {
			_, err := n.Born("d", []sparkplug.Metric{{Name: "x", DataType: sparkplug.Bytes, Value: 1}}, start)
			return err
		},
		"data before birth":    func() error { _, err := n.Data("d", []sparkplug.Metric{double("x", 1)}, start); return err },
		"data of another type": func() error { _, err := n.Data("", []sparkplug.Metric{double("x", 1)}, start); return err },
	} {
		if born() == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if out := n.Connected(start); len(out) != 1 {
		t.Errorf("what was refused is born: %v", say(t, out))
	}
}

func FuzzNodeTake(f *testing.F) {
	for _, r := range recorded(f) {
		f.Add("spBv1.0/g/DCMD/n/d", unhex(f, r.Hex))
		f.Add("spBv1.0/g/NCMD/n", unhex(f, r.Hex))
	}
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		n, err := sparkplug.NewNode("g", "n", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Born("d", []sparkplug.Metric{double("m", 1), {Name: "x", DataType: sparkplug.Int8}}, start); err != nil {
			t.Fatal(err)
		}
		n.Connected(start)
		commands, out, _ := n.Take(topic, payload, start.Add(time.Minute))
		for _, c := range commands {
			if _, err := sparkplug.Write(c.Type, c.Value); err != nil || c.Device != "d" {
				t.Errorf("%+v: %v", c, err)
			}
		}
		if len(out) != 0 && len(out) != 2 {
			t.Errorf("Take publishes %v", say(t, out))
		}
	})
}
