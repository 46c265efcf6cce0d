package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"selvage/edge/recon"
	"selvage/edge/route"
)

func (e *env) setCommand() *cobra.Command {
	var durable bool
	c := &cobra.Command{
		Use:   "set URI LANE VALUE",
		Short: "set a lane, or send it a command",
		Long: `Set sets a value lane, or sends a command to any lane. It returns when the host has taken the value
and, if the host is a Selvage, when it is on disk. With --durable it fails where nobody can say so: another
host than a Selvage is sent nothing, and a lane that is not remembered over a restart is set all the same.

VALUE is Recon: 21.5, true, warm, "two words", {a: 1, b: 2}. A map lane takes @update(key: K) V,
@remove(key: K) and @clear.`,
		Example: "  selvage set /room/air target 21.5",
		Args:    takes(3, 3),
		RunE: func(c *cobra.Command, args []string) error {
			return e.set(c.Context(), args[0], args[1], args[2], durable)
		},
	}
	c.Flags().BoolVar(&durable, "durable", false, "fail unless the value is on disk when this returns")
	return c
}

func (e *env) set(ctx context.Context, uri, lane, text string, durable bool) error {
	node, err := e.aimLane(uri, lane)
	if err != nil {
		return err
	}
	body, err := commandBody(text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	at, err := e.address()
	if err != nil {
		return err
	}
	path, _, err := route.Node(at.Path, node)
	if err != nil {
		return usagef("%w", err)
	}
	at.Scheme = map[string]string{"ws": "http", "wss": "https"}[at.Scheme]
	ours, err := e.isSelvage(ctx, at)
	switch {
	case err != nil:
		return err
	case ours && strings.HasPrefix(string(path), "/"):
		err = refusal(e.post(ctx, at, string(path), lane, body, durable), text)
	case durable:
		err = &trouble{fmt.Errorf("not set: %s is no Selvage host, and WARP does not say when a value is on disk", e.host), "leave --durable out"}
	default:
		err = e.commandAndBarrier(ctx, node, lane, body)
	}
	if err == nil && e.json {
		err = printJSON(e.out, recon.Field("node", recon.String(node)), recon.Field("lane", recon.String(lane)), recon.Field("done", recon.Bool(true)))
	}
	return err
}

// commandBody reads VALUE. Several words are a text although Recon wants quotes for them, as long
// as nothing in them could be a slip in something else.
func commandBody(text string) ([]byte, error) {
	v, err := recon.ParseString(text)
	if err == nil {
		return recon.Append(nil, v), nil
	}
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" .-_'!?", r) {
			return nil, &usageError{&trouble{fmt.Errorf("the value %s: %w", text, err), `a text with such signs stands in quotes: '"…"'`}}
		}
	}
	return recon.Append(nil, recon.String(strings.TrimSpace(text))), nil
}

// plainHTTP speaks to hosts directly, as the WebSocket side does, and keeps no connection.
var plainHTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// isSelvage asks the host's front page what it is. Any WARP host may answer what it likes.
func (e *env) isSelvage(ctx context.Context, at *url.URL) (bool, error) {
	a := attempt{host: e.host}
	resp, err := a.head(ctx, at)
	if err != nil {
		return false, a.explain(ctx, err)
	}
	return strings.HasPrefix(resp.Header.Get("Server"), "selvage/"), nil
}

// post sends the command over HTTP, which has an answer for it.
func (e *env) post(ctx context.Context, at *url.URL, path, lane string, body []byte, durable bool) error {
	to := at.Scheme + "://" + at.Host + path + "?lane=" + url.QueryEscape(lane)
	if durable {
		to += "&durable"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/recon")
	if err := e.authorize(req); err != nil {
		return err
	}
	resp, err := plainHTTP.Do(req)
	if err != nil {
		return fmt.Errorf("set %s %s: %w", path, lane, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	said := printable(strings.TrimSpace(string(answer)))
	err = fmt.Errorf("not set: %s", said)
	switch resp.StatusCode {
	case http.StatusInsufficientStorage:
		return errors.New(said) // that it is done, and not on disk
	case http.StatusNotFound:
		return &trouble{err, "see what there is: " + program() + " ls, " + program() + " ls URI"}
	}
	return err
}

// refusal says what may be wrong with a value that the host has refused.
func refusal(err error, text string) error {
	var told *trouble
	switch {
	case err == nil, errors.As(err, &told):
	case strings.TrimSpace(text) == "":
		return &trouble{err, `the value is empty; an empty text is '""'`}
	case strings.Contains(err.Error(), "want true or false"):
		return &trouble{err, "write true or false"}
	}
	return err
}

// commandAndBarrier sends the command over WARP, which has no answer for it, and syncs the lane: the
// synced comes after the command has had its effect.
func (e *env) commandAndBarrier(ctx context.Context, node, lane string, body []byte) error {
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close(closeNormal, "")
	if err := c.Command(node, lane, body); err != nil {
		return errors.Join(fmt.Errorf("set %s %s", node, lane), err)
	}
	_, err = state(ctx, c, node, lane)
	return err
}
