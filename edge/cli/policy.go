package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"selvage/edge/config"
	"selvage/edge/policy"
	"selvage/edge/recon"
)

func (e *env) hashCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash",
		Short: "ask for a password and print its hash, for the config",
		Long: `Hash asks for a password twice, or reads one line from stdin if that is no terminal, and prints the hash
that stands in the config for it:

  [policy.user.anna]
  password = "pbkdf2-sha256$…"`,
		Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return e.hash(c.Context(), os.Stdin) },
	}
}

func (e *env) hash(ctx context.Context, in *os.File) error {
	text, err := e.askPassword(ctx, in)
	if err != nil {
		return err
	}
	p, err := policy.NewPassword(text)
	if err != nil {
		return err
	}
	if e.json {
		return printJSON(e.out, recon.Field("password", recon.String(p.String())))
	}
	_, err = fmt.Fprintln(e.out, p)
	return err
}

// askPassword asks for a password on a terminal, and takes a line from anything else.
func (e *env) askPassword(ctx context.Context, in *os.File) (string, error) {
	show, err := hideTyping(in)
	if err != nil {
		return readLine(bufio.NewReader(in))
	}
	defer show()
	type answer struct {
		first, second string
		err           error
	}
	answers := make(chan answer, 1)
	go func() { // what is typed cannot be given up waiting for
		var a answer
		typed := bufio.NewReader(in)
		fmt.Fprint(e.err, "Password: ")
		if a.first, a.err = readLine(typed); a.err == nil {
			fmt.Fprint(e.err, "\nOnce more: ")
			a.second, a.err = readLine(typed)
		}
		answers <- a
	}()
	defer fmt.Fprintln(e.err)
	select {
	case <-ctx.Done():
		return "", errors.New("interrupted")
	case a := <-answers:
		if a.err == nil && a.first != a.second {
			a.err = errors.New("the two are not the same")
		}
		return a.first, a.err
	}
}

// readLine reads a line without its end.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil && (err != io.EOF || line == "") {
		return "", fmt.Errorf("no password was given: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (e *env) tokenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "token NAME",
		Short: "make a token for a program, and the lines for the config",
		Long: `Token makes a token, which a program shows in place of a name and password. The token goes to stdout and
is kept nowhere: put it where the program looks for it. The lines for the config, which have only its
hash, go to stderr.`,
		Example: "  selvage token dashboard > dashboard.token",
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !config.IsUser(args[0]) {
				return &usageError{&trouble{fmt.Errorf("a user's name has small letters, digits and - only, got %q", args[0]), "for instance: " + program() + " token dashboard"}}
			}
			secret, hash := policy.NewToken()
			if e.json {
				return printJSON(e.out, recon.Field("token", recon.String(secret)), recon.Field("hash", recon.String(hash.String())))
			}
			fmt.Fprintf(e.err, "[policy.user.%s]\ntoken = %q\nroles = []\n", args[0], hash)
			_, err := fmt.Fprintln(e.out, secret)
			return err
		},
	}
}
