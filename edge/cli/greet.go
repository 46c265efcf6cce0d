package cli

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"selvage/edge/agent"
	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/host"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/twin"
)

// patience bounds how long a start waits for the devices to open, and for the agents to answer.
const patience = time.Second

// listed is how many devices and how many agents the greeting names; it has 15 lines at most.
const listed = 3

// greet tells what runs, where, and what to try.
func (e *env) greet(ctx context.Context, plan *config.Plan, h *host.Host, d *devices, address string) {
	text := []string{"selvage " + version + " runs as " + plan.Host.Name + "; Ctrl-C stops it"}
	section := func(title string, lines []string) {
		if more := len(lines) - listed; more > 0 {
			lines = append(lines[:listed-1:listed-1], fmt.Sprintf("and %d more", more+1))
		}
		for i, line := range lines {
			if i > 0 {
				title = ""
			}
			text = append(text, fmt.Sprintf("%-8s %s", title, line))
		}
	}
	var lines []string
	for _, p := range plan.Devices {
		line := fmt.Sprintf("%-8s %s", p.Name, p.Driver)
		if wire := p.Wire; wire != "" {
			line += " on " + wire
		}
		lines = append(lines, line)
	}
	section("devices", lines)
	lines = nil
	for _, p := range plan.Agents {
		lines = append(lines, p.Pattern.String()+"  "+p.Kind)
	}
	section("agents", lines)
	if plan.Broker != nil {
		var at []string
		if plan.Broker.Listen != "" {
			at = append(at, "mqtt://"+plan.Broker.Listen)
		}
		if plan.Broker.TLS.Listen != "" {
			at = append(at, "mqtts://"+plan.Broker.TLS.Listen)
		}
		section("broker", at)
	}
	lines = nil
	for _, p := range plan.Uplinks {
		lines = append(lines, fmt.Sprintf("%-8s %s", p.Name, p.Kind))
	}
	section("uplinks", lines)
	if plan.Hub != nil {
		section("hub", []string{"edges appear below " + string(plan.Hub.Mount)})
	}
	section("data", []string{plan.Host.Data})
	section("WARP", []string{"warp://" + address})
	section("HTTP", []string{"http://" + address})
	section("try", e.tries(ctx, plan, h, d, address))
	for _, line := range text {
		fmt.Fprintln(e.out, printable(line))
	}
}

// tries are commands that work on this host as it stands.
func (e *env) tries(ctx context.Context, plan *config.Plan, h *host.Host, d *devices, address string) []string {
	command := programFor(address)
	var tries []string
	if node, lane, ok := watchable(plan, d); ok {
		tries = append(tries, fmt.Sprintf("%s watch %s %s", command, node, lane))
	}
	reading, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if node, lane, value, ok := settable(reading, plan, h, d.opened); ok {
		tries = append(tries, fmt.Sprintf("%s set %s %s %s", command, node, lane, value))
	}
	return append(tries, command+" ls")
}

// watchable picks a sensor and what it measures: one on a wire if that answers, else any that does.
func watchable(plan *config.Plan, d *devices) (node route.NodeURI, lane string, ok bool) {
	best, wired := "", false
	for _, p := range plan.Devices {
		driver, _ := device.Lookup(p.Driver)
		if driver.Sensor && (best == "" || !wired && p.Wire != "") {
			best, wired = p.Name, p.Wire != ""
		}
	}
	if best == "" {
		return "", "", false
	}
	node, lane = twin.Node(best), "status"
	for _, r := range d.opened {
		if len(r.Opened.Channels) > 0 && (r.Device == best || lane == "status") {
			node, lane = twin.Node(r.Device), r.Opened.Channels[0].Name
		}
	}
	return node, lane, true
}

// settable picks a lane that is there to be set: an agent's value lane with the name of a key of its
// config, or the command lane of an output that is there.
func settable(ctx context.Context, plan *config.Plan, h *host.Host, opened []device.Report) (node route.NodeURI, lane, value string, ok bool) {
	for _, p := range plan.Agents {
		for _, key := range keys(p.Config) {
			if p.URI == "" {
				continue
			}
			s, err := h.Read(ctx, p.URI, route.LaneName(key))
			if err != nil || s.Kind != agent.ValueKind || len(s.Events) == 0 {
				continue
			}
			v, err := recon.Parse(s.Events[0])
			if f, isNumber := v.Float(); err == nil && isNumber {
				return p.URI, key, recon.Float(f + 1).String(), true
			}
		}
	}
	for _, p := range plan.Devices {
		i := slices.IndexFunc(opened, func(r device.Report) bool { return r.Device == p.Name && r.Opened.Takes != nil })
		if i < 0 {
			continue
		}
		takes := opened[i].Opened.Takes
		examples := map[device.Form]string{
			device.Boolean: "true", device.Number: recon.Float((takes.Min + takes.Max) / 2).String(), device.Text: "hello",
		}
		return twin.Node(p.Name), "set", examples[takes.Form], true
	}
	return "", "", "", false
}

// keys are the names under which a config struct's fields stand in the file.
func keys(config any) []string {
	t := reflect.TypeOf(config)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		names = append(names, cmp.Or(name, strings.ToLower(f.Name)))
	}
	return names
}
