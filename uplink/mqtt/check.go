package mqtt

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/edge/route"
	"selvage/edge/twin"
)

// faulter takes a fault of the config.
type faulter = func(key, problem, remedy string)

// Check finds what the types of the keys cannot.
func (c Config) Check(fault func(key, problem, remedy string)) {
	c.checkURL(fault)
	if c.Password.IsPlain() {
		fault("password", "password is not where to find one", `put the password into a file and write "file:/path/to/it", or "env:NAME" for a variable of the environment`)
	}
	if !c.Password.IsZero() && c.User == "" {
		fault("password", "a password without a user", "MQTT gives a password together with a user: add user")
	}
	switch {
	case c.Key.IsPlain():
		fault("key", "key is not where to find one", `write "file:/path/to/it", or "env:NAME" for a variable of the environment`)
	case c.Cert != "" && c.Key.IsZero():
		fault("cert", "a certificate without its private key", `add key = "file:/path/to/it"`)
	case c.Cert == "" && !c.Key.IsZero():
		fault("key", "a private key without its certificate", "add cert, the file with the certificate")
	}
	if c.KeepAlive != 0 && (c.KeepAlive < time.Second || c.KeepAlive > mostKeepAlive) {
		fault("keepalive", fmt.Sprintf("a keepalive of %v is none that MQTT has", c.KeepAlive), `write one from 1s to 18h, such as "30s"`)
	}
	if c.QoS < 0 || c.QoS > 2 {
		fault("qos", fmt.Sprintf("there is no QoS %d", c.QoS), "0, 1 or 2; with 1 nothing is lost and the least is sent")
	}
	if c.Devices < 1 {
		fault("devices", "with less than one device there is nothing to do", "the default is 1000")
	}
	c.checkOut(fault)
	c.checkDiscover(fault)
	texts := slices.Sorted(maps.Keys(c.Map))
	var good []*mapping
	for _, text := range texts {
		found := false
		place := func(key, problem, remedy string) {
			found = true
			at := "map." + text
			if key != "" {
				at += "." + key
			}
			fault(at, problem, remedy)
		}
		c.Map[text].check(text, place)
		if m, err := newMapping(text, c.Map[text]); err == nil && !found {
			good = append(good, m)
		}
	}
	if len(good) == len(texts) { // what they have in common is only known once each is right
		checkShared(good, fault)
	}
}

func (c Config) checkDiscover(fault faulter) {
	for i, text := range c.Discover {
		name, base := splitDiscover(text)
		switch _, err := parseTopic(base); {
		case families[name] == nil:
			fault("discover", fmt.Sprintf("there is no kind of devices %q", name), "one of "+strings.Join(slices.Sorted(maps.Keys(families)), ", "))
		case slices.Contains(c.Discover[:i], text):
			fault("discover", fmt.Sprintf("%q is there twice", text), "leave one out")
		case base != "" && (err != nil || strings.Contains(base, "{")), text == name+"=":
			fault("discover", fmt.Sprintf("%q is no topic that others are below", base), fmt.Sprintf("write it like %q", name+"=upstairs"))
		}
	}
}

// Makes reports whether a mapping may make an agent at the node, or discovery any of a device, for agents that speak of it.
func (c Config) Makes(node route.NodeURI) bool {
	if name, is := strings.CutPrefix(string(node), prefix); is && len(c.Discover) > 0 && !strings.Contains(name, "/") {
		return true
	}
	all, err := compile(c.Map)
	return err != nil || slices.ContainsFunc(all, func(m *mapping) bool { return m.makes(node) })
}

// schemes are those of a broker's URL, with the port that each means.
var schemes = map[string]string{"mqtt": "1883", "tcp": "1883", "mqtts": "8883", "ssl": "8883", "ws": "80", "wss": "443"}

// mostKeepAlive is the longest keep-alive that a packet has room for (MQTT 3.1.1, 3.1.2.10).
const mostKeepAlive = 65535 * time.Second

func isSecure(u *url.URL) bool { return u.Scheme == "wss" || schemes[u.Scheme] == schemes["mqtts"] }

func (c Config) checkURL(fault faulter) {
	const like = `write it like "mqtt://127.0.0.1:1883"`
	if c.URL == "" {
		fault("url", "url is missing: where is the broker?", like)
		return
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		fault("url", "url is no URL", like) // the error would repeat what may hold a password
	case u.User != nil:
		fault("url", "url holds a user or password", `write them as user = "…" and password = "file:/path" or "env:NAME"`)
	case schemes[u.Scheme] == "":
		fault("url", fmt.Sprintf("%q is no scheme of MQTT", u.Scheme), "mqtt, mqtts (with TLS), ws or wss; "+like)
	case u.Hostname() == "":
		fault("url", "url names no host", like)
	case u.Path != "" && u.Path != "/" && !strings.HasPrefix(u.Scheme, "ws"):
		fault("url", "url has a path, which only ws and wss have", like)
	case c.CA != "" && !isSecure(u):
		fault("ca", fmt.Sprintf("%s has no certificates to check", u.Scheme), "use mqtts or wss, or leave ca out")
	case c.Cert != "" && !isSecure(u):
		fault("cert", fmt.Sprintf("%s has no certificates to show", u.Scheme), "use mqtts or wss, or leave cert and key out")
	}
}

