package device

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Recognized is who an advertisement is of.
type Recognized struct {
	Name   string // that it gives itself; may be empty
	Model  string
	Secret bool // what it says is encrypted
}

// Recognizer is the Config of a driver that knows who is heard.
type Recognizer interface {
	// Recognize says who it is, and whether the driver can read it, given its key.
	Recognize(a Advert) (r Recognized, known bool)
}

// InReach is a device that was heard in a scan.
type InReach struct {
	Recognized
	Address RadioAddress
	Random  bool
	Signal  int    // the strongest, in dBm
	Times   int    // heard
	Driver  string // of ours that reads it; "" for a stranger
}

// inReachMost is how many devices a scan keeps. Of more, which a station at rush hour has, strangers are forgotten.
const inReachMost = 256

// ScanRadio listens for a while and returns who was heard: those that a driver knows first, then the strongest.
func ScanRadio(ctx context.Context, name string, within time.Duration) ([]InReach, error) {
	radio, err := OpenRadio(ctx, name)
	if err != nil {
		return nil, err
	}
	defer radio.Close()
	var drivers []Driver
	for _, name := range Names() {
		if d, _ := Lookup(name); d.Wire == Radio {
			drivers = append(drivers, d)
		}
	}
	all := map[RadioAddress]*InReach{}
	stop := radio.Hear(RadioAddress{}, func(a Advert) {
		f := all[a.From]
		if f == nil {
			f = &InReach{Address: a.From, Random: a.Random, Signal: -128}
			if len(all) >= inReachMost && !forgetStranger(all) {
				return
			}
			all[a.From] = f
		}
		f.Times++
		if a.Signal != SignalUnknown {
			f.Signal = max(f.Signal, a.Signal)
		}
		for _, d := range drivers {
			k, ok := d.Defaults.(Recognizer)
			if !ok {
				continue
			}
			r, known := k.Recognize(a)
			if r.Name != "" {
				f.Name = r.Name
			}
			if known && (f.Driver == "" || f.Secret && !r.Secret) {
				f.Driver, f.Model, f.Secret = d.Name, r.Model, r.Secret
			}
		}
	})
	err = Wait(ctx, within)
	stop()
	if err == nil {
		err = radio.Err()
	}
	found := make([]InReach, 0, len(all))
	for _, f := range all {
		found = append(found, *f)
	}
	slices.SortFunc(found, func(a, b InReach) int {
		return cmp.Or(-cmp.Compare(known(a), known(b)), -cmp.Compare(a.Signal, b.Signal), slices.Compare(a.Address[:], b.Address[:]))
	})
	return found, err
}

func known(f InReach) int {
	if f.Driver != "" {
		return 1
	}
	return 0
}

// forgetStranger makes room for one more.
func forgetStranger(all map[RadioAddress]*InReach) bool {
	for address, f := range all {
		if f.Driver == "" {
			delete(all, address)
			return true
		}
	}
	return false
}
