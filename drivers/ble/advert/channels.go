package advert

import (
	"fmt"
	"strings"

	"selvage/edge/device"
)

// kinds are what channels of a name are. Ranges are those of the quantity: a device that is heard does not say which
// sensor is in it.
var kinds = map[string]device.Channel{
	"acceleration":   {Unit: "m/s2", Resolution: 1e-3},
	"air-quality":    {Unit: "1", Max: 1000},
	"battery":        {Unit: "%", Max: 100},
	"co2":            {Unit: "[ppm]", Max: 65535},
	"conductivity":   {Unit: "uS/cm", Max: 65535},
	"consumable":     {Unit: "%", Max: 100},
	"count":          {Unit: "1"},
	"current":        {Unit: "A", Resolution: 1e-3},
	"dew-point":      {Unit: "Cel", Min: -150, Max: 150, Resolution: 0.01},
	"direction":      {Unit: "deg", Max: 360, Resolution: 0.01},
	"distance":       {Unit: "m", Resolution: 1e-3},
	"duration":       {Unit: "s", Resolution: 1e-3},
	"energy":         {Unit: "kW.h", Resolution: 1e-3},
	"flow":           {Unit: "m3/h", Resolution: 1e-4},
	"formaldehyde":   {Unit: "mg/m3", Resolution: 1e-6},
	"gas":            {Unit: "m3", Resolution: 1e-3},
	"gravity":        {Unit: "1", Max: 2, Resolution: 1e-4},
	"gyroscope":      {Unit: "deg/s", Resolution: 1e-3},
	"heart-rate":     {Unit: "/min", Max: 300},
	"humidity":       {Unit: "%", Max: 100, Resolution: 0.01},
	"illuminance":    {Unit: "lx", Resolution: 0.01},
	"impedance":      {Unit: "Ohm", Resolution: 0.1},
	"keg-size":       {Unit: "L", Resolution: 1e-3},
	"level":          {Unit: "%", Max: 100},
	"light-level":    {Unit: "1"},
	"major":          {Unit: "1", Max: 65535},
	"measured-power": {Unit: "dB[mW]", Min: -128, Max: 127},
	"minor":          {Unit: "1", Max: 65535},
	"moisture":       {Unit: "%", Max: 100, Resolution: 0.01},
	"movements":      {Unit: "1"},
	"no-motion-time": {Unit: "s"},
	"nox":            {Unit: "1", Max: 65535},
	"opening-level":  {Unit: "%", Max: 100, Resolution: 0.5},
	"pitch":          {Unit: "deg", Min: -180, Max: 180},
	"pm1":            {Unit: "ug/m3", Resolution: 0.01},
	"pm2-5":          {Unit: "ug/m3", Resolution: 0.01},
	"pm4":            {Unit: "ug/m3", Resolution: 0.01},
	"pm10":           {Unit: "ug/m3", Resolution: 0.01},
	"power":          {Unit: "W", Resolution: 0.01},
	"precipitation":  {Unit: "mm", Resolution: 0.1},
	"pressure":       {Unit: "hPa", Max: 20000, Resolution: 0.01},
	"probe":          {Unit: "Cel", Min: -100, Max: 1500, Resolution: 0.01},
	"roll":           {Unit: "deg", Min: -180, Max: 180},
	"rotation":       {Unit: "deg", Resolution: 0.1},
	"rotations":      {Unit: "{rpm}"},
	"rssi":           {Unit: "dB[mW]", Min: -127, Max: 20},
	"score":          {Unit: "1", Max: 255},
	"shakes":         {Unit: "1"},
	"side":           {Unit: "1", Max: 255},
	"speed":          {Unit: "m/s", Resolution: 1e-6},
	"steps":          {Unit: "1"},
	"temperature":    {Unit: "Cel", Min: -150, Max: 1500, Resolution: 0.01},
	"tvoc":           {Unit: "ug/m3", Resolution: 0.01},
	"tx-power":       {Unit: "dB[mW]", Min: -40, Max: 30},
	"uptime":         {Unit: "s"},
	"uv-index":       {Unit: "1", Max: 30, Resolution: 0.1},
	"voc":            {Unit: "1", Max: 65535},
	"voltage":        {Unit: "V", Resolution: 1e-3},
	"volume":         {Unit: "L", Resolution: 1e-3},
	"water":          {Unit: "L", Resolution: 1e-3},
	"weight":         {Unit: "kg", Resolution: 0.01},

	"armed-away": {Form: device.Boolean}, "battery-charging": {Form: device.Boolean},
	"battery-low": {Form: device.Boolean}, "bed-occupancy": {Form: device.Boolean}, "binary": {Form: device.Boolean},
	"carbon-monoxide": {Form: device.Boolean}, "child-lock": {Form: device.Boolean}, "cold": {Form: device.Boolean},
	"connectivity": {Form: device.Boolean}, "door": {Form: device.Boolean}, "dropping": {Form: device.Boolean},
	"fingerprint": {Form: device.Boolean}, "garage-door": {Form: device.Boolean}, "gas-detected": {Form: device.Boolean},
	"heat": {Form: device.Boolean}, "impact": {Form: device.Boolean}, "light": {Form: device.Boolean},
	"lock": {Form: device.Boolean}, "anti-lock": {Form: device.Boolean}, "magnet": {Form: device.Boolean},
	"moisture-detected": {Form: device.Boolean}, "motion": {Form: device.Boolean}, "moving": {Form: device.Boolean},
	"occupancy": {Form: device.Boolean}, "opening": {Form: device.Boolean}, "plug": {Form: device.Boolean},
	"presence": {Form: device.Boolean}, "problem": {Form: device.Boolean}, "removed": {Form: device.Boolean},
	"running": {Form: device.Boolean}, "safety": {Form: device.Boolean}, "sleeping": {Form: device.Boolean},
	"smoke": {Form: device.Boolean}, "snoring": {Form: device.Boolean}, "sound": {Form: device.Boolean},
	"stable": {Form: device.Boolean}, "switch": {Form: device.Boolean}, "tamper": {Form: device.Boolean},
	"tilt": {Form: device.Boolean}, "toothbrush": {Form: device.Boolean}, "vibration": {Form: device.Boolean},
	"water-leak": {Form: device.Boolean}, "window": {Form: device.Boolean},

	"button": {Form: device.Text}, "dimmer": {Form: device.Text}, "door-action": {Form: device.Text},
	"lock-action": {Form: device.Text}, "lock-method": {Form: device.Text}, "lock-key": {Form: device.Text},
	"lock-error": {Form: device.Text}, "mode": {Form: device.Text}, "port-name": {Form: device.Text},
	"raw": {Form: device.Text}, "state": {Form: device.Text}, "text": {Form: device.Text}, "time": {Form: device.Text},
}

// Channel is the channel of a name. What stands behind a kind of channel tells several apart: "temperature-2",
// "probe-1-high", "level-grey", "button-left".
func Channel(name string) (device.Channel, bool) {
	base := name
	for {
		if c, ok := kinds[base]; ok {
			c.Name = name
			return c, true
		}
		i := strings.LastIndexByte(base, '-')
		if i < 0 {
			return device.Channel{}, false
		}
		base = base[:i]
	}
}

// numbered tells quantities of one kind in one packet apart: the second temperature is temperature-2.
func numbered(all []Measure) []Measure {
	times := make(map[string]int, len(all))
	for i := range all {
		name := all[i].Channel
		if times[name]++; times[name] > 1 {
			all[i].Channel = fmt.Sprintf("%s-%d", name, times[name])
		}
	}
	return all
}
