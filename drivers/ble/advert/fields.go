package advert

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// Fields are what the AD structures of an advertisement hold, in their order. All slices are parts of its bytes.
type Fields struct {
	Name        string // complete, or shortened if that is all there is; printable
	Services    []uint16
	Services128 [][]byte // as sent, the last byte of the UUID first
	ServiceData []ServiceData
	Makers      []Maker
	Short       []byte // of an AD structure of type 0x05 or 0x06 whose length is no multiple of a UUID's
}

// ServiceData is what belongs to the service of a 16-bit UUID.
type ServiceData struct {
	UUID uint16
	Data []byte
}

// Maker is Manufacturer Specific Data.
type Maker struct {
	Company uint16
	Data    []byte
}

// Types of AD structures (Bluetooth Assigned Numbers, 2.3).
const (
	adSomeUUID16   = 0x02
	adAllUUID16    = 0x03
	adAllUUID32    = 0x05
	adSomeUUID128  = 0x06
	adAllUUID128   = 0x07
	adShortName    = 0x08
	adName         = 0x09
	adServiceData  = 0x16
	adManufacturer = 0xFF
)

// longestName is more than any sensor's. An extended advertisement has room for hundreds.
const longestName = 40

// Parse reads AD structures until one is not whole. A length of 0 ends them (Core Specification 5.4, Vol 3, Part C, 11).
func Parse(data []byte) (f Fields) {
	whole := false
	for len(data) > 1 && data[0] > 0 && int(data[0]) < len(data) {
		kind, b := data[1], data[2:1+int(data[0])]
		data = data[1+int(data[0]):]
		switch kind {
		case adSomeUUID16, adAllUUID16:
			for ; len(b) >= 2; b = b[2:] {
				f.Services = append(f.Services, binary.LittleEndian.Uint16(b))
			}
		case adSomeUUID128, adAllUUID128:
			for ; len(b) >= 16; b = b[16:] {
				f.Services128 = append(f.Services128, b[:16])
			}
		case adAllUUID32:
			if len(b)%4 != 0 {
				f.Short = b
			}
		case adShortName:
			if !whole {
				f.Name = printable(b)
			}
		case adName:
			f.Name, whole = printable(b), true
		case adServiceData:
			if len(b) >= 2 {
				f.ServiceData = append(f.ServiceData, ServiceData{binary.LittleEndian.Uint16(b), b[2:]})
			}
		case adManufacturer:
			if len(b) >= 2 {
				f.Makers = append(f.Makers, Maker{binary.LittleEndian.Uint16(b), b[2:]})
			}
		}
	}
	return f
}

// has tells whether a service is listed.
func (f *Fields) has(services ...uint16) bool {
	for _, s := range f.Services {
		for _, t := range services {
			if s == t {
				return true
			}
		}
	}
	return false
}

// of returns the data of a service, nil if there is none.
func (f *Fields) of(service uint16) []byte {
	for _, d := range f.ServiceData {
		if d.UUID == service {
			return d.Data
		}
	}
	return nil
}

// printable is a text of a stranger's as people may see it.
func printable(b []byte) string {
	return visible(strings.ToValidUTF8(string(b[:min(len(b), longestName)]), ""))
}

// visible leaves out what cannot be seen, or turns what is beside it round.
func visible(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r < ' ' || r == 0x7F || r >= 0x80 && r < 0xA0 || r >= 0x200B && r <= 0x202E || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, text))
}
