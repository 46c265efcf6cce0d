package modbus

import (
	"errors"
	"fmt"

	"github.com/goburrow/modbus"

	"selvage/edge/device"
)

// explain turns the error of a request into one for people.
func (u *unit) explain(err error) error {
	var e *modbus.ModbusError
	switch {
	case errors.As(err, &e):
		return u.exception(e)
	case errors.Is(err, device.ErrNoAnswer):
		f := &device.Fault{
			Text:   fmt.Sprintf("no answer of unit %s on %s", u.name(), u.port),
			Remedy: fmt.Sprintf("check its power and address, whether A and B are swapped, and that it has %d baud, parity %s and %d stop bits; if it is slow, raise reply (now %v)", u.wire.Baud, u.wire.Parity, u.wire.Stop, u.wire.Reply),
			Err:    device.ErrNoAnswer,
		}
		if u.wire.Framing == "tcp" {
			f.Remedy = fmt.Sprintf("check the unit's address, often 1 or 255; if %s is a gateway, whether it speaks RTU as it is (framing = \"rtu\"); if it is slow, raise reply (now %v)", u.port, u.wire.Reply)
		}
		return f
	case errors.Is(err, device.ErrGarbled):
		return &device.Fault{
			Text:   fmt.Sprintf("the answer of unit %s on %s is garbled", u.name(), u.port),
			Remedy: "if it always is: the speed or parity is another, or two units have this address; if now and then: 120 Ω at both ends of the line, its ground wire, and a longer gap",
			Err:    device.ErrGarbled,
		}
	}
	return err
}

// exceptions are what a unit may answer in place of data (Application Protocol, section 7).
var exceptions = map[byte]struct{ means, remedy string }{
	modbus.ExceptionCodeIllegalFunction:                    {"it has no such function", "it may have these registers in another table: input, holding, coil or discrete"},
	modbus.ExceptionCodeIllegalDataAddress:                 {"it has no such register", "check the map against the unit's manual: registers here count from 0, 40001 there is holding 0 here"},
	modbus.ExceptionCodeIllegalDataValue:                   {"it does not take such a request", "it may want fewer registers at a time (most, in the map), or another value"},
	modbus.ExceptionCodeServerDeviceFailure:                {"it failed inside", "switch its power off and on"},
	modbus.ExceptionCodeAcknowledge:                        {"it needs longer", "read it less often"},
	modbus.ExceptionCodeServerDeviceBusy:                   {"it is busy", "read it less often"},
	modbus.ExceptionCodeMemoryParityError:                  {"its memory is damaged", "switch its power off and on; if it stays, it needs repair"},
	modbus.ExceptionCodeGatewayPathUnavailable:             {"the gateway has no way to it", "check the gateway's settings for this address"},
	modbus.ExceptionCodeGatewayTargetDeviceFailedToRespond: {"it does not answer the gateway", "check the unit's power and wires behind the gateway, and its address"},
}

func (u *unit) exception(e *modbus.ModbusError) error {
	what, known := exceptions[e.ExceptionCode]
	if !known {
		what.means, what.remedy = fmt.Sprintf("exception %d", e.ExceptionCode), "its manual says what that means"
	}
	f := &device.Fault{
		Text:   fmt.Sprintf("unit %s on %s refuses: %s", u.name(), u.port, what.means),
		Remedy: what.remedy,
		Err:    e,
	}
	if e.ExceptionCode == modbus.ExceptionCodeGatewayTargetDeviceFailedToRespond || e.ExceptionCode == modbus.ExceptionCodeGatewayPathUnavailable {
		f.Err = fmt.Errorf("%w: %w", device.ErrNoAnswer, e)
	}
	return f
}

// refused tells whether a unit answered that it has not all of the registers, or not so many at a time.
func refused(err error) bool {
	var e *modbus.ModbusError
	return errors.As(err, &e) && (e.ExceptionCode == modbus.ExceptionCodeIllegalDataAddress || e.ExceptionCode == modbus.ExceptionCodeIllegalDataValue)
}
