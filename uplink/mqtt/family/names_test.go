package family

import (
	"testing"
	"unicode/utf8"

	"selvage/edge/device"
)

func TestSlug(t *testing.T) {
	for text, want := range map[string]string{
		"Détecteur mouvement 2":   "detecteur-mouvement-2",
		"  Küche/Süd — Heizung! ": "kueche-sued-heizung",
		"0x00124b0022":            "0x00124b0022",
		"Температура":             "температура",
		"___":                     "",
		"CO₂":                     "co2",
	} {
		if got := Slug(text); got != want {
			t.Errorf("Slug(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestLane(t *testing.T) {
	for text, want := range map[string]string{
		"Temperature": "temperature", "state": "device-state", "Status": "device-status", "2nd": "n2nd", "!": "value", "": "value", "Pump Speed": "pump-speed",
	} {
		if got := Lane(text); got != want {
			t.Errorf("Lane(%q) = %q, want %q", text, got, want)
		}
	}
	if got := LaneOf("ENERGY", "Power"); got != "energy-power" {
		t.Error(got)
	}
}

func FuzzLane(f *testing.F) {
	f.Add("Ärger im Keller 2")
	f.Add("\x00\xff٣")
	f.Fuzz(func(t *testing.T, text string) {
		lane := Lane(text)
		if problem, _ := device.CheckChannel(lane); problem != "" && ascii(lane) {
			t.Errorf("Lane(%q): %s", text, problem)
		}
		if !utf8.ValidString(lane) || len(lane) > maxName+len("device-") || len(lane) < maxName/2 && Lane(lane) != lane && lane[0] != 'd' {
			t.Errorf("Lane(%q) = %q", text, lane)
		}
	})
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func TestUnit(t *testing.T) {
	for spelling, want := range map[string]device.Unit{
		"°C": "Cel", "C": "Cel", "kWh": "kW.h", "mV": "mV", "MW": "MW", "mW": "mW", "W": "W", "%": "%", "": "", "lqi": "", "µg/m³": "ug/m3",
		"hPa": "hPa", "ppm": "[ppm]", "var": "V.A{reactive}", "widgets": "{widgets}", "a{b": "", "dBm": "dB[mW]", "km/h": "km/h", " s ": "s",
	} {
		if got := Unit(spelling); got != want {
			t.Errorf("Unit(%q) = %q, want %q", spelling, got, want)
		}
	}
}
