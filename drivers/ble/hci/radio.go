package hci

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"selvage/edge/device"
)

// Link is the way to a controller: packets out and in, each as a whole, the byte of its kind first. Close, from another
// goroutine, ends a Read.
type Link interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	Close() error
}

const (
	// answerWithin is far above what a controller takes for a command.
	answerWithin = 2 * time.Second
	// quietAfter is how long nothing at all is heard until the scan is begun anew: another program, such as bluetoothd,
	// ends it with its own.
	quietAfter = 15 * time.Second
	// packetMost is a header and 255 bytes of parameters.
	packetMost = 3 + 255
)

// Radio is a controller that scans. Its goroutines end with Close, or when the controller is gone.
type Radio struct {
	name     string
	link     Link
	extended bool // the controller scans for extended advertisements, too

	commands sync.Mutex // one command at a time, and what follows of it
	active   bool       // guarded by commands
	answers  chan answer

	done chan struct{} // closed when nothing is read any more
	stop context.CancelFunc
	wait sync.WaitGroup

	mu    sync.Mutex
	ears  map[device.RadioAddress][]*ear
	heard time.Time // the last advertisement
	err   error
	over  bool // Close was called
}

type ear struct{ hear func(device.Advert) }

// Open begins to scan. The radio has the link from then on, also if this fails.
func Open(ctx context.Context, name string, link Link) (*Radio, error) {
	r := &Radio{
		name: name, link: link, answers: make(chan answer, 1), done: make(chan struct{}),
		ears: map[device.RadioAddress][]*ear{}, heard: time.Now(),
	}
	within, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.wait.Go(r.listen)
	if err := r.begin(ctx); err != nil {
		r.Close()
		return nil, err
	}
	r.wait.Go(func() { r.watch(within) })
	return r, nil
}

func (r *Radio) String() string { return r.name }

// begin asks what the controller can and starts the scan.
func (r *Radio) begin(ctx context.Context) error {
	r.commands.Lock()
	defer r.commands.Unlock()
	a, err := r.ask(ctx, command(opSupported))
	if err != nil {
		return err
	}
	// 6.27: octet 37, bits 5 and 6. A host that uses the extended commands has to leave the others alone (3.1.1), and
	// the kernel uses them if it can.
	r.extended = a.status == 0 && len(a.params) > 37 && a.params[37]&0x60 == 0x60
	return r.scan(ctx)
}

// scan starts the scan, or starts it again. commands is held.
func (r *Radio) scan(ctx context.Context) error {
	// While a scan runs its parameters cannot be set (7.8.10); that there was none to stop is no error.
	if _, err := r.ask(ctx, scanEnable(r.extended, false)); err != nil {
		return err
	}
	var said [2]byte
	for i, packet := range [][]byte{scanParams(r.extended, r.active), scanEnable(r.extended, true)} {
		a, err := r.ask(ctx, packet)
		if err != nil {
			return err
		}
		said[i] = a.status
	}
	switch status := max(said[0], said[1]); {
	case status == 0:
		return nil
	case said[1] == statusDisallowed || said[0] == statusDisallowed:
		return nil // somebody else scans, and what that hears, we hear
	case status == statusUnknown || status == statusUnsupported:
		return &device.Fault{
			Text:   fmt.Sprintf("the adapter %s knows no Bluetooth LE", r.name),
			Remedy: "use one of Bluetooth 4.0 or newer",
			Err:    fmt.Errorf("HCI status 0x%02x", status),
		}
	default:
		return &device.Fault{
			Text:   fmt.Sprintf("the adapter %s does not listen", r.name),
			Remedy: fmt.Sprintf("restart it: hciconfig %s reset; then look at the kernel's log: dmesg | grep -i bluetooth", r.name),
			Err:    fmt.Errorf("HCI status 0x%02x", status),
		}
	}
}

// Active has the controller ask whoever it hears for the second half of what they have to say. It stays so.
func (r *Radio) Active(ctx context.Context) error {
	r.commands.Lock()
	defer r.commands.Unlock()
	if r.active {
		return nil
	}
	r.active = true
	return r.scan(ctx)
}

