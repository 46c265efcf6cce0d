package filter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"selvage/edge/device"
)

// unit says how a UCUM unit becomes the base unit of its quantity: base = value × factor + offset.
type unit struct {
	of             string // the quantity
	factor, offset float64
}

// units are those that are converted. Factors are exact by definition (BIPM SI Brochure, 9th edition; NIST SP 811,
// appendix B), except those of psi and mmHg, which have all the digits of a float64.
var units = map[device.Unit]unit{
	"K":      {"temperature", 1, 0},
	"Cel":    {"temperature", 1, 273.15},
	"[degF]": {"temperature", 5.0 / 9, 459.67 * 5 / 9},

	"Pa":       {"pressure", 1, 0},
	"hPa":      {"pressure", 100, 0},
	"kPa":      {"pressure", 1e3, 0},
	"MPa":      {"pressure", 1e6, 0},
	"mbar":     {"pressure", 100, 0},
	"bar":      {"pressure", 1e5, 0},
	"atm":      {"pressure", 101325, 0},
	"mm[Hg]":   {"pressure", 133.322387415, 0},
	"[psi]":    {"pressure", 6894.757293168361, 0},
	"mW":       {"power", 1e-3, 0},
	"W":        {"power", 1, 0},
	"kW":       {"power", 1e3, 0},
	"MW":       {"power", 1e6, 0},
	"J":        {"energy", 1, 0},
	"kJ":       {"energy", 1e3, 0},
	"MJ":       {"energy", 1e6, 0},
	"W.h":      {"energy", 3600, 0},
	"kW.h":     {"energy", 3.6e6, 0},
	"MW.h":     {"energy", 3.6e9, 0},
	"uA":       {"current", 1e-6, 0},
	"mA":       {"current", 1e-3, 0},
	"A":        {"current", 1, 0},
	"uV":       {"voltage", 1e-6, 0},
	"mV":       {"voltage", 1e-3, 0},
	"V":        {"voltage", 1, 0},
	"kV":       {"voltage", 1e3, 0},
	"um":       {"length", 1e-6, 0},
	"mm":       {"length", 1e-3, 0},
	"cm":       {"length", 1e-2, 0},
	"m":        {"length", 1, 0},
	"km":       {"length", 1e3, 0},
	"[in_i]":   {"length", 0.0254, 0},
	"[ft_i]":   {"length", 0.3048, 0},
	"[mi_i]":   {"length", 1609.344, 0},
	"m/s":      {"speed", 1, 0},
	"km/h":     {"speed", 1 / 3.6, 0},
	"mm/s":     {"speed", 1e-3, 0},
	"[kn_i]":   {"speed", 1852.0 / 3600, 0},
	"mL":       {"volume", 1e-6, 0},
	"L":        {"volume", 1e-3, 0},
	"m3":       {"volume", 1, 0},
	"L/min":    {"flow", 1e-3 / 60, 0},
	"L/h":      {"flow", 1e-3 / 3600, 0},
	"m3/h":     {"flow", 1.0 / 3600, 0},
	"g":        {"mass", 1e-3, 0},
	"kg":       {"mass", 1, 0},
	"t":        {"mass", 1e3, 0},
	"ug/m3":    {"concentration by mass", 1e-9, 0},
	"mg/m3":    {"concentration by mass", 1e-6, 0},
	"g/m3":     {"concentration by mass", 1e-3, 0},
	"1":        {"ratio", 1, 0},
	"%":        {"ratio", 1e-2, 0},
	"[ppm]":    {"ratio", 1e-6, 0},
	"[ppb]":    {"ratio", 1e-9, 0},
	"us":       {"time", 1e-6, 0},
	"ms":       {"time", 1e-3, 0},
	"s":        {"time", 1, 0},
	"min":      {"time", 60, 0},
	"h":        {"time", 3600, 0},
	"d":        {"time", 86400, 0},
	"By":       {"data", 1, 0},
	"kBy":      {"data", 1e3, 0},
	"MBy":      {"data", 1e6, 0},
	"KiBy":     {"data", 1 << 10, 0},
	"MiBy":     {"data", 1 << 20, 0},
	"Hz":       {"frequency", 1, 0},
	"kHz":      {"frequency", 1e3, 0},
	"{rpm}":    {"frequency", 1.0 / 60, 0},
	"deg":      {"angle", 1, 0},
	"rad":      {"angle", 57.29577951308232, 0},
	"Ohm":      {"resistance", 1, 0},
	"kOhm":     {"resistance", 1e3, 0},
	"MOhm":     {"resistance", 1e6, 0},
	"lx":       {"illuminance", 1, 0},
	"klx":      {"illuminance", 1e3, 0},
	"uT":       {"magnetic flux density", 1e-6, 0},
	"mT":       {"magnetic flux density", 1e-3, 0},
	"m/s2":     {"acceleration", 1, 0},
	"[g]":      {"acceleration", 9.80665, 0},
	"uS/cm":    {"conductivity", 1e-4, 0},
	"mS/cm":    {"conductivity", 1e-1, 0},
	"[gal_us]": {"volume", 0.003785411784, 0},
}

// convert returns r in another unit. A reading whose unit is not of the same quantity comes back bad.
func convert(r device.Reading, to device.Unit) device.Reading {
	if to == "" || r.Unit == to || r.Bad() {
		return r
	}
	from, into := units[r.Unit], units[to]
	if r.Form != device.Number || from.of == "" || from.of != into.of {
		what := "a reading without a unit"
		if r.Form != device.Number {
			what = "what is no number"
		} else if r.Unit != "" {
			what = string(r.Unit)
		}
		return device.Reading{Unit: to, At: r.At, Quality: device.Bad, Reason: fmt.Sprintf("%s is not converted to %s", what, to)}
	}
	r.Value = round((r.Value*from.factor + from.offset - into.offset) / into.factor)
	r.Unit = to
	return r
}

// round leaves 12 significant digits, more than any sensor has: so 21.5 °C is 70.7 °F, without the crumbs of the
// arithmetic.
func round(v float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64) // on failure infinite, as v is
	return rounded
}

// knownUnits names the units for a person.
func knownUnits() string {
	codes := slices.Sorted(maps.Keys(units))
	names := make([]string, len(codes))
	for i, u := range codes {
		names[i] = string(u)
	}
	return strings.Join(names, " ")
}
