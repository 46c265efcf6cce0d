// Package ble is for Bluetooth LE sensors that tell what they measure in their advertisements: BTHome, RuuviTag,
// Xiaomi's thermometers with their own firmware or another (ATC, pvvx), Govee, Sensirion, SwitchBot, Qingping, Inkbird,
// and some thirty more. Nothing is connected or paired: they are heard, through any adapter of Linux, without BlueZ.
//
// Wiring: none; ten metres through a wall or two. What is in reach, and the lines for it: selvage scan. Ranges and
// resolution are those of the sensor. Of an encrypted one (Xiaomi, BTHome) the key is needed.
//
// A sensor speaks every second to every ten minutes, or only when something happens; some only answer to active = true,
// which has the adapter ask for the second half of an advertisement. How they speak is in drivers/ble/advert, how they
// are heard in drivers/ble/hci.
package ble

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"selvage/drivers/ble/advert"
	_ "selvage/drivers/ble/hci" // which opens the adapters
	"selvage/edge/device"
	"selvage/edge/secret"
)

func init() { device.RegisterHeard("ble", Config{Silence: 5 * time.Minute}, Open) }

// Config is one [device.…] table of the host file.
type Config struct {
	_       struct{}            `doc:"A Bluetooth LE sensor that is heard: thermometers, plant sensors, contacts, buttons of some forty makers." example:"balcony"`
	Address device.RadioAddress `toml:"address" doc:"its address, as selvage scan tells" example:"A4:C1:38:12:34:56"`
	Bindkey secret.Place        `toml:"bindkey" doc:"where the key of one that encrypts is, 32 digits (with old ones of Xiaomi 24): file:/path or env:NAME" example:"file:/etc/selvage/balcony.key"`
	Active  bool                `toml:"active" doc:"whether the adapter asks for the second half of advertisements, which some need (Inkbird, SwitchBot, Govee), and which costs their batteries"`
	Silence time.Duration       `toml:"silence" doc:"how long it may say nothing before it is lost; 0s is for ever, for a button or contact that only tells of changes"`
}

// Check names what cannot work.
func (c Config) Check(fault func(key, problem, remedy string)) {
	if c.Address.IsZero() {
		fault("address", "it has no address", `add address = "A4:C1:38:12:34:56"; who is in reach: selvage scan`)
	}
	if c.Bindkey.IsPlain() {
		fault("bindkey", "bindkey is not where to find one", `put the key into a file and write "file:/path/to/it", or "env:NAME" for a variable of the environment`)
	}
	if c.Silence < 0 || c.Silence > 0 && c.Silence < 10*time.Second {
		fault("silence", fmt.Sprintf("a sensor may well be silent for %v", c.Silence), `use "5m", or "0s" for ever`)
	}
}

// Recognize says who is heard, for a scan.
func (Config) Recognize(a device.Advert) (device.Recognized, bool) {
	p, err := advert.Decode(a.From, a.Data, nil)
	r := device.Recognized{Name: advert.Parse(a.Data).Name, Model: model(p)}
	r.Secret = errors.Is(err, advert.ErrNeedsKey)
	return r, err == nil && len(p.Measures) > 0 || r.Secret
}

const (
	queueMost    = 16               // samples that wait to be read; of more the oldest are forgotten
	channelsMost = 64               // that one device may have: anybody can send under its address
	afterGood    = 30 * time.Second // how long a packet that cannot be read means nothing after one that could
	firstWithin  = time.Minute      // how long a sensor that was never heard is waited for
	sameWithin   = 5 * time.Second  // how far apart the repetitions of one packet without a number are at most
	countAnew    = 100              // a counter below this has begun anew
)

// Dev is one sensor. The adapter's goroutine brings what is heard, its owner's reads it.
type Dev struct {
	radio device.RadioBus
	c     Config
	key   []byte
	stop  func()

	mu      sync.Mutex
	ask     func()
	every   time.Duration
	opened  time.Time
	good    time.Time // when something was heard that could be read
	read    time.Time // when that was read
	signal  int       // of the last
	battery float64   // as told last; negative if never

	who      advert.Packet    // who it is, without measures
	channels []device.Channel // the first is rssi
	learned  bool
	queue    []device.Sample
	pending  device.Sample
	flags    map[string]float64 // what contacts were last

	trouble error // why what is heard cannot be read
	once    once
	count   int64 // of encrypted packets, -1 before the first
	closed  bool
}

