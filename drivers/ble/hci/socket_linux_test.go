package hci

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"selvage/edge/device"
)

// Sizes of include/net/bluetooth/hci_sock.h, on whichever machine this is built for.
func TestLayout(t *testing.T) {
	if got := unsafe.Sizeof(filter{}); got != 16 {
		t.Errorf("struct hci_ufilter has %d bytes, want 16", got)
	}
	if got := unsafe.Sizeof(deviceInfo{}); got != 92 {
		t.Errorf("struct hci_dev_info has %d bytes, want 92", got)
	}
	if got := unsafe.Offsetof(deviceInfo{}.flags); got != 16 {
		t.Errorf("flags are at %d, want 16", got)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		err          error
		text, remedy string
	}{
		{unix.EAFNOSUPPORT, "this kernel has no Bluetooth", "modprobe bluetooth"},
		{unix.ENODEV, "there is no Bluetooth adapter hci0", "plug one in"},
		{&isDown{unix.ERFKILL}, "the Bluetooth adapter hci0 is switched off by rfkill", "rfkill unblock bluetooth"},
		{&isDown{unix.EPERM}, "the Bluetooth adapter hci0 is off, and selvage may not switch it on", "hciconfig hci0 up"},
		{gone("hci0", unix.EPERM), "selvage may not listen through the Bluetooth adapter hci0", "CAP_NET_RAW"},
		{unix.EBUSY, "another program has the Bluetooth adapter hci0 for itself", "bluetoothd is no hindrance"},
		{&isDown{unix.ETIMEDOUT}, "the Bluetooth adapter hci0 does not open", "dmesg"},
		{&device.Fault{Text: "as it was told", Remedy: "so"}, "as it was told", "so"},
	} {
		err := refused("hci0", fmt.Errorf("in its way: %w", c.err))
		var f *device.Fault
		if !errors.As(err, &f) || f.Text != c.text || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("%v: %q, %q, want %q, %q", c.err, f.Text, f.Remedy, c.text, c.remedy)
		}
	}
}

// Whatever this machine has, a wrong name and an adapter that is not there are faults with a remedy.
func TestSocket(t *testing.T) {
	for name, want := range map[string]string{
		"wlan0": `"wlan0" is not the name of a Bluetooth adapter`, "hci": `"hci" is not`, "hci-1": `"hci-1" is not`,
		"hci31999": "",
	} {
		link, err := socket(name)
		var f *device.Fault
		if link != nil || !errors.As(err, &f) || !strings.HasPrefix(f.Text, want) || f.Remedy == "" {
			t.Errorf("socket(%q) = %v, %v, want %q", name, link, err, want)
		}
	}
	if got := present([]string{"hci0", "hci1"}); got != "this machine has hci0, hci1" {
		t.Error(got)
	}
}
