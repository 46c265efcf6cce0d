package hci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"selvage/edge/device"
)

// The kernel's HCI socket (include/net/bluetooth/hci_sock.h). Of its channels this is the raw one: it sees what the
// controller says to the kernel, and sends commands beside the kernel's, so that bluetoothd, if it runs, goes on. The
// user channel would have the controller for itself, but only one that is switched off, and nobody else could use it.
const (
	solHCI     = 0 // SOL_HCI
	hciFilter  = 2 // HCI_FILTER
	ioctlUp    = 0x400448C9
	ioctlInfo  = 0x800448D3
	flagUp     = 1 << 0 // HCI_UP
	writeAgain = time.Second
)

// filter is struct hci_ufilter: which packets, which events, the answers to which command (0 for all).
type filter struct {
	types  uint32
	events [2]uint32
	opcode uint16
	_      uint16
}

// deviceInfo is struct hci_dev_info.
type deviceInfo struct {
	id         uint16
	name       [8]byte
	address    [6]byte
	flags      uint32
	kind       byte
	features   [8]byte
	packetType uint32
	policy     uint32
	mode       uint32
	mtus       [4]uint16
	stat       [10]uint32
}

func init() {
	device.RegisterRadio("", func(ctx context.Context, name string) (device.RadioBus, error) {
		link, err := socket(name)
		if err != nil {
			return nil, err
		}
		r, err := Open(ctx, name, link)
		if err != nil {
			return nil, refused(name, err)
		}
		return r, nil
	})
}

// Adapters lists the adapters there are.
func Adapters() []string {
	paths, _ := filepath.Glob("/sys/class/bluetooth/hci*") // only a wrong pattern fails
	var names []string
	for _, p := range paths {
		if name := filepath.Base(p); !strings.Contains(name, ":") { // hci0:11 is a connection
			names = append(names, name)
		}
	}
	return names
}

// socket opens the raw channel of an adapter that is up, or that it can switch on.
func socket(name string) (Link, error) {
	id, err := strconv.ParseUint(strings.TrimPrefix(name, "hci"), 10, 15)
	if err != nil || !strings.HasPrefix(name, "hci") {
		return nil, &device.Fault{
			Text:   fmt.Sprintf("%q is not the name of a Bluetooth adapter", name),
			Remedy: `write "hci0"; ` + present(Adapters()),
		}
	}
	fd, err := unix.Socket(unix.AF_BLUETOOTH, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.BTPROTO_HCI)
	if err != nil {
		return nil, refused(name, os.NewSyscallError("socket", err))
	}
	if err := prepare(fd, uint16(id)); err != nil {
		unix.Close(fd)
		return nil, refused(name, err)
	}
	return &conn{os.NewFile(uintptr(fd), name)}, nil
}

// prepare switches the adapter on and binds the socket to it.
func prepare(fd int, id uint16) error {
	info := deviceInfo{id: id}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), ioctlInfo, uintptr(unsafe.Pointer(&info))); errno != 0 {
		return os.NewSyscallError("HCIGETDEVINFO", errno)
	}
	if info.flags&flagUp == 0 {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), ioctlUp, uintptr(id))
		if errno != 0 && errno != unix.EALREADY {
			return &isDown{errno}
		}
	}
	f := filter{types: 1 << packetEvent, events: [2]uint32{1<<eventComplete | 1<<eventStatus, 1 << (eventLEMeta - 32)}}
	b := (*[unsafe.Sizeof(f)]byte)(unsafe.Pointer(&f))[:]
	if err := unix.SetsockoptString(fd, solHCI, hciFilter, string(b)); err != nil {
		return os.NewSyscallError("HCI_FILTER", err)
	}
	return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrHCI{Dev: id, Channel: unix.HCI_CHANNEL_RAW}))
}

// isDown is the error of an adapter that is off and does not go on.
type isDown struct{ errno unix.Errno }

func (d *isDown) Error() string { return "HCIDEVUP: " + d.errno.Error() }
func (d *isDown) Unwrap() error { return d.errno }

// conn is a socket that Go's poller waits for.
type conn struct{ *os.File }

// Write does not wait for ever: a controller that takes no commands has the queue full.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeAgain)); err != nil {
		return 0, err
	}
	return c.File.Write(p)
}

// refused turns the error of opening an adapter into one for people.
func refused(name string, err error) error {
	var f *device.Fault
	var down *isDown
	wrapped := errors.As(err, &f)
	switch {
	case errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EPROTONOSUPPORT):
		return &device.Fault{
			Text:   "this kernel has no Bluetooth",
			Remedy: "load its module: modprobe bluetooth; in a container, give it the network of the machine",
			Err:    err,
		}
	case errors.Is(err, unix.ENODEV):
		return &device.Fault{
			Text:   "there is no Bluetooth adapter " + name,
			Remedy: present(Adapters()) + "; plug one in; that of a Raspberry Pi is switched off by dtoverlay=disable-bt in config.txt, and needs the service hciuart on old systems",
			Err:    err,
		}
	case errors.Is(err, unix.ERFKILL):
		return &device.Fault{
			Text:   fmt.Sprintf("the Bluetooth adapter %s is switched off by rfkill", name),
			Remedy: "rfkill unblock bluetooth; if it is hard-blocked: the switch or the key for radios of this machine",
			Err:    err,
		}
	case errors.As(err, &down) && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)):
		return &device.Fault{
			Text:   fmt.Sprintf("the Bluetooth adapter %s is off, and selvage may not switch it on", name),
			Remedy: fmt.Sprintf("hciconfig %s up, or bluetoothctl power on; or let selvage do it: AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN in its unit", name),
			Err:    err,
		}
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return &device.Fault{
			Text:   fmt.Sprintf("selvage may not listen through the Bluetooth adapter %s", name),
			Remedy: "in its systemd unit: AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN, and AF_BLUETOOTH in RestrictAddressFamilies if that is there; by hand: setcap cap_net_raw,cap_net_admin+ep on the program",
			Err:    err,
		}
	case errors.Is(err, unix.EBUSY):
		return &device.Fault{
			Text:   fmt.Sprintf("another program has the Bluetooth adapter %s for itself", name),
			Remedy: "stop it: one that uses the adapter's user channel, such as another gateway; bluetoothd is no hindrance",
			Err:    err,
		}
	case wrapped:
		return err
	}
	return &device.Fault{
		Text:   fmt.Sprintf("the Bluetooth adapter %s does not open", name),
		Remedy: "look at it: hciconfig -a; and at the kernel's log: dmesg | grep -i bluetooth",
		Err:    err,
	}
}

// present lists the adapters, because a wrong number is the likeliest mistake.
func present(names []string) string {
	if len(names) == 0 {
		return "this machine shows no Bluetooth adapter"
	}
	return "this machine has " + strings.Join(names, ", ")
}