// once knows a packet that was heard before.
type once struct {
	family string
	id     int64
	data   []byte
	at     time.Time
}

// Open begins to hear a sensor. It does not wait for it.
func Open(ctx context.Context, radio device.RadioBus, c Config) (*Dev, error) {
	d := &Dev{
		radio: radio, c: c, ask: func() {}, every: device.DefaultEvery, opened: time.Now(), flags: map[string]float64{},
		once: once{id: -1}, count: -1, battery: -1,
	}
	if err := radio.Err(); err != nil {
		return nil, err
	}
	var err error
	if d.key, err = c.key(); err != nil {
		return nil, err
	}
	if a, ok := radio.(interface{ Active(context.Context) error }); ok && c.Active {
		if err := a.Active(ctx); err != nil {
			return nil, err
		}
	}
	signal, _ := advert.Channel("rssi")
	d.channels = []device.Channel{signal}
	d.stop = radio.Hear(c.Address, d.hear)
	return d, nil
}

// key reads the key. What is wrong with it is told without it.
func (c Config) key() ([]byte, error) {
	text, err := c.Bindkey.Read()
	if err != nil {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the bindkey of %v cannot be read", c.Address),
			Remedy: "check the file or variable that bindkey names, and that selvage may read it",
			Err:    err,
		}
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != 0 && len(key) != 16 && len(key) != 12 {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("the bindkey of %v is no key", c.Address),
			Remedy: "write the 32 hexadecimal digits (24 for an old Xiaomi) into it, and nothing else",
		}
	}
	return key, nil
}

// Wake takes the function by which it asks to be read.
func (d *Dev) Wake(ask func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ask = ask
	if len(d.queue) > 0 || len(d.pending) > 0 || d.trouble != nil {
		ask()
	}
	return true
}

// Space takes how far apart readings of numbers are wanted.
func (d *Dev) Space(every time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.every = every
}

// Learned tells whether it is known better who it is, or what it measures.
func (d *Dev) Learned() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.learned
	d.learned = false
	return was
}

// Channels are those that were heard of so far, and last how strong it is heard.
func (d *Dev) Channels() []device.Channel {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append(slices.Clone(d.channels[1:]), d.channels[0])
}

// Info tells who it is, as far as it has said so.
func (d *Dev) Info() device.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	return device.Info{
		Driver: "ble", Wire: d.radio.String(), Address: d.c.Address.String(), Model: model(d.who), Serial: d.who.Serial,
	}
}

func model(p advert.Packet) string {
	switch {
	case p.Model == "" || p.Model == p.Family:
		return p.Family
	case len(p.Model) > len(p.Family) && p.Model[:len(p.Family)] == p.Family:
		return p.Model
	}
	return p.Family + " " + p.Model
}

// hear takes in an advertisement, in the goroutine of the adapter.
func (d *Dev) hear(a device.Advert) {
	p, err := advert.Decode(a.From, a.Data, d.key)
	d.mu.Lock()
	defer d.mu.Unlock()
	repeated := false
	if err == nil && p.Count >= 0 {
		switch {
		case p.Count < d.count && p.Count >= countAnew:
			err = errOld
		case p.Count == d.count:
			repeated = true
		}
	}
	if err != nil {
		d.strange(a, p, err)
		return
	}
	if p.Count >= 0 {
		d.count = p.Count
	}
	d.trouble, d.good = nil, a.At
	if a.Signal != device.SignalUnknown {
		d.signal = a.Signal
	}
	d.meet(p)
	repeated = d.again(a, p) || repeated
	news, s := d.take(p, repeated)
	switch {
	case news:
		d.enqueue(s)
		d.ask()
	default:
		d.pending = merged(d.pending, s)
		if d.learned || a.At.Sub(d.read) >= d.every {
			d.ask()
		}
	}
}

var errOld = errors.New("its counter has gone back: an old packet was sent again")

// strange takes in what cannot be read. A device may say several things in turn, of which one is known.
func (d *Dev) strange(a device.Advert, p advert.Packet, err error) {
	since := d.good
	if since.IsZero() && errors.Is(err, advert.ErrUnknown) {
		since = d.opened
	}
	if !since.IsZero() && a.At.Sub(since) < afterGood {
		return
	}
	first := d.trouble == nil
	if d.trouble == nil || !errors.Is(err, advert.ErrUnknown) { // what is known of it counts for more
		d.trouble = d.explain(p, err)
	}
	if first {
		d.ask()
	}
}

