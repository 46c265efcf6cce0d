package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"selvage/edge/device"
	"selvage/edge/meta"
	"selvage/edge/peer"
	"selvage/edge/recon"
	"selvage/edge/route"
	"selvage/edge/twin"
)

func (e *env) devicesCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "devices [PATTERN]",
		Short: "print how the host's devices are, and what they measured last",
		Long: `Prints a line for each device, or for each whose URI matches a pattern, where * stands for one segment, and below
them what is wrong with those that are not well.

  STATE  ok, stale (nothing heard), lost (no answer), faulty (a wrong answer), and for how long it is so
  LAST   what it measured last that was good, or what an output does
  AGE    how old that is
  ON     its driver and its wire`,
		Example: "  selvage devices\n  selvage devices '/device/*' --json",
		Args:    takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			pattern := ""
			if len(args) > 0 {
				pattern = args[0]
			}
			return e.devices(c, path, pattern)
		},
	}
	configFlag(c, &path)
	return c
}

// deviceNow is how a device is, as its twin tells.
type deviceNow struct {
	node     string
	status   twin.Status
	info     twin.Info
	readings []device.NamedReading // of the lanes, in the order of the host
	newest   time.Time             // of these
	wrong    meta.Condition        // what the host says of it, if it does
}

func (e *env) devices(c *cobra.Command, path, pattern string) error {
	if !e.aimed(c) && path == "" {
		path, _ = findConfig()
	}
	if !e.aimed(c) && path != "" {
		plan, _, err := e.load(path)
		if err != nil {
			return err
		}
		if at, ok := hostAt(plan.Host.Listen); ok {
			e.host = at
		}
	}
	pattern, err := e.aim(pattern)
	if err != nil {
		return err
	}
	var glob *route.Glob
	if pattern != "" {
		g, err := route.ParseGlob(pattern)
		if err != nil {
			return &usageError{&trouble{err, "a pattern is a URI in which * stands for a segment, such as '/device/*'"}}
		}
		glob = &g
	}
	ctx, cancel := context.WithTimeout(c.Context(), psTime)
	defer cancel()
	reach, cancelReach := context.WithTimeout(ctx, answerTime)
	defer cancelReach()
	conn, err := e.dial(reach)
	if err != nil {
		return err
	}
	defer conn.Close(closeNormal, "")
	all, err := devicesOf(ctx, conn, glob)
	switch {
	case err != nil:
		return err
	case len(all) == 0 && pattern != "":
		return &trouble{fmt.Errorf("no device matches %s", printable(pattern)), "see them all: " + program() + " devices"}
	case len(all) == 0 && !e.json:
		return &trouble{errors.New("the host has no devices"), "see what is connected: " + program() + " scan"}
	}
	if e.json {
		return e.devicesJSON(all)
	}
	return e.devicesTable(all)
}

// devicesOf asks a host for its devices.
func devicesOf(ctx context.Context, c *peer.Conn, glob *route.Glob) (all []deviceNow, err error) {
	nodes, err := contentOf(ctx, c, "swim:meta:host", "nodes")
	if err != nil {
		return nil, err
	}
	conditions, err := contentOf(ctx, c, "/host", "conditions")
	if _, refused := isUnlinked(err); err != nil && !refused { // who may not see them sees the rest
		return nil, err
	}
	for _, it := range nodes.entries {
		node, _ := it.Key.Text()
		if !strings.Contains(", "+kinds(it.Value.Get("agents"))+",", ", twin,") || glob != nil && !glob.Match(route.NodeURI(node)) {
			continue
		}
		d, err := deviceAt(ctx, c, node)
		if u, gone := isUnlinked(err); gone && u.Reason == "nodeNotFound" {
			continue // it went meanwhile
		}
		if err != nil {
			return nil, err
		}
		for _, w := range conditions.entries {
			if code, _ := w.Key.Text(); code == "device."+strings.TrimPrefix(node, "/device/") {
				_ = recon.FromValue(w.Value, &d.wrong) // of another shape it is no news
			}
		}
		all = append(all, d)
	}
	return all, nil
}

// deviceAt asks a twin for all that it shows.
func deviceAt(ctx context.Context, c *peer.Conn, node string) (deviceNow, error) {
	d := deviceNow{node: node}
	lanes, err := contentOf(ctx, c, "swim:meta:node/"+route.Escape(node), "lanes")
	if err != nil {
		return d, err
	}
	for _, it := range lanes.entries {
		name, _ := it.Key.Text()
		kind, _ := it.Value.Get("laneType").Text()
		if kind != "value" || name == "desired" {
			continue
		}
		now, err := contentOf(ctx, c, node, name)
		if err != nil {
			return d, err
		}
		switch name {
		case "status":
			err = recon.FromValue(now.value, &d.status)
		case "info":
			err = recon.FromValue(now.value, &d.info)
		default:
			r, ok := readingOf(now.value)
			if !ok || r.IsZero() {
				continue
			}
			d.readings = append(d.readings, device.NamedReading{Channel: name, Reading: r})
			if at := r.At.Time(); at.After(d.newest) {
				d.newest = at
			}
		}
		if err != nil {
			return d, fmt.Errorf("%s %s: %w", node, name, err)
		}
	}
	return d, nil
}

