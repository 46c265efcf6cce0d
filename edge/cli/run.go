package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"selvage/edge/clock"
	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/far"
	"selvage/edge/health"
	"selvage/edge/host"
	"selvage/edge/hub"
	"selvage/edge/meta"
	"selvage/edge/peer"
	"selvage/edge/policy"
	"selvage/edge/store"
	"selvage/edge/web"
)

func (e *env) runCommand() *cobra.Command {
	var path string
	var watch bool
	c := &cobra.Command{
		Use:   "run",
		Short: "run a host until Ctrl-C",
		Long: `Run runs a host until Ctrl-C or SIGTERM.

After a change of its config file, "selvage reload" or SIGHUP has the host take it over without a
restart; with --watch it does so by itself. Files that the config names, such as a password_file or
token_file, are read again then, but not watched. Only a reload that was asked for takes away a whole
[policy], and none takes away everything: a file that asks for nothing is refused.`,
		Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if e.json {
				return &usageError{&trouble{errors.New("run has no --json: it prints for people"), "for programs: " + program() + " watch URI LANE --json, once it runs"}}
			}
			plan, path, err := e.load(path)
			if err != nil {
				return err
			}
			return e.run(c.Context(), plan, path, watch)
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&watch, "watch", false, "load the config file again whenever it changes")
	c.Flags().CountVarP(&e.verbose, "verbose", "v", "log what happens to stderr; -vv logs more")
	return c
}

// run starts everything in order, waits for ctx to end, and stops everything in reverse.
func (e *env) run(ctx context.Context, plan *config.Plan, path string, watch bool) (err error) {
	file := newWatched(path)
	var started stops
	defer func() { err = errors.Join(err, started.stop()) }()
	calls := listenForCalls()
	started.add(func(context.Context) error { calls.stop(); return nil })

	log := e.logger()
	board := health.NewBoard()
	clk := clock.System()
	showing := showConditions(e.err, board)
	started.add(func(context.Context) error { showing.stop(); return nil })

	kept, err := store.Open(store.Options{Dir: plan.Host.Data, Commit: plan.Host.Commit, History: int64(plan.Host.History), Identity: identity(plan.Host.Name), Clock: clk, Health: board, Log: log})
	if err != nil {
		return &trouble{err, "that folder is data in the table [host] of " + path}
	}
	kept.SetRules(rules(plan.History))
	started.add(func(context.Context) error { return kept.Close() })

	door, err := web.Listen(plan.Host.Listen)
	if err != nil {
		return cannotListen(err, plan.Host.Listen, path)
	}
	started.add(func(context.Context) error { door.Close(); return nil })

	reporting, stopReports := context.WithCancel(context.Background())
	defer stopReports()
	h := host.New(host.Options{Name: plan.Host.Name, Clock: clk, Health: board, Log: log, Store: kept, MaxRouted: plan.Host.Agents, Pending: int(plan.Host.WARP.Pending), Passivate: plan.Host.Passivate, Budget: plan.Host.Turn})
	others := far.Add(h)
	started.add(half(func(ctx context.Context) error { others.Stop(ctx); return nil })) // after the agents, whose last commands it sends
	d := &devices{host: h, twins: map[string]*twinHandle{}, first: make(chan device.Report, len(plan.Devices)), ctx: reporting}
	d.manager = device.NewManager(device.Options{Clock: clk, Health: board, Log: log, Report: d.report, LastGood: d.lastGood})
	d.manager.SetLines(plan.Lines())
	started.add(func(context.Context) error { return d.manager.Stop(context.Background()) }) // has its own bound
	started.add(func(ctx context.Context) error {
		err := h.Stop(ctx)
		stopReports() // nobody takes them any more
		return err
	})
	h.Views(d.recordings)
	r := newRunning(e, path, plan, h, d)
	r.meter = newMeter(plan.Host.Data, kept)
	if _, err := h.Add(wearNode, host.Things, r.meter.Kind(), plan.Wear); err != nil {
		return err
	}

	if err := d.add(plan.Devices); err != nil {
		return e.orFaults(err)
	}
	if err := r.addAgents(plan.Agents); err != nil {
		return e.orFaults(err)
	}
	h.Resume()
	started.add(watchClock(clk, log))
	address := door.Addr().String()
	listAll := programFor(address) + " get /host conditions"
	showing.all.Store(&listAll)
	info := meta.Info{Name: plan.Host.Name, Version: version, Started: time.Now(), URI: "warp://" + address}
	if err := meta.Add(h, info, r.lanes, r.saving); err != nil {
		return err
	}
	limits := peer.DefaultLimits
	limits.Message, limits.Links = int64(plan.Host.WARP.Message), plan.Host.WARP.Links
	served := web.Options{
		Host: h, Version: version, Log: log, Connections: plan.Host.WARP.Connections,
		Peer: peer.Options{Limits: limits, Compress: plan.Host.WARP.Compress,
			Dropped: func(_ *peer.Link, n uint64) { board.Add("event.dropped", int64(n)) }},
		Metrics: []func(*web.Metrics){r.uplinks.metrics, r.broker.metrics, r.wearMetrics},
	}
	if served.Policy, err = policy.New(plan.Policy); err != nil {
		return err
	}
	r.uplinks.policy.Store(served.Policy)
	if plan.Hub != nil {
		if served.Peer.Server, err = hub.New(h, plan.Hub.Mount); err != nil {
			return err
		}
	}
	if err := r.uplinks.openAll(plan.Uplinks); err != nil {
		return e.orFaults(err)
	}
	r.broker.keep(keepers(plan.Broker, r.uplinks.all()))
	started.add(half(r.broker.stop))
	if err := r.broker.set(ctx, plan.Broker); err != nil {
		return err
	}
	d.manager.Start()
	d.await(ctx)
	r.server = web.Start(door, served)
	started.add(half(r.server.Stop))
	started.add(r.uplinks.stop)
	for _, w := range r.uplinks.all() {
		w.Start()
	}

	e.greet(ctx, plan, h, d, address)
	r.serve(ctx, calls, file, watch)
	return nil
}

