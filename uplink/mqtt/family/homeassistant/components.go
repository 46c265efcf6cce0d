package homeassistant

import (
	"slices"
	"strconv"

	"selvage/edge/device"
	"selvage/uplink/mqtt/family"
)

// components make the parts of an entity, as home-assistant.io/integrations/NAME.mqtt has them.
var components = map[string]func(*builder){
	"sensor":         (*builder).sensor,
	"binary_sensor":  (*builder).binarySensor,
	"device_tracker": func(b *builder) { b.words("", "state_topic", "value_template") },
	"event":          (*builder).event,
	"switch":         func(b *builder) { b.toggle("payload_on", "ON", "payload_off", "OFF", "state_on", "state_off") },
	"number":         (*builder).number,
	"select":         (*builder).choose,
	"text":           (*builder).choose,
	"notify":         (*builder).choose,
	"button":         func(b *builder) { b.press("payload_press", "PRESS") },
	"scene":          func(b *builder) { b.press("payload_on", "ON") },
	"light":          (*builder).light,
	"cover":          (*builder).cover,
	"valve":          (*builder).valve,
	"lock":           (*builder).lock,
	"fan":            (*builder).fan,
	"siren":          (*builder).siren,
	"humidifier":     (*builder).humidifier,
	"climate":        (*builder).climate,
	"water_heater":   (*builder).climate,
}

// quiet are components that have nothing for a twin, and are not worth a word.
var quiet = []string{"update", "device_automation", "tag"}

// mains are the components that may be what a device mostly is.
var mains = []string{"switch", "light", "cover", "valve", "lock", "fan", "siren", "humidifier", "climate", "water_heater"}

// wordy are device classes of sensors that are no numbers.
var wordy = []string{"enum", "date", "timestamp"}

// sensor is a number where Home Assistant expects one: with a unit, a state class or a device class of a quantity. A
// device class that does not go with the unit does not matter. Where nothing is said, the first value decides.
func (b *builder) sensor() {
	class, unit := b.config.text("device_class"), b.config.text("unit_of_measurement")
	p := part{takes: device.Channel{Unit: family.Unit(unit)}, wire: numbers(1, 0)}
	switch {
	case slices.Contains(wordy, class) || b.config.has("options"):
		p.takes, p.wire = device.Channel{Form: device.Text}, texts
	case class == "" && unit == "" && !b.config.has("state_class"):
		p.open = true
	}
	b.channel(p, "state_topic", "value_template")
}

// binarySensor leaves out off_delay: a twin does not make up that something is over.
func (b *builder) binarySensor() {
	on, off := b.config.textOr("payload_on", "ON"), b.config.textOr("payload_off", "OFF")
	b.channel(part{takes: device.Channel{Form: device.Boolean}, wire: flags(on, off, on, off)}, "state_topic", "value_template")
}

func (b *builder) event() {
	w := texts
	w.read = eventType
	b.channel(part{takes: device.Channel{Form: device.Text}, wire: w, event: true}, "state_topic", "value_template")
}

// words adds a channel of text.
func (b *builder) words(suffix, topic, template string) {
	b.channel(part{suffix: suffix, takes: device.Channel{Form: device.Text}, wire: texts}, topic, template)
}

// toggle adds a switch. What it says is what it is told, unless the config has other words.
func (b *builder) toggle(on, onDefault, off, offDefault, saysOn, saysOff string) {
	w := b.switched(on, onDefault, off, offDefault, saysOn, saysOff)
	b.output(part{takes: device.Channel{Form: device.Boolean}, wire: w}, under(""))
}

func (b *builder) switched(on, onDefault, off, offDefault, saysOn, saysOff string) wire {
	on, off = b.config.textOr(on, onDefault), b.config.textOr(off, offDefault)
	return flags(on, off, b.config.textOr(saysOn, on), b.config.textOr(saysOff, off))
}

