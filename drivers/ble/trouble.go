package ble

import (
	"errors"
	"fmt"
	"time"

	"selvage/drivers/ble/advert"
	"selvage/edge/device"
)

// explain turns why a packet cannot be read into words for people.
func (d *Dev) explain(p advert.Packet, err error) error {
	who := d.c.Address.String()
	if m := model(p); m != "" {
		who += ", a " + m + ","
	}
	f := &device.Fault{Err: err}
	switch {
	case errors.Is(err, advert.ErrNeedsKey):
		f.Text = who + " encrypts what it says, and its table has no bindkey"
		f.Remedy = `add bindkey = "file:/path/to/the/key"; for Xiaomi the key comes from the maker's cloud, for BTHome it is what was set in the device, for ATC in the flasher`
	case errors.Is(err, advert.ErrWrongKey):
		f.Text = "the bindkey does not open what " + who + " says"
		f.Remedy = "the key is of another device, or the device was paired or flashed again, which makes a new one: get its key anew"
	case errors.Is(err, errOld):
		f.Text = who + " counts lower than before: old packets are sent again"
		f.Remedy = "if its battery was changed or it was flashed, restart selvage, which then learns its counter anew; if not, somebody may be deceiving you"
	case errors.Is(err, advert.ErrUnknown):
		f.Text = who + " is heard, and what it says is not known here"
		f.Remedy = "check the address against: selvage scan; some sensors say what they measure only with active = true"
	default:
		f.Text = "what " + who + " says cannot be read"
		f.Remedy = "its firmware may be newer than what is known here, or its address is another device's: selvage scan"
	}
	return f
}

// Marks of what is weak: at -90 dBm most adapters lose most packets, and a lithium cell's end is sudden.
const (
	farSignal  = -88
	lowBattery = 10
)

// lost is nil as long as the sensor may be silent, else an error with the likeliest cause. Its words stay the same
// while that lasts. others is when anybody was heard last, zero if the adapter does not tell.
func (d *Dev) lost(others time.Time) error {
	since, patience := d.good, d.c.Silence
	if since.IsZero() {
		since, patience = d.opened, min(patience, firstWithin)
	}
	if patience == 0 || time.Since(since) < patience {
		return nil
	}
	f := &device.Fault{Err: device.ErrNoAnswer}
	if d.good.IsZero() {
		f.Text = fmt.Sprintf("%v was not heard on %v yet", d.c.Address, d.radio)
		f.Remedy = "check the address, its battery and the distance; who is in reach: selvage scan; if it speaks seldom: silence = \"1h\", or \"0s\" for a button"
	} else {
		f.Text = fmt.Sprintf("%v is not heard on %v any more", d.c.Address, d.radio)
		f.Remedy = "check its battery and the distance; if it speaks seldom: silence = \"1h\", or \"0s\" for a button"
		switch {
		case d.battery >= 0 && d.battery <= lowBattery:
			f.Remedy = fmt.Sprintf("change its battery, which was at %.0f %%", d.battery)
		case d.signal != 0 && d.signal <= farSignal:
			f.Remedy = fmt.Sprintf("bring it or the adapter nearer, since it was heard with %d dBm, which is hardly; then check its battery", d.signal)
		}
	}
	switch {
	case others.IsZero():
	case time.Since(others) < firstWithin:
		f.Remedy = "others are heard, so look at this one: " + f.Remedy
	default:
		f.Remedy = fmt.Sprintf("nobody is heard on %v, so look at the adapter and its antenna first: hciconfig -a; then: ", d.radio) + f.Remedy
	}
	return f
}
