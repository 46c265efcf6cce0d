package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"selvage/drivers/ble/hci"
	"selvage/edge/device"
)

func init() {
	device.RegisterRadio("sim", func(ctx context.Context, name string) (device.RadioBus, error) {
		if !strings.HasPrefix(name, "sim:hci") && name != "sim:ble" {
			return nil, &device.Fault{Text: fmt.Sprintf("no simulated adapter is called %q", name), Remedy: "there is sim:hci0"}
		}
		r, err := hci.Open(ctx, name, NewAir(Sensors()...).Adapter())
		if err != nil {
			return nil, err
		}
		return r, nil
	})
}

// A Beacon is a simulated Bluetooth LE device that advertises, down to the bytes of its AD structures. It shares no code
// with what reads them.
type Beacon struct {
	Address device.RadioAddress
	Random  bool
	Signal  int8
	Every   time.Duration
	Say     func(now time.Time) []byte
	Off     bool // its battery is empty
	Answers bool // it says this only if it is asked: a scan response

	next time.Time
}

// Air is where beacons are heard.
type Air struct {
	mu       sync.Mutex
	beacons  []*Beacon
	extended bool
	trouble  Trouble
	adapters []*Adapter
}

// NewAir returns an air with beacons.
func NewAir(all ...*Beacon) *Air { return &Air{beacons: all} }

// Change has f change something about the beacons.
func (a *Air) Change(f func(beacons []*Beacon)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a.beacons)
	a.ring()
}

// Extended has the controllers know extended advertising.
func (a *Air) Extended(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.extended = on
}

// Trouble makes something go wrong with all adapters, or None of it right again. Unplugged ends those that are open;
// Stuck has them not answer, Noisy cuts their packets.
func (a *Air) Trouble(t Trouble) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trouble = t
	a.ring()
}

// StopScans ends all scans, as another program does that had one, too.
func (a *Air) StopScans() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.adapters {
		d.scanning = false
	}
}

func (a *Air) ring() {
	for _, d := range a.adapters {
		select {
		case d.bell <- struct{}{}:
		default:
		}
	}
}

// Adapter returns a controller, as it is behind the kernel's socket: one packet at a time.
func (a *Air) Adapter() *Adapter {
	d := &Adapter{air: a, bell: make(chan struct{}, 1)}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.adapters = append(a.adapters, d)
	return d
}

// Adapter is a simulated controller (Bluetooth Core Specification 5.4, Vol 4, Part E).
type Adapter struct {
	air  *Air
	bell chan struct{}

	// guarded by the air's mutex
	said             [][]byte // events that wait to be read
	scanning, active bool
	closed           bool
}

var errUnplugged = errors.New("no such device")

// Write takes a command.
func (d *Adapter) Write(p []byte) (int, error) {
	d.air.mu.Lock()
	defer d.air.mu.Unlock()
	switch {
	case d.closed:
		return 0, os.ErrClosed
	case d.air.trouble == Unplugged:
		return 0, errUnplugged
	case d.air.trouble == Stuck:
		return len(p), nil
	}
	if len(p) < 4 || p[0] != 1 || len(p) != 4+int(p[3]) {
		return 0, errors.New("invalid argument")
	}
	op, params := binary.LittleEndian.Uint16(p[1:]), p[4:]
	status, more := d.command(op, params)
	event := append([]byte{4, 0x0E, byte(4 + len(more)), 1, p[1], p[2], status}, more...)
	d.said = append(d.said, event)
	d.air.ring()
	return len(p), nil
}

// command does what a command says and returns its status.
func (d *Adapter) command(op uint16, params []byte) (status byte, more []byte) {
	const unknown, disallowed, invalid = 0x01, 0x0C, 0x12
	extended := op == 0x2041 || op == 0x2042
	if (op == 0x200B || op == 0x200C || extended) && extended != d.air.extended {
		return unknown, nil
	}
	switch op {
	case 0x1002: // Read Local Supported Commands
		more = make([]byte, 64)
		more[26] = 0x0C // LE Set Scan Parameters and Enable
		if d.air.extended {
			more[37] = 0x60
		}
		return 0, more
	case 0x200B, 0x2041:
		want, kind := 7, 0
		if extended {
			want, kind = 8, 3
		}
		switch {
		case d.scanning:
			return disallowed, nil
		case len(params) != want || params[kind] > 1:
			return invalid, nil
		}
		d.active = params[kind] == 1
		return 0, nil
	case 0x200C, 0x2042:
		want := 2
		if extended {
			want = 6
		}
		if len(params) != want || params[0] > 1 || params[1] > 3 {
			return invalid, nil
		}
		d.scanning = params[0] == 1
		return 0, nil
	}
	return unknown, nil
}