// lock is on when it is locked.
func (b *builder) lock() {
	w := flags(b.config.textOr("payload_lock", "LOCK"), b.config.textOr("payload_unlock", "UNLOCK"),
		b.config.textOr("state_locked", "LOCKED"), b.config.textOr("state_unlocked", "UNLOCKED"))
	read := w.read
	w.read = func(text string) (device.Value, error) {
		if text == b.config.textOr("state_locking", "LOCKING") || text == b.config.textOr("state_unlocking", "UNLOCKING") {
			return device.Value{}, errUnknown
		}
		return read(text)
	}
	b.output(part{takes: device.Channel{Form: device.Boolean}, wire: w}, under(""))
}

func (b *builder) number() {
	low, high := b.config.number("min", 1), b.config.number("max", 100)
	b.output(part{
		takes: device.Channel{Unit: family.Unit(b.config.text("unit_of_measurement")), Min: low, Max: high}, wire: numbers(1, 0),
	}, under(""))
}

// limited adds a number under a prefix of its own.
func (b *builder) limited(suffix, prefix string, takes device.Channel, w wire) {
	b.output(part{suffix: suffix, takes: takes, wire: w}, under(prefix))
}

const maxOptions = 200

func (b *builder) choose() { b.chosen("", "", "options") }

// chosen adds a text under a prefix, one of those that the config lists.
func (b *builder) chosen(suffix, prefix, list string) {
	options := b.config.texts(list)
	b.output(part{
		suffix: suffix, takes: device.Channel{Form: device.Text}, wire: texts, options: options[:min(len(options), maxOptions)],
	}, under(prefix))
}

// press adds a button, which takes the word press.
func (b *builder) press(payload, otherwise string) {
	w := words(map[string]string{"press": b.config.textOr(payload, otherwise)}, nil)
	k := under("")
	k.state = ""
	b.output(part{takes: device.Channel{Form: device.Text}, wire: w, options: []string{"press"}}, k)
}

// cover takes the words open, close and stop, says how it moves on a channel, and has its position in percent: 100 is
// open. What it was told is not confirmed, for a cover that was told to open says that it is opening, or has opened.
func (b *builder) cover() {
	b.movement("OPEN", "CLOSE", "STOP")
	closed, open := b.config.number("position_closed", 0), b.config.number("position_open", 100)
	if open == closed {
		b.fault("config", "position_open", "correct it where the config is made", "it is the same as position_closed")
		return
	}
	takes := device.Channel{Unit: "%", Max: 100}
	position := whole(numbers((open-closed)/100, closed))
	k := keys{
		command: "set_position_topic", template: "set_position_template",
		state: "position_topic", values: []string{"position_template"}, also: []string{"position"},
	}
	if b.config.has("set_position_template") { // which is given percent, and does the rest itself
		position.write = numbers(1, 0).write
	}
	if b.config.has("set_position_topic") {
		b.output(part{suffix: "position", takes: takes, wire: position}, k)
	} else {
		b.channel(part{suffix: "position", takes: takes, wire: position}, k.state, k.values...)
	}
	b.output(part{suffix: "tilt", takes: takes, wire: numbers(1, 0)}, keys{
		command: "tilt_command_topic", template: "tilt_command_template",
		state: "tilt_status_topic", values: []string{"tilt_status_template"}, also: []string{"tilt_position"},
	})
}

func (b *builder) movement(open, closes, stop string) {
	sends, says := map[string]string{}, map[string]string{}
	var options []string
	for _, o := range [][3]string{{"open", "payload_open", open}, {"close", "payload_close", closes}, {"stop", "payload_stop", stop}} {
		if _, said := b.config[o[1]]; said && !b.config.has(o[1]) || o[2] == "" && !said {
			continue // null: it cannot do that
		}
		sends[o[0]] = b.config.textOr(o[1], o[2])
		options = append(options, o[0])
	}
	for _, state := range []string{"open", "opening", "closed", "closing", "stopped"} {
		says[b.config.textOr("state_"+state, state)] = state
	}
	k := under("")
	k.state = ""
	b.output(part{takes: device.Channel{Form: device.Text}, wire: words(sends, nil), options: options, silent: true}, k)
	b.channel(part{suffix: "movement", takes: device.Channel{Form: device.Text}, wire: words(nil, says)}, "state_topic", "value_template")
}

