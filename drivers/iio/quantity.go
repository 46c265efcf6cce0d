package iio

import (
	"math"
	"strings"

	"selvage/drivers/sysfs"
	"selvage/edge/device"
)

// quantity is what a channel type of the ABI is here.
type quantity struct {
	name   string
	unit   device.Unit
	factor float64 // from the ABI's unit to ours
}

// quantities are the types of the ABI whose unit it gives ("Units after application of scale and
// offset are …"), with ours. A type that is not here is a plain number under its own name.
var quantities = map[string]quantity{
	"accel":                  {"acceleration", "m/s2", 1},
	"angl":                   {"angle", "deg", 180 / math.Pi}, // radians
	"anglvel":                {"angular-velocity", "deg/s", 180 / math.Pi},
	"capacitance":            {"capacitance", "nF", 1},
	"colortemp":              {"color-temperature", "K", 1},
	"current":                {"current", "A", 1e-3},
	"distance":               {"distance", "m", 1},
	"electricalconductivity": {"conductivity", "S/m", 1},
	"energy":                 {"energy", "kW.h", 1 / 3.6e6}, // joules
	"gravity":                {"gravity", "m/s2", 1},
	"humidityrelative":       {"humidity", "%", 1e-3},
	"illuminance":            {"illuminance", "lx", 1},
	"incli":                  {"inclination", "deg", 1},
	"magn":                   {"magnetic-field", "uT", 100}, // gauss
	"ph":                     {"ph", "[pH]", 1},
	"phase":                  {"phase", "deg", 180 / math.Pi},
	"positionrelative":       {"position", "%", 1e-3},
	"power":                  {"power", "W", 1e-3},
	"pressure":               {"pressure", "hPa", 10}, // kilopascals
	"resistance":             {"resistance", "Ohm", 1},
	"rot":                    {"rotation", "deg", 1},
	"temp":                   {"temperature", "Cel", 1e-3},
	"uvindex":                {"uv-index", "1", 1},
	"velocity":               {"velocity", "m/s", 1},
	"voltage":                {"voltage", "V", 1e-3},
}

// concentration is in percent, which for gases nobody says.
var concentration = quantity{"concentration", "[ppm]", 1e4}

// gases have their own names for a concentration.
var gases = map[string]string{
	"co2": "co2", "voc": "voc", "ethanol": "ethanol", "h2": "h2", "o2": "o2",
}

// mass is of particles in the air: "massconcentration_pm2p5".
var mass = quantity{"massconcentration", "ug/m3", 1}

// kindOf returns the type of a channel: "voltage" of "voltage0-voltage1" and of "voltage0_supply".
func kindOf(channel string) string {
	return channel[:len(channel)-len(strings.TrimLeft(channel, "abcdefghijklmnopqrstuvwxyz"))]
}

// quantityOf returns what a channel, "temp", "voltage0-voltage1", "accel_x", "concentration_co2", is
// and what its lane is called.
func quantityOf(channel string) (q quantity, lane string) {
	kind := kindOf(channel)
	rest := channel[len(kind):]
	modifier := strings.TrimLeft(rest, "0123456789_")
	switch {
	case kind == "concentration":
		if gas, ok := gases[modifier]; ok {
			return quantity{gas, concentration.unit, concentration.factor}, gas + digits(rest)
		}
		q = concentration
	case kind == "massconcentration":
		if strings.HasPrefix(modifier, "pm") {
			size := strings.ReplaceAll(strings.TrimPrefix(modifier, "pm"), "p", "-") // pm2p5 is 2.5 µm
			return quantity{"pm" + size, mass.unit, mass.factor}, "pm" + size + digits(rest)
		}
		q = mass
	default:
		var known bool
		if q, known = quantities[kind]; !known {
			q = quantity{kind, "1", 1}
		}
	}
	return q, sysfs.LaneName(q.name + strings.ReplaceAll(rest, kind, ""))
}

// digits returns the number of a channel with a "-" before it, if it has one.
func digits(rest string) string {
	if n := len(rest) - len(strings.TrimLeft(rest, "0123456789")); n > 0 {
		return "-" + rest[:n]
	}
	return ""
}
