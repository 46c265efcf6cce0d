package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"selvage/edge/recon"
	"selvage/edge/store"
)

func (e *env) storeCommand() *cobra.Command {
	s := &storeCommands{env: e}
	c := &cobra.Command{
		Use:   "store",
		Short: "check, measure, compact, export or import what a host keeps on disk",
		Long: `Store works on the data folder of a host on this machine: that of --data, or of the config. Check, stats
and export may be used while the host runs; compact and import want it stopped.

Stats asks the host, too, if it runs: for how long commits take, what is written for each reading and in a day, and
how long the card lasts at that.`,
		RunE: func(_ *cobra.Command, args []string) error {
			err := errors.New("store what?")
			if len(args) > 0 {
				err = fmt.Errorf("there is no command store %q", args[0])
			}
			return &usageError{&trouble{err, "it is: selvage store check|stats|compact|export|import"}}
		},
	}
	c.PersistentFlags().StringVar(&s.data, "data", "", "the data folder (default that of the config)")
	c.PersistentFlags().StringVarP(&s.config, "config", "c", "", "the config file (default ./selvage.toml, else /etc/selvage/selvage.toml)")
	for _, sub := range []struct {
		use, short string
		args       int
		run        func(ctx context.Context, dir string, args []string) error
	}{
		{"check", "read everything, and say what is damaged", 0, s.check},
		{"stats", "say what is kept, and how much room it takes", 0, s.stats},
		{"compact", "give free room in the file back to the disk", 0, s.compact},
		{"export FILE", "write a backup to a new file", 1, s.export},
		{"import FILE", "put a backup in the place of what is there, which is set aside", 1, s.importFile},
	} {
		c.AddCommand(&cobra.Command{
			Use: sub.use, Short: sub.short, Args: takes(sub.args, sub.args),
			RunE: func(c *cobra.Command, args []string) error {
				s.aimed = c.Flags().Changed("host")
				dir, err := s.folder()
				if err != nil {
					return err
				}
				return sub.run(c.Context(), dir, args)
			},
		})
	}
	return c
}

type storeCommands struct {
	*env
	data, config string
	aimed        bool // the command line says which host
}

// folder returns the data folder that is meant.
func (s *storeCommands) folder() (string, error) {
	if s.data != "" {
		return s.data, nil
	}
	plan, _, err := s.load(s.config)
	if err != nil {
		return "", err
	}
	s.aimAt(plan.Host.Listen)
	return plan.Host.Data, nil
}

func (s *storeCommands) check(_ context.Context, dir string, _ []string) error {
	wrong, err := store.Check(dir)
	if err != nil {
		return err
	}
	if s.json {
		items := make([]recon.Item, len(wrong))
		for i, w := range wrong {
			items[i] = recon.Item{Value: recon.String(w)}
		}
		err = printJSON(s.out, recon.Field("wrong", recon.Record(items...)))
	} else if len(wrong) == 0 {
		_, err = fmt.Fprintf(s.out, "all that is kept in %s can be read\n", dir)
	}
	if err != nil || len(wrong) == 0 {
		return err
	}
	for _, w := range wrong {
		fmt.Fprintln(s.err, w)
	}
	return &trouble{
		fmt.Errorf("%s in %s cannot be read", count(len(wrong), "part"), dir),
		"the host saves what can be read when it starts the next time; a worn card wants replacing",
	}
}

func (s *storeCommands) stats(ctx context.Context, dir string, _ []string) error {
	u, err := store.Measure(dir)
	if err != nil {
		return err
	}
	now, silent := s.live(ctx, u.Epoch)
	if s.json {
		items := []recon.Item{
			recon.Field("epoch", recon.String(u.Epoch)), recon.Field("file", recon.Int(u.File)), recon.Field("log", recon.Int(u.Log)),
			recon.Field("free", recon.Int(u.Free)), recon.Field("nodes", recon.Int(u.Nodes)), recon.Field("lanes", recon.Int(u.Lanes)),
			recon.Field("values", recon.Int(u.Values)), recon.Field("entries", recon.Int(u.Entries)), recon.Field("points", recon.Int(u.Points)),
			recon.Field("packed", recon.Int(u.Packed)), recon.Field("blocks", recon.Int(u.Blocks)), recon.Field("rolled", recon.Int(u.Rolled)),
		}
		if now != nil {
			items = append(items, now.items()...)
		}
		return printJSON(s.out, items...)
	}
	bytes := func(n int64) string { return inBytes(float64(n), "B") }
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	rows := [][]string{
		{"folder", dir},
		{"file", bytes(u.File) + ", of which " + bytes(u.Free) + " are free"},
		{"log", bytes(u.Log)},
		{"agents", number(u.Nodes) + " with " + number(u.Lanes) + " lanes"},
		{"state", number(u.Values) + " values, " + number(u.Entries) + " entries"},
		{"history", history(u)},
		{"roll-ups", bytes(u.Rolled)},
		{"not sealed", count(int(u.Waiting), "commit") + ", " + bytes(u.WaitingBytes)},
		{"epoch", u.Epoch},
	}
	names := make([]string, 0, len(u.Cursors))
	for name := range u.Cursors {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rows = append(rows, []string{"confirmed", "by " + printable(name) + " up to number " + strconv.FormatUint(u.Cursors[name], 10)})
	}
	if silent != nil {
		why, _, _ := strings.Cut(silent.Error(), "\n")
		return printRows(s.out, append(rows, []string{"live", "nothing: " + printable(why) + "; what saving costs is told by a host that runs"}))
	}
	return printRows(s.out, append(rows, now.rows()...))
}

func history(u store.Usage) string {
	if u.Points == 0 {
		return "none"
	}
	return fmt.Sprintf("%d points in %s, %s (%.1f bytes each)", u.Points, count(int(u.Blocks), "block"),
		inBytes(float64(u.Packed), "B"), float64(u.Packed)/float64(u.Points))
}

func (s *storeCommands) compact(_ context.Context, dir string, _ []string) error {
	before, after, err := store.Compact(dir)
	if err != nil {
		return err
	}
	if s.json {
		return printJSON(s.out, recon.Field("before", recon.Int(before)), recon.Field("after", recon.Int(after)))
	}
	_, err = fmt.Fprintf(s.out, "%s took %s and takes %s\n", dir, inBytes(float64(before), "B"), inBytes(float64(after), "B"))
	return err
}

func (s *storeCommands) export(_ context.Context, dir string, args []string) error {
	if err := store.Export(dir, args[0]); err != nil || s.json {
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s has all of %s as of now; put it in place with: %s store import %s\n", args[0], dir, program(), args[0])
	return err
}

func (s *storeCommands) importFile(_ context.Context, dir string, args []string) error {
	aside, err := store.Import(dir, args[0])
	if err != nil || s.json {
		return err
	}
	if _, err = fmt.Fprintf(s.out, "%s has what %s has, as a store of its own\n", dir, args[0]); err == nil && aside != "" {
		_, err = fmt.Fprintf(s.out, "what was there before is %s\n", aside)
	}
	return err
}
