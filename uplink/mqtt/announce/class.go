package announce

import (
	"slices"
	"strings"

	"selvage/edge/device"
)

// kind is what a unit is to Home Assistant: how it is spelled there, and the device class of what has it, if it has
// but one. A class with a unit that it does not allow makes a config invalid
// (https://www.home-assistant.io/integrations/sensor/#device-class).
type kind struct{ spelling, class string }

var kinds = map[device.Unit]kind{
	"Cel": {"°C", "temperature"}, "[degF]": {"°F", "temperature"}, "K": {"K", "temperature"},
	"Pa": {"Pa", "pressure"}, "hPa": {"hPa", "pressure"}, "kPa": {"kPa", "pressure"}, "mbar": {"mbar", "pressure"}, "bar": {"bar", "pressure"},
	"cbar": {"cbar", "pressure"}, "mm[Hg]": {"mmHg", "pressure"}, "[in_i'Hg]": {"inHg", "pressure"}, "[psi]": {"psi", "pressure"},
	"W": {"W", "power"}, "kW": {"kW", "power"},
	"W.h": {"Wh", "energy"}, "kW.h": {"kWh", "energy"}, "MW.h": {"MWh", "energy"}, "GJ": {"GJ", "energy"},
	"V": {"V", "voltage"}, "mV": {"mV", "voltage"}, "A": {"A", "current"}, "mA": {"mA", "current"},
	"V.A": {"VA", "apparent_power"}, "V.A{reactive}": {"var", "reactive_power"},
	"Hz": {"Hz", "frequency"}, "kHz": {"kHz", "frequency"}, "MHz": {"MHz", "frequency"}, "GHz": {"GHz", "frequency"},
	"lx": {"lx", "illuminance"}, "W/m2": {"W/m²", "irradiance"},
	"dB[mW]": {"dBm", "signal_strength"}, "dB[SPL]": {"dB", "sound_pressure"},
	"km": {"km", "distance"}, "m": {"m", "distance"}, "cm": {"cm", "distance"}, "mm": {"mm", "distance"},
	"[in_i]": {"in", "distance"}, "[ft_i]": {"ft", "distance"}, "[mi_i]": {"mi", "distance"}, "[yd_i]": {"yd", "distance"},
	"m/s": {"m/s", "speed"}, "km/h": {"km/h", "speed"}, "[mi_i]/h": {"mph", "speed"}, "[kn_i]": {"kn", "speed"}, "[ft_i]/s": {"ft/s", "speed"},
	"mm/h": {"mm/h", "precipitation_intensity"}, "[in_i]/h": {"in/h", "precipitation_intensity"},
	"g": {"g", "weight"}, "kg": {"kg", "weight"}, "mg": {"mg", "weight"}, "[lb_av]": {"lb", "weight"}, "[oz_av]": {"oz", "weight"}, "[stone_av]": {"st", "weight"},
	"s": {"s", "duration"}, "min": {"min", "duration"}, "h": {"h", "duration"}, "d": {"d", "duration"},
	"By": {"B", "data_size"}, "kBy": {"kB", "data_size"}, "MBy": {"MB", "data_size"}, "GBy": {"GB", "data_size"},
	"KiBy": {"KiB", "data_size"}, "MiBy": {"MiB", "data_size"}, "GiBy": {"GiB", "data_size"},
	"By/s": {"B/s", "data_rate"}, "kBy/s": {"kB/s", "data_rate"}, "MBy/s": {"MB/s", "data_rate"},
	"bit/s": {"bit/s", "data_rate"}, "kbit/s": {"kbit/s", "data_rate"}, "Mbit/s": {"Mbit/s", "data_rate"},
	"[cft_i]": {"ft³", ""}, "[gal_us]": {"gal", ""},
}

