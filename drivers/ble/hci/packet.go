// Package hci listens to Bluetooth LE advertisements through a controller: its packets as pure functions, and the
// kernel's raw socket that they go through.
//
// Section numbers are those of the Bluetooth Core Specification 5.4, Vol 4, Part E (Host Controller Interface).
package hci

import (
	"encoding/binary"
	"fmt"

	"selvage/edge/device"
)

// Kinds of packets, the first byte of each (Vol 4, Part A, 2).
const (
	packetCommand = 0x01
	packetEvent   = 0x04
)

// Events (7.7) and, of LE Meta, subevents (7.7.65).
const (
	eventComplete  = 0x0E
	eventStatus    = 0x0F
	eventLEMeta    = 0x3E
	reportLegacy   = 0x02
	reportExtended = 0x0D
)

// Commands, as group<<10 | command (7.8.10, 7.8.11, 7.4.2, 7.8.64, 7.8.65).
const (
	opSupported       = 0x1002 // Read Local Supported Commands
	opScanParams      = 0x200B // LE Set Scan Parameters
	opScanEnable      = 0x200C // LE Set Scan Enable
	opExtScanParams   = 0x2041 // LE Set Extended Scan Parameters
	opExtScanEnable   = 0x2042 // LE Set Extended Scan Enable
	statusUnknown     = 0x01   // Unknown HCI Command (Vol 1, Part F, 1.3)
	statusDisallowed  = 0x0C   // Command Disallowed
	statusUnsupported = 0x11   // Unsupported Feature or Parameter Value
)

// command makes a packet (5.4.1).
func command(op uint16, params ...byte) []byte {
	return append([]byte{packetCommand, byte(op), byte(op >> 8), byte(len(params))}, params...)
}

// Times of scanning, in units of 0.625 ms: 30 ms of every 60, as the kernel scans by itself, so that the other half is
// left to Wi-Fi on chips that have one antenna for both.
const (
	scanInterval = 0x0060
	scanWindow   = 0x0030
)

// scanParams are those of a scan: of our own address nothing is told, everybody is heard.
func scanParams(extended, active bool) []byte {
	kind := byte(0)
	if active {
		kind = 1
	}
	times := []byte{scanInterval & 0xFF, scanInterval >> 8, scanWindow & 0xFF, scanWindow >> 8}
	if extended {
		// Own address public, no filter, the 1 Mbit/s radio.
		return command(opExtScanParams, append([]byte{0, 0, 1, kind}, times...)...)
	}
	return command(opScanParams, append(append([]byte{kind}, times...), 0, 0)...)
}

// scanEnable begins a scan, or ends it. Every advertisement is reported, also one that says the same again: a controller
// that leaves those out has no room for many.
func scanEnable(extended, on bool) []byte {
	b := byte(0)
	if on {
		b = 1
	}
	if extended {
		return command(opExtScanEnable, b, 0, 0, 0, 0, 0) // for ever
	}
	return command(opScanEnable, b, 0)
}

// answer is what a controller says about a command.
type answer struct {
	op     uint16
	status byte
	params []byte // behind the status
}

// parseAnswer reads Command Complete (7.7.14) and Command Status (7.7.15).
func parseAnswer(p []byte) (a answer, ok bool) {
	code, params, ok := parseEvent(p)
	switch {
	case !ok:
		return a, false
	case code == eventComplete && len(params) >= 4:
		return answer{binary.LittleEndian.Uint16(params[1:]), params[3], params[4:]}, true
	case code == eventStatus && len(params) >= 4:
		return answer{binary.LittleEndian.Uint16(params[2:]), params[0], nil}, true
	}
	return a, false
}

// parseEvent takes an event apart (5.4.4).
func parseEvent(p []byte) (code byte, params []byte, ok bool) {
	if len(p) < 3 || p[0] != packetEvent || int(p[2]) != len(p)-3 {
		return 0, nil, false
	}
	return p[1], p[3:], true
}

// longest is how much an advertisement may hold (Vol 6, Part B, 2.3.4.9), and partsMost how many may come in parts at a
// time; of more the parts are forgotten.
const (
	longest   = 1650
	partsMost = 8
)

// Reports reads advertisements out of events. Long ones come in parts, which it keeps.
type Reports struct {
	parts map[part][]byte
}

// part is whose advertisement it is: one sender may have several sets of them.
type part struct {
	from device.RadioAddress
	set  byte
}

// Parse returns the advertisements that an event reports, all of it: one that is not whole is garbage, and none of it
// is believed. Their data are parts of p, or their own.
func (r *Reports) Parse(p []byte) ([]device.Advert, error) {
	code, b, ok := parseEvent(p)
	if !ok {
		return nil, fmt.Errorf("% .12x… is no event", p[:min(len(p), 12)])
	}
	if code != eventLEMeta || len(b) < 2 || b[0] != reportLegacy && b[0] != reportExtended {
		return nil, nil
	}
	extended, n := b[0] == reportExtended, int(b[1])
	b = b[2:]
	all := make([]device.Advert, 0, min(n, 8))
	for range n {
		var a device.Advert
		var size int
		var whole bool
		if extended {
			a, size, whole = r.extended(b)
		} else {
			a, size, whole = legacy(b)
		}
		if size == 0 {
			return nil, fmt.Errorf("a report of advertisements is cut")
		}
		if b = b[size:]; whole {
			all = append(all, a)
		}
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes follow a report of advertisements", len(b))
	}
	return all, nil
}

// address turns an address round: the lowest byte is sent first.
func address(b []byte) (a device.RadioAddress) {
	for i := range a {
		a[i] = b[5-i]
	}
	return a
}

// legacy reads one report of LE Advertising Report (7.7.65.2): type, address, data, RSSI. size is 0 if it is cut.
func legacy(b []byte) (a device.Advert, size int, whole bool) {
	if len(b) < 9 {
		return a, 0, false
	}
	size = 9 + int(b[8]) + 1
	if size > len(b) {
		return a, 0, false
	}
	return device.Advert{From: address(b[2:8]), Random: b[1]&1 != 0, Signal: int(int8(b[size-1])), Data: b[9 : size-1]}, size, true
}

// extended reads one report of LE Extended Advertising Report (7.7.65.13). whole tells that nothing more is to come.
func (r *Reports) extended(b []byte) (a device.Advert, size int, whole bool) {
	const head = 24
	if len(b) < head {
		return a, 0, false
	}
	size = head + int(b[23])
	if size > len(b) {
		return a, 0, false
	}
	if b[2] == 0xFF { // anonymous
		return a, size, false
	}
	a = device.Advert{From: address(b[3:9]), Random: b[2]&1 != 0, Signal: int(int8(b[13])), Data: b[head:size]}
	key := part{a.From, b[11]}
	before := r.parts[key]
	switch status := b[0] >> 5 & 3; {
	case status == 0:
		if before != nil {
			delete(r.parts, key)
			a.Data = append(before, a.Data...)
		}
		return a, size, len(a.Data) <= longest
	case status == 1 && len(before)+len(a.Data) <= longest:
		if r.parts == nil || before == nil && len(r.parts) >= partsMost {
			r.parts = map[part][]byte{}
		}
		r.parts[key] = append(before[:len(before):len(before)], a.Data...)
	default: // the controller had no room for the rest, or there is too much
		delete(r.parts, key)
	}
	return a, size, false
}
