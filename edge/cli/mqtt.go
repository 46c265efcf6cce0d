package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"selvage/edge/config"
	"selvage/uplink"
)

func (e *env) mqttCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "mqtt",
		Short: "look what an MQTT broker has",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{&trouble{errors.New("do what with the broker?"), "it is: selvage mqtt listen [TOPIC] --url mqtt://BROKER"}}
		},
	}
	c.AddCommand(e.mqttListenCommand())
	return c
}

func (e *env) mqttListenCommand() *cobra.Command {
	l := listening{env: e}
	c := &cobra.Command{
		Use:   "listen [TOPIC]",
		Short: "show what arrives on a broker, what devices it looks like, and the config that takes it in",
		Long: `Shows what is published on a broker, until Ctrl-C or --for; on all topics, or on those that TOPIC stands for, in which
+ stands for a level and # for all below. Then it tells what was there, and writes the lines of a config for it.

It connects as a client of its own, which takes nothing away from others and leaves nothing behind. The broker is that
of a table [uplink.NAME] of the config, with its user and certificates, or one that wants no user, by --url. The units
that it writes are those of which the names leave no doubt: look through the lines, and name the others.`,
		Example: "  selvage mqtt listen --url mqtt://192.0.2.10\n  selvage mqtt listen 'garden/#' --uplink broker --for 1m",
		Args:    takes(0, 1),
		RunE:    func(c *cobra.Command, args []string) error { return l.run(c.Context(), args) },
	}
	configFlag(c, &l.config)
	c.Flags().StringVar(&l.url, "url", "", "where the broker is, such as mqtt://192.0.2.10")
	c.Flags().StringVar(&l.uplink, "uplink", "", "listen at the broker of this table [uplink.NAME]")
	c.Flags().DurationVar(&l.limit, "for", 0, "how long to listen; until Ctrl-C unless given")
	return c
}

// listening is one call of the command.
type listening struct {
	*env
	config, url, uplink string
	limit               time.Duration
}

func (l *listening) run(ctx context.Context, args []string) error {
	at, err := l.listener()
	if err != nil {
		return err
	}
	if l.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.limit)
		defer cancel()
	}
	filter := "#"
	if len(args) > 0 {
		filter = strings.TrimSpace(args[0])
	}
	found, err := at.Listen(ctx, uplink.Listening{
		Name: l.name(), URL: l.url, Filter: filter, Heard: l.heard,
		Up: func() {
			if !l.json {
				fmt.Fprintf(l.err, "connected; Ctrl-C ends, and tells what was there\n")
			}
		},
	})
	if len(found.Groups) > 0 {
		l.tell(found)
	} else if err == nil && !l.json {
		fmt.Fprintf(l.err, "nothing came; what is published once an hour shows only after an hour\n")
	}
	if fault := (*uplink.Fault)(nil); errors.As(err, &fault) {
		return &trouble{err, fault.Remedy}
	}
	return err
}

// listener finds the broker.
func (l *listening) listener() (uplink.Listener, error) {
	switch {
	case l.url != "" && l.uplink != "":
		return nil, usagef("name the broker by --url or by --uplink")
	case l.url != "":
		kind, _ := uplink.Lookup("mqtt")
		if at, ok := kind.Defaults.(uplink.Listener); ok {
			return at, nil
		}
		return nil, errors.New("this program was built without MQTT")
	}
	plan, path, err := l.load(l.config)
	if err != nil {
		return nil, err
	}
	return l.among(plan, path)
}

// among finds the broker in a config: the one that is named, or the only one.
func (l *listening) among(plan *config.Plan, path string) (at uplink.Listener, err error) {
	var names []string
	for _, u := range plan.Uplinks {
		can, ok := u.Config.(uplink.Listener)
		if !ok {
			continue
		}
		names = append(names, u.Name)
		if l.uplink == "" || l.uplink == u.Name {
			at = can
		}
	}
	switch {
	case len(names) == 0:
		return nil, &trouble{fmt.Errorf("%s has no broker", path), "name one: " + program() + " mqtt listen --url mqtt://BROKER"}
	case l.uplink == "" && len(names) > 1:
		return nil, &usageError{&trouble{errors.New("which broker?"), "name one by --uplink: " + strings.Join(names, ", ")}}
	case at == nil:
		return nil, &trouble{fmt.Errorf("there is no broker [uplink.%s] in %s", printable(l.uplink), path), "there is " + strings.Join(names, ", ")}
	case l.uplink == "":
		l.uplink = names[0]
	}
	return at, nil
}

// name is what the uplink is called in the lines for the config.
func (l *listening) name() string {
	if l.uplink != "" {
		return l.uplink
	}
	return "broker"
}

// heard prints a message.
func (l *listening) heard(m uplink.Heard) {
	if l.json {
		_ = json.NewEncoder(l.out).Encode(struct {
			At       string `json:"at"`
			Topic    string `json:"topic"`
			Payload  string `json:"payload"`
			Retained bool   `json:"retained,omitempty"`
			Family   string `json:"family,omitempty"`
		}{m.At.UTC().Format(time.RFC3339Nano), m.Topic, string(m.Payload), m.Retained, m.Family})
		return
	}
	line := m.At.Format("15:04:05") + "  " + visible(m.Topic, 200) + "  " + visible(string(m.Payload), 60)
	if m.Retained {
		line += "  retained"
	}
	if m.Family != "" {
		line += "  " + m.Family
	}
	fmt.Fprintln(l.out, line)
}

// visible is text on one line of a terminal: what could do something to it is written as Go writes it.
func visible(text string, most int) string {
	if len(text) > most {
		for most > 0 && !utf8.RuneStart(text[most]) {
			most--
		}
		return visible(text[:most], most) + "…"
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// tell prints what was found.
func (l *listening) tell(found uplink.Found) {
	if l.json {
		_ = json.NewEncoder(l.out).Encode(struct {
			Config string `json:"config"`
		}{found.Config})
		return
	}
	fmt.Fprintln(l.out)
	for _, g := range found.Groups {
		if g.Family { // of the others the config speaks
			fmt.Fprintf(l.out, "# %s: %s\n", g.Name, g.Said)
		}
	}
	if found.Left > 0 {
		fmt.Fprintf(l.out, "# and %d messages on more topics than are remembered\n", found.Left)
	}
	fmt.Fprintln(l.out)
	if l.url != "" {
		fmt.Fprintf(l.out, "[uplink.%s]\nkind = \"mqtt\"\nurl = %s\n", l.name(), strconv.Quote(l.url))
	} else {
		fmt.Fprintf(l.out, "# behind the lines of [uplink.%s]:\n", l.name())
	}
	fmt.Fprint(l.out, found.Config)
}
