package twin

import (
	"fmt"

	"selvage/edge/recon"
)

// order is what the lane set takes: true or false, or on or off, as people see it.
type order bool

func (o *order) LoadRecon(v recon.Value) error {
	text, _ := v.Text()
	on, isBool := v.Bool()
	switch {
	case isBool && v.Kind() == recon.KindBool:
		*o = order(on)
	case text == "on", text == "off":
		*o = text == "on"
	default:
		return fmt.Errorf("want true or false, on or off, read %.40s", v)
	}
	return nil
}

func (o order) AppendRecon(dst []byte) ([]byte, error) {
	return recon.Append(dst, recon.Bool(bool(o))), nil
}

var (
	_ recon.Loader   = (*order)(nil)
	_ recon.Appender = order(false)
)
