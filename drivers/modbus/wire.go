package modbus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/goburrow/modbus"

	"selvage/edge/device"
)

// Wire are the keys of every unit: its address, and how its line works.
type Wire struct {
	Address uint8         `toml:"address" doc:"the unit's address, 1 to 247; behind Modbus TCP the unit identifier, often 1 or 255"`
	Baud    int           `toml:"baud" doc:"the line's speed, the same for all units on it"`
	Parity  string        `toml:"parity" doc:"the line's parity: none, even or odd"`
	Stop    int           `toml:"stop" doc:"the line's stop bits: 1 or 2"`
	Framing string        `toml:"framing" doc:"how requests are packed: rtu or tcp" unset:"tcp on a port tcp://…, and rtu on others,"`
	Reply   time.Duration `toml:"reply" doc:"how long the unit may take to answer, besides the time that the bytes need"`
	Gap     time.Duration `toml:"gap" doc:"the least pause of the line before a request" unset:"three and a half characters, at least 1.75 ms"`
}

var defaultWire = Wire{Address: 1, Baud: 9600, Parity: "none", Stop: 1, Reply: 300 * time.Millisecond}

func (w Wire) check(fault func(key, problem, remedy string)) {
	switch {
	case w.Address == 0:
		fault("address", "address 0 is that of all units at once, which cannot answer", "use 1 to 247")
	case w.Address > 247 && w.Framing == "rtu":
		fault("address", fmt.Sprintf("no unit has the address %d", w.Address), "use 1 to 247")
	}
	if w.Baud < 300 || w.Baud > 921600 {
		fault("baud", fmt.Sprintf("no line has %d baud", w.Baud), "use 9600, 19200, or what the units are set to")
	}
	if w.Parity != "none" && w.Parity != "even" && w.Parity != "odd" {
		fault("parity", fmt.Sprintf("there is no parity %q", w.Parity), `use "none", "even" or "odd"`)
	}
	if w.Stop != 1 && w.Stop != 2 {
		fault("stop", fmt.Sprintf("no line has %d stop bits", w.Stop), "use 1 or 2")
	}
	if w.Framing != "" && w.Framing != "rtu" && w.Framing != "tcp" {
		fault("framing", fmt.Sprintf("there is no framing %q", w.Framing), `use "rtu" or "tcp", or leave it out`)
	}
	if w.Reply < 10*time.Millisecond || w.Reply > 10*time.Second {
		fault("reply", fmt.Sprintf("a reply time of %v makes no sense", w.Reply), `use "300ms", or up to "2s" for slow units and gateways`)
	}
	if w.Gap < 0 || w.Gap > time.Second {
		fault("gap", fmt.Sprintf("a gap of %v makes no sense", w.Gap), `use "5ms", or up to "100ms" for units that lose requests`)
	}
}

// airtime is how long bytes take on the line: 11 bits each.
func (w Wire) airtime(bytes int) time.Duration {
	return time.Duration(bytes) * 11 * time.Second / time.Duration(max(w.Baud, 1))
}

// pause is how long the line must rest before a request (MODBUS over Serial Line, section 2.5.1.1).
func (w Wire) pause() time.Duration {
	return max(w.Gap, w.airtime(35)/10, 1750*time.Microsecond)
}

func (w Wire) mode() device.Mode {
	return device.Mode{Baud: w.Baud, Data: 8, Parity: w.Parity, Stop: w.Stop}
}

// line is what all units on a port have in common.
type line struct {
	mu    sync.Mutex
	users int
	busy  time.Time // when something was last on it
	mode  device.Mode
}

// lines are by the name of their port, of which a host opens one at a time.
var lines = struct {
	sync.Mutex
	m map[string]*line
}{m: map[string]*line{}}

// unit is one address on a line.
type unit struct {
	port device.Port
	wire Wire
	line *line

	client modbus.Client
	ctx    context.Context // of the request under way
	closed bool
}

func (u *unit) open(port device.Port, w Wire) error {
	if err := port.SetMode(w.mode()); err != nil {
		return err
	}
	if w.Framing == "" {
		w.Framing = "rtu"
		if strings.HasPrefix(port.String(), "tcp://") {
			w.Framing = "tcp"
		}
	}
	u.port, u.wire = port, w
	lines.Lock()
	u.line = lines.m[port.String()]
	if u.line == nil {
		u.line = &line{}
		lines.m[port.String()] = u.line
	}
	u.line.users++
	u.line.mode = w.mode()
	lines.Unlock()
	if w.Framing == "tcp" {
		h := modbus.NewTCPClientHandler("")
		h.SlaveId = w.Address
		u.client = modbus.NewClient2(h, u)
		return nil
	}
	h := modbus.NewRTUClientHandler("")
	h.SlaveId = w.Address
	u.client = modbus.NewClient2(h, u)
	return nil
}

// Close leaves the line.
func (u *unit) Close() error {
	if u.closed || u.line == nil {
		return nil
	}
	u.closed = true
	lines.Lock()
	defer lines.Unlock()
	if u.line.users--; u.line.users == 0 {
		delete(lines.m, u.port.String())
	}
	return nil
}

