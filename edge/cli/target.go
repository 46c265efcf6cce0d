package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"selvage/edge/config"
	"selvage/edge/device"
	"selvage/edge/store"
)

// target is the device that a command is about: of a host that runs, or of a config of which none does.
type target struct {
	name string
	live bool         // a host has it, and is reached at env.host
	spec *device.Spec // otherwise
	path string       // of the config, "" if none was read
	busy string       // who runs a host on that config that cannot be reached at the address there, "" for nobody
}

// reachTime bounds how long a command looks whether a host runs.
const reachTime = time.Second

// target finds a device by its name: at the host of the command line, at the one that runs on the config, or, if none
// does, in the config.
func (e *env) target(ctx context.Context, c *cobra.Command, path, name string) (t target, err error) {
	t.name = strings.TrimPrefix(name, "/device/")
	if t.live = e.aimed(c); t.live {
		return t, nil
	}
	plan, path, err := e.load(path)
	if err != nil && path == "" {
		if t.live = e.answers(ctx); t.live {
			return t, nil
		}
		return t, err
	}
	if err != nil {
		return t, err
	}
	t.path = path
	if at, ok := hostAt(plan.Host.Listen); ok {
		e.host = at
		if t.live = e.answers(ctx); t.live {
			return t, nil
		}
	}
	t.busy = store.InUse(plan.Host.Data)
	i := slices.IndexFunc(plan.Devices, func(d config.Device) bool { return d.Name == t.name })
	if i < 0 {
		return t, noDevice(t.name, path, plan)
	}
	t.spec = &plan.Devices[i].Spec
	return t, nil
}

func noDevice(name, path string, plan *config.Plan) error {
	var names []string
	for _, d := range plan.Devices {
		names = append(names, d.Name)
	}
	try := "it has none; see what is connected: " + program() + " scan"
	if len(names) > 0 {
		try = "it has " + strings.Join(names, ", ")
	}
	return &trouble{fmt.Errorf("there is no device %s in %s", printable(name), path), try}
}

// aimed tells whether the command line, or the environment, says which host is meant.
func (e *env) aimed(c *cobra.Command) bool {
	return c.Flags().Changed("host") || os.Getenv("SELVAGE_HOST") != ""
}

// hostAt is how the host is reached that listens at an address of a config.
func hostAt(listen string) (at string, ok bool) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return "", false
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "warp://" + net.JoinHostPort(host, port), true
}

// answers tells whether anybody answers at the host's address.
func (e *env) answers(ctx context.Context) bool {
	at, err := url.Parse(e.host)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", at.Host)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// inTheWay is an error if a host that cannot be reached has the wire of the device, and may not be disturbed there.
func (t *target) inTheWay() error {
	driver, _ := device.Lookup(t.spec.Driver)
	if t.busy == "" || driver.Wire != device.Serial && driver.Wire != device.Pin {
		return nil
	}
	return &trouble{
		fmt.Errorf("a host runs on %s (%s) and has the %s %s for itself", t.path, t.busy, driver.Wire.Key(), t.spec.Wire),
		fmt.Sprintf("ask that host: %s --host warp://HOST:PORT …; or stop it", program()),
	}
}