// valve is a position in percent where it reports one, otherwise it is told words.
func (b *builder) valve() {
	if !b.config.flag("reports_position") {
		b.movement("OPEN", "CLOSE", "")
		return
	}
	closed, open := b.config.number("position_closed", 0), b.config.number("position_open", 100)
	if open != closed {
		b.output(part{takes: device.Channel{Unit: "%", Max: 100}, wire: whole(numbers((open-closed)/100, closed))}, under(""))
	}
}

func (b *builder) fan() {
	b.toggle("payload_on", "ON", "payload_off", "OFF", "payload_on", "payload_off")
	low, high := b.config.number("speed_range_min", 1), b.config.number("speed_range_max", 100)
	if low < high { // as Home Assistant does, 0 % is one below the least
		b.limited("percentage", "percentage_", device.Channel{Unit: "%", Max: 100}, upwards(numbers((high-low+1)/100, low-1)))
	}
	b.chosen("preset-mode", "preset_mode_", "preset_modes")
	on, off := b.config.textOr("payload_oscillation_on", "oscillate_on"), b.config.textOr("payload_oscillation_off", "oscillate_off")
	b.output(part{suffix: "oscillation", takes: device.Channel{Form: device.Boolean}, wire: flags(on, off, on, off)}, under("oscillation_"))
}

// siren is told in JSON where it has no template.
func (b *builder) siren() {
	w := b.switched("payload_on", "ON", "payload_off", "OFF", "state_on", "state_off")
	if !b.config.has("command_template") {
		inner := w.write
		w.write = func(v device.Value) any { return `{"state":` + strconv.Quote(plain(inner(v))) + `}` }
	}
	w.read = stateMember(w.read)
	b.output(part{takes: device.Channel{Form: device.Boolean}, wire: w}, under(""))
}

func (b *builder) humidifier() {
	b.toggle("payload_on", "ON", "payload_off", "OFF", "payload_on", "payload_off")
	b.limited("target-humidity", "target_humidity_", b.humidity(), numbers(1, 0))
	b.chosen("mode", "mode_", "modes")
	b.channel(part{suffix: "current-humidity", takes: device.Channel{Unit: "%"}, wire: numbers(1, 0)},
		"current_humidity_topic", "current_humidity_template")
	b.words("action", "action_topic", "action_template")
}

func (b *builder) humidity() device.Channel {
	return device.Channel{Unit: "%", Min: b.config.number("min_humidity", 0), Max: b.config.number("max_humidity", 100)}
}

// climate is mostly its target temperature. Without a unit Home Assistant takes its own, which is °C unless somebody
// chose °F.
func (b *builder) climate() {
	degrees := device.Channel{Unit: family.Unit(b.config.textOr("temperature_unit", "C"))}
	target := degrees
	target.Min, target.Max = b.config.number("min_temp", 0), b.config.number("max_temp", 0)
	b.limited("", "temperature_", target, numbers(1, 0))
	b.limited("temperature-low", "temperature_low_", target, numbers(1, 0))
	b.limited("temperature-high", "temperature_high_", target, numbers(1, 0))
	b.channel(part{suffix: "current-temperature", takes: degrees, wire: numbers(1, 0)},
		"current_temperature_topic", "current_temperature_template")
	b.channel(part{suffix: "current-humidity", takes: device.Channel{Unit: "%"}, wire: numbers(1, 0)},
		"current_humidity_topic", "current_humidity_template")
	b.limited("target-humidity", "target_humidity_", b.humidity(), numbers(1, 0))
	b.words("action", "action_topic", "action_template")
	b.chosen("mode", "mode_", "modes")
	b.chosen("fan-mode", "fan_mode_", "fan_modes")
	b.chosen("swing-mode", "swing_mode_", "swing_modes")
	b.chosen("preset-mode", "preset_mode_", "preset_modes")
	power := b.switched("payload_on", "ON", "payload_off", "OFF", "payload_on", "payload_off")
	b.output(part{suffix: "power", takes: device.Channel{Form: device.Boolean}, wire: power, silent: true}, keys{
		command: "power_command_topic", template: "power_command_template",
	})
}