// prefix is where twins live.
const prefix = "/device/"

func (m Map) check(text string, fault faulter) {
	topic, err := parseTopic(text)
	if err != nil {
		fault("", fmt.Sprintf("%q is no topic for a mapping: %v", text, err), `a topic such as "shed/{name}"`)
	}
	if m.Device == "" {
		fault("device", fmt.Sprintf("the mapping of %q has no device", text), `name the twin: device = "/device/{name}"`)
		return
	}
	node, err := parseTemplate(m.Device)
	sample := node.fill(nil, func(string) string { return "x" })
	switch uri, _, bad := route.Node("", sample); {
	case err != nil:
		fault("device", fmt.Sprintf("device is no node URI: %v", err), "")
	case !strings.HasPrefix(m.Device, prefix) || m.Device == prefix:
		fault("device", "device is not below "+prefix, `write it like "/device/{name}"`)
	case bad != nil:
		fault("device", fmt.Sprintf("device is no node URI: %v", bad), "")
	case string(uri) != sample:
		fault("device", "device is not as node URIs are written", fmt.Sprintf("it would be %s", uri))
	}
	within(node.names(), topic.names(), func(name string) {
		fault("device", fmt.Sprintf("device has a part {%s} that the topic %q has not", name, text), partsOf(topic))
	})
	if len(m.Channel) == 0 && m.State == nil {
		fault("", fmt.Sprintf("nothing is read from %q", text), `add channel = { temperature = { unit = "Cel" } }, or state = {} for an output`)
	}
	m.checkForm(fault)
	if m.Every != 0 && m.Every < time.Second {
		fault("every", "every is less than a second", "it is how often something is expected, such as \"5m\"")
	}
	for name, c := range m.Channel {
		c.check(name, fault)
	}
	for name, a := range m.Adjust {
		at := "adjust." + name
		c, ok := m.Channel[name]
		form, err := c.form()
		switch {
		case !ok:
			fault(at, fmt.Sprintf("no channel %s is read from %q", name, text), "adjust one of "+strings.Join(slices.Sorted(maps.Keys(m.Channel)), ", "))
		case err == nil && form != number && a != (device.Adjust{Stuck: a.Stuck}):
			fault(at, fmt.Sprintf("the channel %s is no number, so it has nothing but stuck", name), "leave out the rest")
		}
	}
	if m.State != nil {
		pair("state", m.State.On, m.State.Off, fault)
	}
	other := func(key, text string) {
		t, err := parseTopic(text)
		if err != nil {
			fault(key+".topic", fmt.Sprintf("%q is no topic: %v", text, err), "")
		}
		within(t.names(), node.names(), func(name string) {
			fault(key+".topic", fmt.Sprintf("the topic has a part {%s} that device has not", name), partsOf(node))
		})
	}
	if s := m.Set; s != nil {
		other("set", s.Topic)
		pair("set", s.On, s.Off, fault)
		if s.QoS != nil && (*s.QoS < 0 || *s.QoS > 2) {
			fault("set.qos", fmt.Sprintf("there is no QoS %d", *s.QoS), "0, 1 or 2")
		}
		if s.Confirm != nil && *s.Confirm < 0 {
			fault("set.confirm", fmt.Sprintf("confirm is %v, before it is set", *s.Confirm), `write a time such as "10s", or "0s" to wait for no state`)
		}
	}
	if o := m.Online; o != nil {
		other("online", o.Topic)
		if t, err := parseTopic(o.Topic); err == nil {
			within(node.names(), t.names(), func(name string) {
				fault("online.topic", fmt.Sprintf("the topic lacks the part {%s} of device, so it would speak for many", name), partsOf(node))
			})
		}
		pair("online", o.On, o.Off, fault)
	}
}

// checkForm finds paths that lead into what has none.
func (m Map) checkForm(fault faulter) {
	all := map[string]jsonpath.Path{"at": m.At}
	for name, c := range m.Channel {
		all["channel."+name+".path"] = c.Path
	}
	if m.State != nil {
		all["state.path"] = m.State.Path
	}
	switch {
	case m.Payload != "" && !slices.Contains([]string{asJSON, asText, cbor, influx, asRecon}, m.Payload):
		fault("payload", fmt.Sprintf("there is no form %q of payloads", m.Payload), `"json", "text", "cbor", "influx" or "recon"`)
	case m.Match != "" && m.Payload != "" && m.Payload != asText:
		fault("match", fmt.Sprintf("match takes text apart, and this is %s", m.Payload), `leave out match, or payload`)
	case m.Match != "":
		m.checkMatch(all, fault)
	case m.Payload == asText:
		for _, at := range slices.Sorted(maps.Keys(all)) {
			if !all[at].Whole() {
				fault(at, "there is no path into a text", `leave it out, or payload; or take the text apart with match = '(?P<name>…)'`)
			}
		}
	}
}