// watchClock has agents told when the wall clock is set.
func watchClock(clk *clock.Clock, log *slog.Logger) (stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := clk.Watch(ctx); err != nil {
			log.Warn("alarms of agents do not follow steps of the clock", "err", err)
		}
	}()
	return func(context.Context) error {
		cancel()
		<-ended
		return nil
	}
}

func (e *env) logger() *slog.Logger {
	level := slog.LevelWarn
	switch {
	case e.verbose == 1:
		level = slog.LevelInfo
	case e.verbose > 1:
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: level}))
}

// orFaults prints faults that were found after the config was read.
func (e *env) orFaults(err error) error {
	var faults config.Faults
	if errors.As(err, &faults) {
		return e.printFaults(faults)
	}
	return err
}

func cannotListen(err error, address, path string) error {
	port := address[strings.LastIndex(address, ":")+1:]
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &trouble{err, fmt.Sprintf("another selvage may run; see who it is: ss -ltnp 'sport = :%s'\n  then stop that one, or change listen in %s", port, path)}
	case errors.Is(err, syscall.EACCES):
		return &trouble{err, fmt.Sprintf("ports below 1024 are not for everyone; set another one as listen in %s", path)}
	}
	return &trouble{err, "this machine has no such address; change listen in " + path}
}

// stops is what has been started and how each of it is stopped.
type stops []func(context.Context) error

func (s *stops) add(stop func(context.Context) error) { *s = append(*s, stop) }

// Connections and agents may take stopTime together. After them, however long they took, outputs
// get into their safe state and the store makes its last commit. All of it is to take less than 2 s.
const stopTime = 800 * time.Millisecond

// half is stop with half of the time it is given, so that what is stopped after it, with the rest,
// has a turn whatever becomes of it.
func half(stop func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if end, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Until(end)/2)
			defer cancel()
		}
		return stop(ctx)
	}
}

// stop stops everything, the last started first, also after one of them failed.
func (s *stops) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	var err error
	for i := len(*s) - 1; i >= 0; i-- {
		err = errors.Join(err, (*s)[i](ctx))
	}
	return err
}