// devicesColumns are the heads of the table.
var devicesColumns = []string{"DEVICE", "STATE", "LAST", ">AGE", "ON"}

func (e *env) devicesTable(all []deviceNow) error {
	rows := [][]string{devicesColumns}
	now := time.Now()
	for _, d := range all {
		state := string(d.status.State)
		if d.status.State != twin.OK && !d.status.Since.IsZero() {
			state += " " + age(max(now.Sub(d.status.Since), 0))
		}
		old := "-"
		if !d.newest.IsZero() {
			old = age(max(now.Sub(d.newest), 0))
		}
		rows = append(rows, []string{
			printable(strings.TrimPrefix(d.node, "/device/")), printable(state), printable(lastWords(d.readings)), old, printable(d.on()),
		})
	}
	if err := printTable(e.out, rows); err != nil {
		return err
	}
	for _, d := range all {
		if d.status.State == twin.OK && d.wrong.Text == "" {
			continue
		}
		text := d.wrong.Text
		if text == "" {
			text = d.status.Reason
		}
		if text == "" {
			continue
		}
		fmt.Fprintf(e.out, "\n! %s  %s\n", printable(strings.TrimPrefix(d.node, "/device/")), printable(text))
		if d.wrong.Remedy != "" {
			fmt.Fprintf(e.out, "  %s\n", printable(d.wrong.Remedy))
		}
	}
	return nil
}

// mostLast is how many readings of a device stand on its line.
const mostLast = 3

// lastWords are readings on a part of a line. A doubt is marked, and told by get.
func lastWords(rs []device.NamedReading) string {
	if len(rs) == 0 {
		return "-"
	}
	var parts []string
	for i, n := range rs {
		if i == mostLast {
			parts = append(parts, fmt.Sprintf("and %d more", len(rs)-mostLast))
			break
		}
		r := n.Reading
		doubt := ""
		if r.Quality == device.Uncertain {
			r.Quality, doubt = device.Good, " (uncertain)"
		}
		text := readingText(r) + doubt
		if n.Channel != "state" {
			text = n.Channel + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// on says by which driver and on which wire a device is.
func (d *deviceNow) on() string {
	text := d.info.Driver
	if d.info.Address != "" {
		text += " " + d.info.Address
	}
	if d.info.Wire != "" {
		text += " on " + d.info.Wire
	}
	return text
}

func (e *env) devicesJSON(all []deviceNow) error {
	type jsonReading struct {
		Value   any         `json:"value,omitempty"`
		Unit    device.Unit `json:"unit,omitempty"`
		At      *time.Time  `json:"at,omitempty"`
		Quality string      `json:"quality"`
		Reason  string      `json:"reason,omitempty"`
	}
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	for _, d := range all {
		readings := map[string]jsonReading{}
		for _, n := range d.readings {
			r := jsonReading{Unit: n.Reading.Unit, At: moment(n.Reading.At.Time()), Quality: n.Reading.Quality.String(), Reason: n.Reading.Reason}
			if !n.Reading.Bad() {
				r.Value = plainValue(n.Reading.Form, n.Reading.Value, n.Reading.Text)
			}
			readings[n.Channel] = r
		}
		err := enc.Encode(struct {
			Node     string                 `json:"node"`
			State    twin.State             `json:"state"`
			Reason   string                 `json:"reason,omitempty"`
			Since    *time.Time             `json:"since,omitempty"`
			LastGood *time.Time             `json:"lastGood,omitempty"`
			Remedy   string                 `json:"remedy,omitempty"`
			Driver   string                 `json:"driver,omitempty"`
			Wire     string                 `json:"wire,omitempty"`
			Address  string                 `json:"address,omitempty"`
			Model    string                 `json:"model,omitempty"`
			Serial   string                 `json:"serial,omitempty"`
			Readings map[string]jsonReading `json:"readings"`
		}{
			d.node, d.status.State, d.status.Reason, moment(d.status.Since), moment(d.status.LastGood), d.wrong.Remedy,
			d.info.Driver, d.info.Wire, d.info.Address, d.info.Model, d.info.Serial, readings,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