// checkMatch finds channels that are in no group.
func (m Map) checkMatch(all map[string]jsonpath.Path, fault faulter) {
	by, err := regexp.Compile(m.Match)
	if err != nil {
		fault("match", fmt.Sprintf("match is no regular expression: %v", err), `write such as 'T=(?P<temperature>-?[0-9.]+)'`)
		return
	}
	for _, at := range slices.Sorted(maps.Keys(all)) {
		of := strings.TrimSuffix(at, ".path")
		group := all[at].String()
		if all[at].Whole() {
			group = memberOf(strings.TrimPrefix(of, "channel."))
		}
		if (at != "at" || !m.At.Whole()) && by.SubexpIndex(group) < 0 {
			fault("match", fmt.Sprintf("it has no group called %q, which %s wants", group, of), fmt.Sprintf("name a group (?P<%s>…), or give the name of its group as path", group))
		}
	}
}

func partsOf(t template) string {
	if names := t.names(); len(names) > 0 {
		return "it has {" + strings.Join(names, "}, {") + "}"
	}
	return "it has none"
}

func within(names, known []string, unknown func(string)) {
	for _, n := range names {
		if !slices.Contains(known, n) {
			unknown(n)
		}
	}
}

func (c Channel) check(name string, fault faulter) {
	at := "channel." + name
	switch {
	case slices.Contains(twin.Lanes, name):
		fault(at, fmt.Sprintf("a channel cannot be named %s: every twin has a lane of that name", name), "call it something else")
	case !isLane(name):
		fault(at, fmt.Sprintf("%q is no name for a channel", name), "letters, digits, _, - and .")
	}
	form, err := c.form()
	if err != nil {
		fault(at+".form", err.Error(), `"number", "boolean" or "text"`)
		return
	}
	if form != boolean && (c.On != "" || c.Off != "") {
		fault(at+".form", fmt.Sprintf("a %s is neither on nor off", form), "leave out on and off, or form")
	}
	pair(at, c.On, c.Off, fault)
	if form != number && c.Unit != "" {
		fault(at+".unit", fmt.Sprintf("a %s has no unit", form), "leave out unit")
	}
	if c.Scale != 0 && (form != number || math.IsInf(c.Scale, 0) || math.IsNaN(c.Scale)) {
		fault(at+".scale", "scale is for numbers", "leave it out")
	}
}

func isLane(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '-' && c != '.' && !isName(s[i:i+1]) {
			return false
		}
	}
	return strings.Trim(s, ".") != ""
}

func pair(at, on, off string, fault faulter) {
	switch {
	case (on == "") != (off == ""):
		fault(at, "on and off are given together or not at all", `such as on = "ON", off = "OFF"`)
	case on == off && on != "":
		fault(at, fmt.Sprintf("on and off are both %q", on), "give two words")
	}
}

// checkShared finds what two mappings give one device.
func checkShared(all []*mapping, fault faulter) {
	for i, m := range all {
		switches, told := m.set != nil, m.state != nil
		for j, o := range all {
			if i == j || o.node.shape() != m.node.shape() {
				continue
			}
			switches, told = switches || o.set != nil, told || o.state != nil
			if j > i {
				continue // told once, at the later
			}
			at := "map." + m.topic.text
			for _, c := range m.channels {
				if slices.ContainsFunc(o.channels, func(d channel) bool { return d.name == c.name }) {
					fault(at+".channel."+c.name, fmt.Sprintf("the mapping of %q gives %s a channel %s too", o.topic.text, m.node.text, c.name), "rename one of them, or give them devices of their own")
				}
			}
			if m.set != nil && o.set != nil {
				fault(at+".set", fmt.Sprintf("the mapping of %q says how to set %s too", o.topic.text, m.node.text), "leave one of them out")
			}
			if m.online != nil && o.online != nil {
				fault(at+".online", fmt.Sprintf("the mapping of %q says when %s is online too", o.topic.text, m.node.text), "leave one of them out")
			}
		}
		if m.set != nil && m.set.confirm > 0 && !told {
			fault("map."+m.topic.text+".set.confirm", fmt.Sprintf("no topic tells what %s does, which could confirm it", m.node.text), "add state, or leave out confirm")
		}
		if m.state != nil && !switches {
			fault("map."+m.topic.text+".state", fmt.Sprintf("%s has a state, and nothing sets it", m.node.text),
				`add set = { topic = "…" }; for something that cannot be switched, use a channel with on and off instead`)
		}
	}
}