// meet learns who it is. The first thing that it says of itself stands: some say more than one.
func (d *Dev) meet(p advert.Packet) {
	if d.who.Family == "" || d.who.Family == p.Family && d.who.Model == "" && p.Model != "" {
		d.who = advert.Packet{Family: p.Family, Model: p.Model, Serial: p.Serial}
		d.learned = true
	}
}

// again tells whether the packet was heard before: by its number, or else by its bytes, for a while.
func (d *Dev) again(a device.Advert, p advert.Packet) bool {
	var same bool
	if p.ID >= 0 {
		same = d.once.family == p.Family && d.once.id == p.ID
	} else {
		same = d.once.id < 0 && a.At.Sub(d.once.at) < sameWithin && bytes.Equal(d.once.data, a.Data)
	}
	d.once = once{p.Family, p.ID, append(d.once.data[:0], a.Data...), a.At}
	return same
}

// take makes a sample of a packet. It is news if something happened: a contact changed, or a button was pressed.
func (d *Dev) take(p advert.Packet, repeated bool) (news bool, s device.Sample) {
	for _, m := range p.Measures {
		if m.Event && repeated || !d.knows(m.Channel) {
			continue
		}
		news = news || m.Event
		if c, _ := advert.Channel(m.Channel); c.Form == device.Boolean && m.Err == nil {
			before, known := d.flags[m.Channel]
			news = news || known && before != m.Value
			d.flags[m.Channel] = m.Value
		}
		if m.Channel == "battery" && m.Err == nil {
			d.battery = m.Value
		}
		s = append(s, m.Measure)
	}
	if d.signal != 0 {
		s = append(s, device.Measure{Channel: "rssi", Value: float64(d.signal)})
	}
	return news, s
}

// knows tells whether there is the channel, and makes one for what is heard of first.
func (d *Dev) knows(channel string) bool {
	if slices.ContainsFunc(d.channels, func(c device.Channel) bool { return c.Name == channel }) {
		return true
	}
	c, ok := advert.Channel(channel)
	if !ok || len(d.channels) >= channelsMost {
		return false
	}
	d.channels, d.learned = append(d.channels, c), true
	return true
}

// enqueue puts a sample, and what was to be read before it, at the end of what is to be read.
func (d *Dev) enqueue(s device.Sample) {
	if len(d.pending) > 0 {
		d.queue, d.pending = append(d.queue, d.pending), nil
	}
	d.queue = append(d.queue, s)
	if over := len(d.queue) - queueMost; over > 0 {
		d.queue = slices.Delete(d.queue, 0, over)
	}
}

// merged is a sample with newer values of what a newer one has.
func merged(s, newer device.Sample) device.Sample {
	for _, m := range newer {
		i := slices.IndexFunc(s, func(o device.Measure) bool { return o.Channel == m.Channel })
		if i < 0 {
			s = append(s, m)
		} else {
			s[i] = m
		}
	}
	return s
}

// Read returns what was heard since the last, an empty sample if that is nothing yet.
func (d *Dev) Read(ctx context.Context) (device.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.radio.Err(); err != nil {
		return nil, err
	}
	var others time.Time
	if h, ok := d.radio.(interface{ Heard() time.Time }); ok {
		others = h.Heard() // which waits for hear, so that it is asked while nothing is locked
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var s device.Sample
	switch {
	case d.closed:
		return nil, fmt.Errorf("%v: closed: %w", d.c.Address, device.ErrBusGone)
	case len(d.queue) > 0:
		s, d.queue = d.queue[0], d.queue[1:]
		if len(d.queue) > 0 || len(d.pending) > 0 {
			d.ask()
		}
	default:
		s, d.pending = d.pending, nil
	}
	if len(s) > 0 {
		d.read = time.Now()
		return s, nil
	}
	if d.trouble != nil {
		return nil, d.trouble
	}
	return nil, d.lost(others)
}

// Close ends the hearing.
func (d *Dev) Close() error {
	d.mu.Lock()
	first := !d.closed
	d.closed = true
	d.mu.Unlock()
	if first {
		d.stop()
	}
	return nil
}

var (
	_ device.Overheard  = (*Dev)(nil)
	_ device.Recognizer = Config{}
)
