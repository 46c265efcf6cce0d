package device

// Unit is a UCUM code (ucum.org, case sensitive): "Cel", "%", "W". Lanes carry the code, people see
// the symbol.
type Unit string

// symbols holds the units whose UCUM code is not what people write.
var symbols = map[Unit]string{
	"1":        "",
	"Cel":      "°C",
	"[degF]":   "°F",
	"deg":      "°",
	"Ohm":      "Ω",
	"kOhm":     "kΩ",
	"MOhm":     "MΩ",
	"uA":       "µA",
	"uV":       "µV",
	"uW":       "µW",
	"um":       "µm",
	"us":       "µs",
	"uT":       "µT",
	"ug/m3":    "µg/m³",
	"mg/m3":    "mg/m³",
	"g/m3":     "g/m³",
	"m2":       "m²",
	"m3":       "m³",
	"m3/h":     "m³/h",
	"m/s2":     "m/s²",
	"W.h":      "Wh",
	"kW.h":     "kWh",
	"W/m2":     "W/m²",
	"V.A":      "VA",
	"By":       "B",
	"By/s":     "B/s",
	"kBy":      "kB",
	"MBy":      "MB",
	"GBy":      "GB",
	"KiBy":     "KiB",
	"MiBy":     "MiB",
	"[ppm]":    "ppm",
	"[ppb]":    "ppb",
	"{rpm}":    "rpm",
	"[pH]":     "pH",
	"dB[SPL]":  "dB",
	"dB[mW]":   "dBm",
	"uS/cm":    "µS/cm",
	"deg/s":    "°/s",
	"[in_i]":   "in",
	"[psi]":    "psi",
	"[gal_us]": "gal",

	// UCUM has no var: it is the volt-ampere.
	"V.A{reactive}":    "var",
	"kV.A.h{reactive}": "kvarh",
	"kV.A.h":           "kVAh",
}

// Symbol returns the unit as people write it: "Cel" is "°C", and "{mired}" is "mired", since braces hold what is no unit
// of UCUM. A unit without a symbol of its own is written as its code.
func (u Unit) Symbol() string {
	if s, ok := symbols[u]; ok {
		return s
	}
	if n := len(u); n > 2 && u[0] == '{' && u[n-1] == '}' {
		return string(u[1 : n-1])
	}
	return string(u)
}