func kindOf(u device.Unit) kind {
	if k, ok := kinds[u]; ok {
		return k
	}
	symbol := u.Symbol()
	if strings.HasPrefix(symbol, "{") && strings.HasSuffix(symbol, "}") { // UCUM's for what is no unit of its own
		symbol = symbol[1 : len(symbol)-1]
	}
	return kind{spelling: symbol}
}

// named are classes that a unit alone does not tell, by a word in the lane's name.
var named = []struct {
	class string
	units []device.Unit
	words []string
}{
	{"humidity", []device.Unit{"%"}, []string{"humidity"}},
	{"moisture", []device.Unit{"%"}, []string{"moisture"}},
	{"battery", []device.Unit{"%"}, []string{"battery"}},
	{"carbon_dioxide", []device.Unit{"[ppm]"}, []string{"co2", "carbon-dioxide"}},
	{"carbon_monoxide", []device.Unit{"[ppm]"}, []string{"co", "carbon-monoxide"}},
	{"pm1", []device.Unit{"ug/m3"}, []string{"pm1"}},
	{"pm25", []device.Unit{"ug/m3"}, []string{"pm2-5", "pm25"}},
	{"pm10", []device.Unit{"ug/m3"}, []string{"pm10"}},
	{"volatile_organic_compounds", []device.Unit{"ug/m3"}, []string{"voc", "tvoc"}},
	{"nitrogen_dioxide", []device.Unit{"ug/m3"}, []string{"no2", "nitrogen-dioxide"}},
	{"ozone", []device.Unit{"ug/m3"}, []string{"o3", "ozone"}},
	{"precipitation", []device.Unit{"mm", "[in_i]"}, []string{"rain", "precipitation"}},
	{"wind_speed", []device.Unit{"m/s", "km/h", "[mi_i]/h", "[kn_i]", "[ft_i]/s"}, []string{"wind"}},
	{"signal_strength", []device.Unit{"dB"}, []string{"rssi", "signal"}},
	{"sound_pressure", []device.Unit{"dB"}, []string{"sound", "noise"}},
	{"water", []device.Unit{"m3", "L", "[gal_us]", "[cft_i]"}, []string{"water"}},
	{"gas", []device.Unit{"m3", "[cft_i]"}, []string{"gas"}},
	{"power_factor", []device.Unit{"", "1", "%"}, []string{"power-factor"}},
	{"aqi", []device.Unit{"", "1"}, []string{"aqi"}},
}

// counts are the classes of what is counted for ever, and begins anew at most.
var counts = []string{"energy", "water", "gas"}

// binary are classes of what is true or false, by a word in the lane's name, where true means the same. A contact is
// not among them: closed is off to Home Assistant.
var binary = []struct{ word, class string }{
	{"motion", "motion"}, {"occupancy", "occupancy"}, {"presence", "presence"}, {"smoke", "smoke"}, {"leak", "moisture"},
	{"vibration", "vibration"}, {"tamper", "tamper"}, {"battery-low", "battery"}, {"online", "connectivity"},
}

// measures describes a channel and returns the component for it.
func (e *entity) measures(c Channel) (component string) {
	switch c.Form {
	case device.Boolean:
		for _, b := range binary {
			if has(c.Name, b.word) {
				e.DeviceClass = b.class
				break
			}
		}
		return "binary_sensor"
	case device.Number:
		k := kindOf(c.Unit)
		e.UnitOfMeasurement, e.DeviceClass, e.StateClass = k.spelling, k.class, "measurement"
		for _, n := range named {
			if slices.Contains(n.units, c.Unit) && slices.ContainsFunc(n.words, func(word string) bool { return has(c.Name, word) }) {
				e.DeviceClass = n.class
				break
			}
		}
		if slices.Contains(counts, e.DeviceClass) {
			e.StateClass = "total_increasing"
		}
	}
	return "sensor"
}

// has reports whether a lane's name has a word, or some that follow each other.
func has(lane, word string) bool {
	return strings.Contains("-"+strings.Join(wordsOf(lane), "-")+"-", "-"+word+"-")
}
