package bus

import (
	"bytes"
	"os"
	"unsafe"
)

// From linux/gpio.h, version 2 of the interface, which kernels have since 5.10. All numbers are laid
// out alike on 32 and 64 bits.
const (
	ioctlChipInfo  = 0x8044B401 // GPIO_GET_CHIPINFO_IOCTL
	ioctlLineInfo  = 0xC100B405 // GPIO_V2_GET_LINEINFO_IOCTL
	ioctlLine      = 0xC250B407 // GPIO_V2_GET_LINE_IOCTL
	ioctlSetConfig = 0xC110B40D // GPIO_V2_LINE_SET_CONFIG_IOCTL
	ioctlGetValues = 0xC010B40E // GPIO_V2_LINE_GET_VALUES_IOCTL
	ioctlSetValues = 0xC010B40F // GPIO_V2_LINE_SET_VALUES_IOCTL

	lineUsed     = 1 << 0
	lineInput    = 1 << 2
	lineOutput   = 1 << 3
	lineRising   = 1 << 4
	lineFalling  = 1 << 5
	lineDrain    = 1 << 6
	linePullUp   = 1 << 8
	linePullDown = 1 << 9
	lineNoPull   = 1 << 10

	attrValues   = 2 // GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES
	attrDebounce = 3 // GPIO_V2_LINE_ATTR_ID_DEBOUNCE

	eventRising = 1 // GPIO_V2_LINE_EVENT_RISING_EDGE
)

// chipInfo is struct gpiochip_info.
type chipInfo struct {
	name, label [32]byte
	lines       uint32
}

// lineAttribute is struct gpio_v2_line_attribute.
type lineAttribute struct {
	id, _ uint32
	value uint64 // flags, values, or in its first half the debounce period in µs
}

// lineInfo is struct gpio_v2_line_info.
type lineInfo struct {
	name, consumer [32]byte
	offset, attrs  uint32
	flags          uint64
	attr           [10]lineAttribute
	_              [4]uint32
}

// lineConfig is struct gpio_v2_line_config.
type lineConfig struct {
	flags uint64
	attrs uint32
	_     [5]uint32
	attr  [10]struct {
		lineAttribute
		mask uint64
	}
}

// set adds an attribute for the only line there is.
func (c *lineConfig) set(id uint32, value uint64) {
	a := &c.attr[c.attrs]
	a.id, a.value, a.mask = id, value, 1
	if id == attrDebounce {
		*(*uint32)(unsafe.Pointer(&a.value)) = uint32(value) // the union's first half, whatever the byte order
	}
	c.attrs++
}

// lineRequest is struct gpio_v2_line_request.
type lineRequest struct {
	offsets       [64]uint32
	consumer      [32]byte
	config        lineConfig
	lines, buffer uint32
	_             [5]uint32
	fd            int32
}

// lineValues is struct gpio_v2_line_values.
type lineValues struct{ bits, mask uint64 }

// lineEvent is struct gpio_v2_line_event.
type lineEvent struct {
	_ uint64    // timestamp
	_ [4]uint32 // id, offset, numbers
	_ [6]uint32
}

// text is a string of C.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// listChips looks at every GPIO chip there is. One that may not be opened is its error.
func listChips(paths []string) (chips []chip, err error) {
	for _, path := range paths {
		// A Raspberry Pi 5 has gpiochip4 as another name of gpiochip0, for old programs.
		if i, e := os.Lstat(path); e != nil || i.Mode()&os.ModeSymlink != 0 {
			continue
		}
		c, e := lookAt(path)
		if e != nil {
			err = e
			continue
		}
		chips = append(chips, c)
	}
	return chips, err
}

func lookAt(path string) (chip, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return chip{}, err
	}
	defer f.Close()
	var info chipInfo
	if errno := ioctl(f.Fd(), ioctlChipInfo, unsafe.Pointer(&info)); errno != 0 {
		return chip{}, &os.PathError{Op: "look at", Path: path, Err: errno}
	}
	c := chip{path: path, label: text(info.label[:])}
	if c.label == "" {
		c.label = text(info.name[:])
	}
	for i := range info.lines {
		l := lineInfo{offset: i}
		if errno := ioctl(f.Fd(), ioctlLineInfo, unsafe.Pointer(&l)); errno != 0 {
			return chip{}, &os.PathError{Op: "look at", Path: path, Err: errno}
		}
		c.lines = append(c.lines, named{text(l.name[:]), text(l.consumer[:])})
	}
	return c, nil
}