func (u *unit) name() string { return fmt.Sprint(u.wire.Address) }

var errClosed = errors.New("the unit is closed")

// do makes one request: call uses the client.
func (u *unit) do(ctx context.Context, call func(modbus.Client) ([]byte, error)) ([]byte, error) {
	if u.closed {
		return nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	u.ctx = ctx
	b, err := call(u.client)
	u.ctx = nil
	if err != nil {
		err = u.explain(err)
	}
	return b, err
}

// Send puts a request on the line and waits for the unit's answer.
func (u *unit) Send(request []byte) ([]byte, error) {
	l := u.line
	l.mu.Lock()
	defer l.mu.Unlock()
	mode := u.wire.mode()
	if l.mode != mode {
		if err := u.port.SetMode(mode); err != nil {
			return nil, err
		}
		l.mode = mode
	}
	if u.wire.Framing == "rtu" {
		if rest := time.Until(l.busy.Add(u.wire.pause())); rest > 0 {
			if err := device.Wait(u.ctx, rest); err != nil {
				return nil, err
			}
		}
		// What is there now is the late answer of another unit, or noise.
		if err := u.port.ResetInputBuffer(); err != nil {
			return nil, err
		}
	} else if rest := time.Until(l.busy.Add(u.wire.Gap)); rest > 0 {
		if err := device.Wait(u.ctx, rest); err != nil {
			return nil, err
		}
	}
	if _, err := u.port.Write(request); err != nil {
		return nil, err
	}
	find, length := findRTU, rtuAnswer(request)
	patience := u.wire.Reply
	if u.wire.Framing == "tcp" {
		find = findTCP
	} else {
		patience += u.wire.airtime(len(request) + length)
	}
	ctx, cancel := context.WithTimeout(u.ctx, patience)
	defer cancel()
	answer, err := device.Receive(ctx, u.port, "answer of unit "+u.name(), 1024, func(came []byte) []byte { return find(request, came) })
	l.busy = time.Now()
	return answer, err
}

// maxRegisters is how many one request may read (Application Protocol, sections 6.3 and 6.4).
const maxRegisters = 125

// rtuAnswer is the length of the right answer to a request, with its checksum.
func rtuAnswer(request []byte) int {
	switch function := request[1]; function {
	case modbus.FuncCodeReadCoils, modbus.FuncCodeReadDiscreteInputs:
		return 5 + (int(binary.BigEndian.Uint16(request[4:]))+7)/8
	case modbus.FuncCodeReadHoldingRegisters, modbus.FuncCodeReadInputRegisters:
		return 5 + 2*int(binary.BigEndian.Uint16(request[4:]))
	}
	return 8 // of a write: address and value, or address and count
}

// findRTU finds the answer to a request in what came: of the same unit and function, as long as it must be, with a
// right checksum; or an exception.
func findRTU(request, came []byte) []byte {
	length := rtuAnswer(request)
	for ; len(came) >= 5; came = came[1:] {
		if came[0] != request[0] {
			continue
		}
		switch {
		case came[1] == request[1]|0x80:
			if sealed(came[:5]) {
				return came[:5]
			}
		case came[1] == request[1] && len(came) >= length && answers(request[1:], came[1:length-2]) && sealed(came[:length]):
			return came[:length]
		}
	}
	return nil
}

// findTCP finds the answer to a request in what came: with its transaction's number, and the same unit and function. An
// answer with another number is one that came too late.
func findTCP(request, came []byte) []byte {
	const header = 7 // transaction, protocol, length, unit
	for ; len(came) >= header+2; came = came[1:] {
		length := 6 + int(binary.BigEndian.Uint16(came[4:]))
		if string(came[:4]) != string(request[:4]) || came[6] != request[6] || length < header+2 || length > len(came) {
			continue
		}
		answer := came[:length]
		if exception := answer[7] == request[7]|0x80; exception && length == header+2 || answer[7] == request[7] && answers(request[7:], answer[7:]) {
			return answer
		}
	}
	return nil
}

// answers tells whether an answer is as long as the request demands; both begin with the function.
func answers(request, answer []byte) bool {
	switch request[0] {
	case modbus.FuncCodeReadCoils, modbus.FuncCodeReadDiscreteInputs:
		n := (int(binary.BigEndian.Uint16(request[3:])) + 7) / 8
		return len(answer) == 2+n && int(answer[1]) == n
	case modbus.FuncCodeReadHoldingRegisters, modbus.FuncCodeReadInputRegisters:
		n := 2 * int(binary.BigEndian.Uint16(request[3:]))
		return len(answer) == 2+n && int(answer[1]) == n
	}
	return len(answer) == 5 && string(answer[1:]) == string(request[1:5])
}

// sealed tells whether a frame ends with the checksum of what is ahead of it: CRC-16 with polynomial 0x8005,
// reflected, start 0xFFFF.
func sealed(frame []byte) bool {
	c := uint16(0xFFFF)
	for _, b := range frame[:len(frame)-2] {
		c ^= uint16(b)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0xA001
			} else {
				c >>= 1
			}
		}
	}
	return binary.LittleEndian.Uint16(frame[len(frame)-2:]) == c
}
