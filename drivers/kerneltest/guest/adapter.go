package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"

	"selvage/drivers/sim"
)

// plugAdapters plugs two: the first with a board behind it, the second for SMBus commands only.
func plugAdapters(board i2c.Bus) error {
	for port, a := range []adapter{{board: board, funcs: 0x8EFF0001}, {board: board, funcs: 0x8EFF0000}} {
		if err := plugAdapter(port, a); err != nil {
			return err
		}
	}
	return nil
}

// plugAdapter plugs an adapter for I²C into the kernel's own USB, with a simulated board behind it: the
// kernel finds it, its driver i2c-tiny-usb makes a /dev/i2c-N of it, and every transfer comes out here. It is
// done by USB/IP (Documentation/usb/usbip_protocol.rst), whose other end is a socket of this program.
// A gadget by FunctionFS cannot do it: the adapter is asked with the chip's address in the place where a
// gadget of FunctionFS must have the number of one of its interfaces, of which there are no more than 16.
func plugAdapter(port int, a adapter) error {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	const device, fullSpeed = 0x10001, 2
	attach := fmt.Sprintf("%d %d %d %d", port, ends[1], device+port, fullSpeed)
	if err := os.WriteFile("/sys/devices/platform/vhci_hcd.0/attach", []byte(attach), 0); err != nil {
		return err
	}
	a.wire = os.NewFile(uintptr(ends[0]), "usb")
	go func() {
		say("the adapter ended: %v", a.serve())
	}()
	return nil
}

// misbehave has the board show, again and again, what wires do.
func misbehave(board *sim.Board) {
	for {
		for _, phase := range []struct {
			name    string
			trouble sim.Trouble
		}{{"well", sim.None}, {"unplugged", sim.Unplugged}, {"well", sim.None}, {"ones", sim.Ones}} {
			board.Trouble(phase.trouble)
			say("phase %s", phase.name)
			time.Sleep(3 * time.Second)
		}
	}
}

// adapter is what the firmware of i2c-tiny-usb (T. Harbaum) is, as drivers/i2c/busses/i2c-tiny-usb.c asks it.
type adapter struct {
	board  i2c.Bus
	funcs  uint32 // what it says that it can do (I2C_FUNC_…): plain transfers in the last bit, SMBus by them in others
	wire   io.ReadWriter
	status byte
}

const (
	submit, unlink       = 1, 2
	submitted, unlinked  = 3, 4
	stalled              = -32 // EPIPE
	getFuncs, getStatus  = 1, 3
	transfers            = 4 // and 5, 6, 7: begin, end, both
	acknowledged, nobody = 1, 2
)

// serve answers the kernel's requests, one after the other.
func (a *adapter) serve() error {
	for {
		var head [48]byte
		if _, err := io.ReadFull(a.wire, head[:]); err != nil {
			return err
		}
		get := func(word int) uint32 { return binary.BigEndian.Uint32(head[4*word:]) }
		answer := make([]byte, 48)
		put := func(word int, v uint32) { binary.BigEndian.PutUint32(answer[4*word:], v) }
		put(1, get(1)) // its number
		switch get(0) {
		case unlink: // what is to be taken back was answered already
			put(0, unlinked)
		case submit:
			in, size := get(3) == 1, get(6)
			data := make([]byte, size)
			if !in {
				if _, err := io.ReadFull(a.wire, data); err != nil {
					return err
				}
			}
			data, status := a.request([8]byte(head[40:]), in, data)
			put(0, submitted)
			put(5, uint32(int32(status)))
			put(6, uint32(len(data)))
			if in {
				answer = append(answer, data...)
			}
		default:
			return fmt.Errorf("the kernel asks %d", get(0))
		}
		if _, err := a.wire.Write(answer); err != nil {
			return err
		}
	}
}

// request answers a request of the control pipe.
func (a *adapter) request(setup [8]byte, in bool, data []byte) ([]byte, int) {
	kind, request := setup[0]>>5&3, setup[1]
	value, index := binary.LittleEndian.Uint16(setup[2:]), binary.LittleEndian.Uint16(setup[4:])
	cut := func(b []byte) ([]byte, int) { return b[:min(len(b), len(data))], 0 }
	const standard, descriptor = 0, 6
	switch {
	case kind == standard && request == descriptor && value>>8 == 1:
		return cut([]byte{18, 1, 0x10, 1, 0xFF, 0, 0, 64, 0x03, 0x04, 0x31, 0xC6, 5, 2, 0, 0, 0, 1})
	case kind == standard && request == descriptor && value>>8 == 2:
		return cut([]byte{9, 2, 18, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 0, 0xFF, 0, 0, 0})
	case kind == standard && request == descriptor:
		return nil, stalled
	case kind == standard:
		clear(data)
		return data, 0
	case request == getFuncs:
		return cut(binary.LittleEndian.AppendUint32(nil, a.funcs))
	case request == getStatus:
		return cut([]byte{a.status})
	case request >= transfers && request < transfers+4:
		w, r := data, []byte(nil)
		if in {
			w, r = nil, data
		}
		a.status = acknowledged
		transferred.note(index, w, len(r))
		if err := a.board.Tx(index, w, r); err != nil {
			a.status = nobody
		}
	}
	return data, 0
}
