// Package advert reads advertisements of Bluetooth LE sensors: bytes in, quantities out. It has no socket, no clock and
// no state, so that what strangers send is easy to test.
//
// An advertisement is a list of AD structures (Bluetooth Core Specification 5.4, Vol 3, Part C, 11, and the Supplement,
// Part A). Who sent one is told by the number of a company in its Manufacturer Specific Data, or by the UUID of its
// Service Data, both from Bluetooth's Assigned Numbers; makers of sensors use numbers of others, too, so the length and
// what else is known of a form is looked at. No form but the encrypted ones has a checksum of its own: the radio's CRC
// covers every packet (Vol 6, Part B, 3.1.1).
//
// Forms that makers publish are cited where they are read. Most are not published; the others are read as the decoders
// of the projects ble_monitor, Theengs and Home Assistant have found out, and each is held to advertisements of real
// devices that they recorded.
package advert

import (
	"errors"
	"math"
	"slices"

	"selvage/edge/device"
)

// Measure is one quantity of a packet.
type Measure struct {
	device.Measure
	// Event tells that something happened once, such as that a button was pressed: the same packet heard again is no
	// second time.
	Event bool
}

// Packet is what an advertisement says.
type Packet struct {
	Family   string // of devices that speak alike: "BTHome", "Ruuvi"
	Model    string // as far as it is told
	Serial   string // as far as it is told, if it is another than the address
	Measures []Measure

	// ID is the number of the packet: those that say the same have the same. -1 where there is none.
	ID int64
	// Count counts the packets of a device whose packets are encrypted, so that an old one that somebody sends again is
	// known. -1 where there is none.
	Count int64
	// Encrypted tells that a key was needed.
	Encrypted bool
	// Seldom tells that the device speaks only when something happens.
	Seldom bool
}

// What is wrong with an advertisement. In the Packet is what is known of its sender nevertheless.
var (
	ErrUnknown  = errors.New("it says nothing that is known here")
	ErrNeedsKey = errors.New("it is encrypted, and no key is given")
	ErrWrongKey = errors.New("the key does not open it")
	ErrMisfit   = errors.New("it is not in the form that it says it is in")
)

// said is one AD structure with all that is around it.
type said struct {
	from   device.RadioAddress
	fields Fields
	data   []byte // behind the UUID or the company
	key    []byte
	out    *Packet
}

// A decoder puts what it knows into out. It returns ErrUnknown for what another may know.
type decoder func(s *said) error

// Decode reads an advertisement. key opens encrypted ones, and may be nil; one that is not encrypted is read whatever
// the key is.
func Decode(from device.RadioAddress, data []byte, key []byte) (Packet, error) {
	p := Packet{ID: -1, Count: -1}
	s := said{from: from, fields: Parse(data), key: key, out: &p}
	err := s.services()
	if errors.Is(err, ErrUnknown) {
		err = s.makers()
	}
	if errors.Is(err, ErrUnknown) {
		err = sonoff(&s)
	}
	if err != nil {
		p.Measures = nil
		return p, err
	}
	p.Measures = slices.DeleteFunc(numbered(p.Measures), func(m Measure) bool { return m.Event && m.Err != nil })
	return p, nil
}

// services reads the service data. Some devices put each quantity into one of its own.
func (s *said) services() error {
	all := ErrUnknown
	for _, d := range s.fields.ServiceData {
		decode := ofService[d.UUID]
		if decode == nil {
			continue
		}
		s.data = d.Data
		switch err := decode(s); {
		case err == nil:
			all = nil
		case !errors.Is(err, ErrUnknown):
			return err
		}
	}
	return all
}

// makers reads the manufacturer specific data.
func (s *said) makers() error {
	all := ErrUnknown
	for _, m := range s.fields.Makers {
		s.data = m.Data
		decode := ofCompany[m.Company]
		err := ErrUnknown
		if decode != nil {
			err = decode(s)
		}
		for i := 0; i < len(ofNobody) && errors.Is(err, ErrUnknown); i++ {
			err = ofNobody[i](s, m)
		}
		switch {
		case err == nil:
			all = nil
		case !errors.Is(err, ErrUnknown):
			return err
		}
	}
	return all
}

// ofService and ofCompany say who reads what; ofNobody are asked in turn about companies that mean nothing.
var (
	ofService = map[uint16]decoder{}
	ofCompany = map[uint16]decoder{}
	ofNobody  []func(*said, Maker) error
)

// is says who the sender is.
func (s *said) is(family, model string) { s.out.Family, s.out.Model = family, model }

func (s *said) add(m device.Measure, event bool) {
	s.out.Measures = append(s.out.Measures, Measure{m, event})
}

// num measures a number, in the unit that the catalogue of channels has.
func (s *said) num(channel string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		s.none(channel, "it measures no number")
		return
	}
	s.add(device.Measure{Channel: channel, Value: v}, false)
}

// doubt is num for what may be wrong.
func (s *said) doubt(channel string, v float64, why string) {
	s.add(device.Measure{Channel: channel, Value: v, Doubt: why}, false)
}

func (s *said) flag(channel string, on bool) {
	s.add(device.Measure{Channel: channel, Value: device.Flag(on)}, false)
}

func (s *said) text(channel, t string) { s.add(device.Measure{Channel: channel, Text: t}, false) }

// event is something that happened once.
func (s *said) event(channel, what string) {
	s.add(device.Measure{Channel: channel, Text: what}, true)
}

// none is a quantity that the device has no value of.
func (s *said) none(channel, why string) {
	s.add(device.Measure{Channel: channel, Err: errors.New(why)}, false)
}

// not measures v unless raw is what the device sends for want of a value.
func (s *said) not(raw, sentinel int, channel string, v float64) {
	if raw == sentinel {
		s.none(channel, "the device says that it has no value")
		return
	}
	s.num(channel, v)
}

// percent is the charge of a battery, which some let rise above 100.
func (s *said) battery(percent int) {
	if percent > 100 {
		s.doubt("battery", 100, "the device says more than 100 %")
		return
	}
	s.num("battery", float64(percent))
}

// lithium is the charge of a lithium cell of 3 V by its voltage, as the decoders of ble_monitor have it: from 2.45 V
// to 3 V, steep at first.
func (s *said) lithium(volt float64) {
	charge := 0.0
	switch {
	case volt >= 3:
		charge = 100
	case volt >= 2.6:
		charge = 60 + (volt-2.6)*100
	case volt >= 2.5:
		charge = 40 + (volt-2.5)*200
	case volt >= 2.45:
		charge = 20 + (volt-2.45)*400
	}
	s.num("battery", math.Round(charge*10)/10)
}