// Read returns the next packet, when there is one.
func (d *Adapter) Read(p []byte) (int, error) {
	for {
		d.air.mu.Lock()
		now := time.Now()
		if d.closed || d.air.trouble == Unplugged {
			d.air.mu.Unlock()
			return 0, errUnplugged
		}
		next := d.listen(now)
		if len(d.said) > 0 {
			n := copy(p, d.said[0])
			d.said = d.said[1:]
			d.air.mu.Unlock()
			return n, nil
		}
		d.air.mu.Unlock()
		var ring <-chan time.Time
		var timer *time.Timer
		if !next.IsZero() {
			timer = time.NewTimer(next.Sub(now))
			ring = timer.C
		}
		select {
		case <-d.bell:
		case <-ring:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// listen notes what is heard now, and returns when somebody speaks next.
func (d *Adapter) listen(now time.Time) (next time.Time) {
	for _, b := range d.air.beacons {
		if b.Off || b.Say == nil {
			continue
		}
		if b.next.IsZero() {
			b.next = now.Add(b.Every / 2)
		}
		if !b.next.After(now) {
			b.next = b.next.Add(max(b.Every, now.Sub(b.next).Truncate(max(b.Every, 1))+b.Every))
			if d.scanning && d.air.trouble != Stuck && (d.active || !b.Answers) {
				d.said = append(d.said, d.report(b, b.Say(now)))
			}
		}
		if next.IsZero() || b.next.Before(next) {
			next = b.next
		}
	}
	return next
}

// report is an event that reports one advertisement.
func (d *Adapter) report(b *Beacon, data []byte) []byte {
	from := make([]byte, 6)
	for i := range from {
		from[i] = b.Address[5-i]
	}
	random, kind := byte(0), byte(0)
	if b.Random {
		random = 1
	}
	if b.Answers {
		kind = 4
	}
	var body []byte
	if d.air.extended {
		body = append([]byte{0x0D, 1, 0x13, 0, random}, from...)
		body = append(body, 1, 0, 0xFF, 0x7F, byte(b.Signal), 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(data)))
		body = append(body, data...)
	} else {
		body = append([]byte{0x02, 1, kind, random}, from...)
		body = append(append(append(body, byte(len(data))), data...), byte(b.Signal))
	}
	if d.air.trouble == Noisy {
		body = body[:len(body)-2]
	}
	return append([]byte{4, 0x3E, byte(len(body))}, body...)
}

// Close ends a Read.
func (d *Adapter) Close() error {
	d.air.mu.Lock()
	defer d.air.mu.Unlock()
	d.closed = true
	d.air.ring()
	return nil
}

// Sensors are the beacons around sim:hci0: a thermometer with the firmware of pvvx, a RuuviTag, a plant sensor that
// speaks BTHome, and a button that is pressed every minute and says so three times.
func Sensors() []*Beacon {
	return []*Beacon{
		{Address: device.RadioAddress{0xA4, 0xC1, 0x38, 0x00, 0x00, 0x01}, Signal: -62, Every: 2500 * time.Millisecond, Say: sayPVVX},
		{Address: device.RadioAddress{0xC0, 0xFF, 0xEE, 0x00, 0x00, 0x02}, Random: true, Signal: -71, Every: 1285 * time.Millisecond, Say: sayRuuvi},
		{Address: device.RadioAddress{0x54, 0x48, 0xE6, 0x00, 0x00, 0x03}, Signal: -80, Every: 10 * time.Second, Say: sayPlant},
		{Address: device.RadioAddress{0x54, 0x48, 0xE6, 0x00, 0x00, 0x04}, Signal: -55, Every: 500 * time.Millisecond, Say: sayButton},
	}
}

// structure is an AD structure.
func structure(kind byte, data ...byte) []byte {
	return append([]byte{byte(len(data) + 1), kind}, data...)
}

func sayPVVX(now time.Time) []byte {
	b := []byte{0x1A, 0x18, 0x01, 0x00, 0x00, 0x38, 0xC1, 0xA4}
	b = binary.LittleEndian.AppendUint16(b, uint16(int16(100*wave(now, 21, 3))))
	b = binary.LittleEndian.AppendUint16(b, uint16(100*wave(now, 45, 10)))
	b = binary.LittleEndian.AppendUint16(b, 2950)
	b = append(b, 87, byte(now.Unix()/5), 0x0E)
	return structure(0x16, b...)
}

func sayRuuvi(now time.Time) []byte {
	b := []byte{0x99, 0x04, 5}
	b = binary.BigEndian.AppendUint16(b, uint16(int16(200*wave(now, 4, 6))))
	b = binary.BigEndian.AppendUint16(b, uint16(400*wave(now, 80, 10)))
	b = binary.BigEndian.AppendUint16(b, uint16(100*wave(now, 1013, 5)-50000))
	b = append(b, 0, 4, 0xFF, 0xFC, 0x04, 0x0C)
	b = binary.BigEndian.AppendUint16(b, (2877-1600)<<5|22)
	b = append(b, 66)
	b = binary.BigEndian.AppendUint16(b, uint16(now.UnixMilli()/2500%0xFFFF))
	b = append(b, 0xC0, 0xFF, 0xEE, 0, 0, 2)
	return append(structure(0x01, 0x06), structure(0xFF, b...)...)
}

func sayPlant(now time.Time) []byte {
	moisture := uint16(100 * wave(now, 35, 5))
	light := uint32(100 * wave(now, 800, 500))
	b := []byte{0xD2, 0xFC, 0x40, 0x00, byte(now.Unix() / 10), 0x01, 64, 0x05, byte(light), byte(light >> 8), byte(light >> 16), 0x14, byte(moisture), byte(moisture >> 8)}
	return append(structure(0x16, b...), structure(0x09, []byte("plant")...)...)
}

// sayButton is idle, but for a second and a half of each minute.
func sayButton(now time.Time) []byte {
	minute := now.Truncate(time.Minute)
	id, pressed := byte(minute.Unix()/60), byte(0)
	if now.Sub(minute) < 1500*time.Millisecond {
		pressed = 1
	} else {
		id += 128
	}
	return structure(0x16, 0xD2, 0xFC, 0x44, 0x00, id, 0x01, 92, 0x3A, pressed)
}