// ask sends a command and waits for its answer. commands is held.
func (r *Radio) ask(ctx context.Context, packet []byte) (answer, error) {
	select {
	case <-r.answers: // too late for the one before
	default:
	}
	if _, err := r.link.Write(packet); err != nil {
		return answer{}, r.fail(err)
	}
	op := uint16(packet[1]) | uint16(packet[2])<<8
	timer := time.NewTimer(answerWithin)
	defer timer.Stop()
	for {
		select {
		case a := <-r.answers:
			if a.op == op {
				return a, nil
			}
		case <-r.done:
			return answer{}, r.Err()
		case <-ctx.Done():
			return answer{}, ctx.Err()
		case <-timer.C:
			return answer{}, r.fail(&device.Fault{
				Text:   fmt.Sprintf("the adapter %s does not answer", r.name),
				Remedy: fmt.Sprintf("unplug it and plug it in again, or: hciconfig %s reset; one on the board: restart the machine", r.name),
				Err:    device.ErrBusGone,
			})
		}
	}
}

// fail notes why the controller is of no use any more, and returns that. The first reason counts.
func (r *Radio) fail(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		if !errors.Is(err, device.ErrBusGone) {
			err = gone(r.name, err)
		}
		r.err = err
	}
	return r.err
}

// gone is the error of an adapter that was there.
func gone(name string, err error) error {
	return &device.Fault{
		Text:   fmt.Sprintf("the adapter %s is gone", name),
		Remedy: "plug it in again, or check the kernel's log: dmesg | grep -i bluetooth; it is opened again by itself",
		Err:    fmt.Errorf("%w: %w", device.ErrBusGone, err),
	}
}

// listen reads packets until there are no more.
func (r *Radio) listen() {
	defer close(r.done)
	var reports Reports
	packet := make([]byte, 4*packetMost)
	for {
		n, err := r.link.Read(packet)
		if err != nil {
			r.fail(err)
			return
		}
		p := packet[:n]
		if a, ok := parseAnswer(p); ok {
			select {
			case r.answers <- a:
			default: // nobody asked: another program's
			}
			continue
		}
		adverts, err := reports.Parse(p)
		if err != nil {
			continue // the kernel passes on what a controller sends, whatever it is
		}
		r.pass(adverts)
	}
}

// pass passes advertisements to who listens.
func (r *Radio) pass(all []device.Advert) {
	if len(all) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = time.Now()
	for _, a := range all {
		a.At = r.heard
		for _, e := range r.ears[a.From] {
			e.hear(a)
		}
		for _, e := range r.ears[device.RadioAddress{}] {
			e.hear(a)
		}
	}
}

// watch begins the scan anew when nothing is heard.
func (r *Radio) watch(ctx context.Context) {
	tick := time.NewTicker(quietAfter)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.done:
			return
		case <-tick.C:
		}
		r.mu.Lock()
		quiet := time.Since(r.heard) >= quietAfter
		r.mu.Unlock()
		if !quiet {
			continue
		}
		r.commands.Lock()
		err := r.scan(ctx)
		r.commands.Unlock()
		if err != nil && ctx.Err() == nil {
			r.fail(err)
			return
		}
	}
}

// Hear is device.RadioBus's.
func (r *Radio) Hear(from device.RadioAddress, hear func(device.Advert)) (stop func()) {
	e := &ear{hear}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ears[from] = append(r.ears[from], e)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		all := r.ears[from]
		for i, o := range all {
			if o == e {
				all = append(all[:i:i], all[i+1:]...)
			}
		}
		if r.ears[from] = all; len(all) == 0 {
			delete(r.ears, from)
		}
	}
}

// Heard tells when somebody was heard last, or the radio was opened.
func (r *Radio) Heard() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}

// Err is device.RadioBus's.
func (r *Radio) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Close ends the scan. It may be called twice.
func (r *Radio) Close() error {
	r.mu.Lock()
	first := !r.over
	r.over = true
	err := r.err
	r.mu.Unlock()
	if !first {
		return nil
	}
	r.stop()
	if err == nil { // the answer is nobody's
		_, _ = r.link.Write(scanEnable(r.extended, false))
	}
	err = r.link.Close()
	r.wait.Wait()
	return err
}

var _ device.RadioBus = (*Radio)(nil)
