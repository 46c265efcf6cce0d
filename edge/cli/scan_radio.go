package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"selvage/edge/device"
	"selvage/edge/device/scan"
)

const (
	// listenFor is a few rounds of sensors that speak every two to ten seconds, as most do.
	listenFor = 12 * time.Second
	// strangersMost is how many devices that no driver knows are listed: a house has dozens of telephones and lamps.
	strangersMost = 8
)

// kindOfWire is what a wire is that somebody names.
func kindOfWire(wire string) string {
	if _, name, ok := strings.Cut(wire, ":"); ok {
		wire = name
	}
	if strings.HasPrefix(wire, "hci") || wire == "ble" { // simulated ones are called like their driver, too
		return "bluetooth"
	}
	return "i2c"
}

// radio listens who is heard through a Bluetooth adapter.
func (s *scanner) radio(ctx context.Context, t scan.Thing) error {
	if !s.json {
		s.heading(t.Where, t.What)
		s.remark("  who is heard within %v:", listenFor)
	}
	found, err := device.ScanRadio(ctx, t.Where, listenFor)
	if err != nil && ctx.Err() == nil {
		told := inTrouble(err)
		if !s.json {
			s.remark("%s cannot be scanned: %v", t.Where, told)
		}
		return &cannotScan{fmt.Errorf("%s cannot be scanned: %w", t.Where, told)}
	}
	if ctx.Err() != nil {
		return nil
	}
	if len(found) == 0 && !s.json {
		s.remark("  nobody is heard; if a sensor is near: its battery, and the adapter's antenna")
	}
	strangers := 0
	for _, f := range found {
		if f.Driver == "" {
			if strangers++; strangers > strangersMost && !s.json {
				continue
			}
		}
		if err := s.inReach(t.Where, f); err != nil {
			return err
		}
	}
	if more := strangers - strangersMost; more > 0 && !s.json {
		s.remark("  and %d more that no driver here knows", more)
	}
	return nil
}

// inReach tells of one who was heard.
func (s *scanner) inReach(adapter string, f device.InReach) error {
	configured := ""
	if s.plan != nil {
		for _, d := range s.plan.Devices {
			if d.Wire == adapter && strings.EqualFold(d.Place(), f.Address.String()) {
				configured = d.Name
			}
		}
	}
	table := ""
	if f.Driver != "" && configured == "" {
		table = s.table(f.Driver, adapter, strconv.Quote(f.Address.String()), nil)
		if f.Secret {
			table += "# bindkey = \"file:/path/to/its/key\"\n"
		}
	}
	if s.json {
		return s.line(foundLine{
			Kind: "bluetooth", Where: adapter, Address: f.Address.String(), What: f.Model, Name: f.Name, Signal: f.Signal,
			Secret: f.Secret, Driver: f.Driver, Configured: configured, Config: table,
		})
	}
	who := f.Model
	switch {
	case f.Driver == "" && f.Random:
		who = "somebody whom no driver here knows, under an address that changes"
	case f.Driver == "":
		who = "somebody whom no driver here knows"
	}
	if f.Name != "" {
		who += fmt.Sprintf(", calls itself %q", f.Name)
	}
	if f.Secret {
		who += ", encrypts what it says: its key is needed"
	}
	if configured != "" {
		who = fmt.Sprintf("[device.%s] of the config: %s", configured, who)
	}
	s.remark("  %v  %d dBm  %s", f.Address, f.Signal, who)
	if table != "" {
		s.paste(table)
	}
	return nil
}
