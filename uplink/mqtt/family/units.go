package family

import (
	"strings"

	"selvage/edge/device"
)

// spellings are units as devices write them, where that is not their UCUM code. Small letters here stand for any.
var spellings = map[string]device.Unit{
	"°c": "Cel", "c": "Cel", "degc": "Cel", "celsius": "Cel", "ºc": "Cel",
	"°f": "[degF]", "f": "[degF]", "degf": "[degF]", "fahrenheit": "[degF]", "ºf": "[degF]",
	"k": "K", "°": "deg", "%rh": "%", "% rh": "%", "percent": "%",
	"lx": "lx", "lux": "lx", "lm": "lm",
	"pa": "Pa", "hpa": "hPa", "kpa": "kPa", "mbar": "mbar", "bar": "bar", "mmhg": "mm[Hg]", "inhg": "[in_i'Hg]", "psi": "[psi]",
	"ppm": "[ppm]", "ppb": "[ppb]", "ph": "[pH]",
	"µg/m³": "ug/m3", "μg/m³": "ug/m3", "ug/m³": "ug/m3", "µg/m3": "ug/m3", "ug/m3": "ug/m3", "mg/m³": "mg/m3", "g/m³": "g/m3",
	"w": "W", "kw": "kW", "wh": "W.h", "kwh": "kW.h", "va": "V.A", "kva": "kV.A", "var": "V.A{reactive}", "kvarh": "kV.A.h{reactive}",
	"kvah": "kV.A.h", "v": "V", "kv": "kV", "a": "A", "ah": "A.h", "ω": "Ohm", "kω": "kOhm", "ohm": "Ohm",
	"hz": "Hz", "khz": "kHz", "rpm": "{rpm}", "j": "J", "kj": "kJ", "mj": "MJ", "gj": "GJ", "cal": "cal", "kcal": "kcal",
	"m": "m", "cm": "cm", "km": "km", "um": "um", "µm": "um", "in": "[in_i]", "ft": "[ft_i]", "mi": "[mi_i]", "yd": "[yd_i]",
	"m²": "m2", "m³": "m3", "m3": "m3", "m^3": "m3", "ft³": "[cft_i]", "l": "L", "ml": "mL", "gal": "[gal_us]",
	"m³/h": "m3/h", "m3/h": "m3/h", "l/min": "L/min", "l/h": "L/h", "l/s": "L/s",
	"m/s": "m/s", "km/h": "km/h", "kph": "km/h", "mph": "[mi_i]/h", "kn": "[kn_i]", "kt": "[kn_i]", "ft/s": "[ft_i]/s", "mm/h": "mm/h", "in/h": "[in_i]/h",
	"m/s²": "m/s2", "g": "g", "kg": "kg", "mg": "mg", "lb": "[lb_av]", "oz": "[oz_av]", "st": "[stone_av]",
	"s": "s", "sec": "s", "seconds": "s", "min": "min", "minutes": "min", "h": "h", "hours": "h", "d": "d", "days": "d",
	"ms": "ms", "µs": "us", "μs": "us", "us": "us",
	"db": "dB", "dba": "dB[SPL]", "dbm": "dB[mW]", "µs/cm": "uS/cm", "μs/cm": "uS/cm",
	"w/m²": "W/m2", "btu": "[Btu]", "lqi": "", "steps": "", "b": "By", "kb": "kBy", "mb": "MBy", "gb": "GBy", "kib": "KiBy", "mib": "MiBy", "gib": "GiBy",
	"b/s": "By/s", "kb/s": "kBy/s", "mb/s": "MBy/s", "µv": "uV", "µa": "uA", "µt": "uT", "mired": "{mired}", "mireds": "{mired}", "btu/h": "[Btu]/h",
}

// exact are spellings in which a capital letter says something else than the small one.
var exact = map[string]device.Unit{
	"mV": "mV", "MV": "MV", "mA": "mA", "mW": "mW", "MW": "MW", "mWh": "mW.h", "MWh": "MW.h", "GWh": "GW.h", "GW": "GW", "mAh": "mA.h",
	"mm": "mm", "Mbit/s": "Mbit/s", "kbit/s": "kbit/s", "bit/s": "bit/s", "kHz": "kHz", "MHz": "MHz", "GHz": "GHz", "mHz": "mHz",
	"MΩ": "MOhm", "MPa": "MPa", "mPa": "mPa", "cbar": "cbar", "mS/cm": "mS/cm", "µS/cm": "uS/cm", "μS/cm": "uS/cm", "S/cm": "S/cm",
	"Bq/m³": "Bq/m3", "pCi/L": "pCi/L", "µSv/h": "uSv/h", "μSv/h": "uSv/h", "uSv/h": "uSv/h", "Wh/km": "W.h/km",
	"CCF": "{CCF}", "kWh/100km": "kW.h/{100km}", "ms": "ms", "Ms": "Ms", "mg": "mg", "Mg": "Mg", "mL": "mL", "ML": "ML",
}

// Unit reads a unit as a device writes it: "°C" is "Cel", "kWh" is "kW.h". One that is not known stays as it is
// written, in braces, as UCUM has it for units that are none; %, empty text and codes stay.
func Unit(spelling string) device.Unit {
	s := strings.TrimSpace(spelling)
	if u, ok := exact[s]; ok {
		return u
	}
	if u, ok := spellings[strings.ToLower(s)]; ok {
		return u
	}
	switch {
	case s == "" || s == "%":
		return device.Unit(s)
	case strings.ContainsAny(s, "{}[]") || len(s) > 32:
		return ""
	}
	return device.Unit("{" + s + "}")
}
