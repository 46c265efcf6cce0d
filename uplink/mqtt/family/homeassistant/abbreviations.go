package homeassistant

// The members that are used here, as home-assistant.io/integrations/mqtt/#supported-abbreviations has them.
var abbreviations = map[string]string{
	"dev": "device", "cmps": "components", "p": "platform",
	"avty": "availability", "avty_mode": "availability_mode", "avty_t": "availability_topic", "avty_tpl": "availability_template",
	"pl_avail": "payload_available", "pl_not_avail": "payload_not_available", "t": "topic", "val_tpl": "value_template",

	"obj_id": "object_id", "def_ent_id": "default_entity_id", "uniq_id": "unique_id",
	"dev_cla": "device_class", "stat_cla": "state_class", "unit_of_meas": "unit_of_measurement", "exp_aft": "expire_after",
	"stat_t": "state_topic", "stat_tpl": "state_template", "stat_val_tpl": "state_value_template",
	"cmd_t": "command_topic", "cmd_tpl": "command_template", "cmd_on_tpl": "command_on_template", "cmd_off_tpl": "command_off_template",
	"opt": "optimistic", "ret": "retain", "ops": "options", "pl_prs": "payload_press",
	"pl_on": "payload_on", "pl_off": "payload_off", "stat_on": "state_on", "stat_off": "state_off",

	"bri_cmd_t": "brightness_command_topic", "bri_cmd_tpl": "brightness_command_template", "bri_scl": "brightness_scale",
	"bri_stat_t": "brightness_state_topic", "bri_val_tpl": "brightness_value_template", "bri_tpl": "brightness_template",
	"clr_temp_cmd_t": "color_temp_command_topic", "clr_temp_cmd_tpl": "color_temp_command_template",
	"clr_temp_stat_t": "color_temp_state_topic", "clr_temp_val_tpl": "color_temp_value_template", "clr_temp_tpl": "color_temp_template",
	"clr_temp_k": "color_temp_kelvin", "min_mirs": "min_mireds", "max_mirs": "max_mireds", "min_k": "min_kelvin", "max_k": "max_kelvin",
	"sup_clrm": "supported_color_modes", "fx_cmd_t": "effect_command_topic", "fx_cmd_tpl": "effect_command_template",
	"fx_stat_t": "effect_state_topic", "fx_val_tpl": "effect_value_template", "fx_list": "effect_list",

	"pl_open": "payload_open", "pl_cls": "payload_close", "pl_stop": "payload_stop", "pos": "reports_position",
	"stat_open": "state_open", "stat_opening": "state_opening", "stat_clsd": "state_closed", "stat_closing": "state_closing",
	"stat_stopped": "state_stopped", "pos_t": "position_topic", "pos_tpl": "position_template", "pos_open": "position_open",
	"pos_clsd": "position_closed", "set_pos_t": "set_position_topic", "set_pos_tpl": "set_position_template",
	"tilt_cmd_t": "tilt_command_topic", "tilt_cmd_tpl": "tilt_command_template", "tilt_status_t": "tilt_status_topic",
	"tilt_status_tpl": "tilt_status_template",
	"pl_lock":         "payload_lock", "pl_unlk": "payload_unlock", "stat_locked": "state_locked", "stat_unlocked": "state_unlocked",

	"pct_cmd_t": "percentage_command_topic", "pct_cmd_tpl": "percentage_command_template", "pct_stat_t": "percentage_state_topic",
	"pct_val_tpl": "percentage_value_template", "spd_rng_min": "speed_range_min", "spd_rng_max": "speed_range_max",
	"osc_cmd_t": "oscillation_command_topic", "osc_cmd_tpl": "oscillation_command_template", "osc_stat_t": "oscillation_state_topic",
	"osc_val_tpl": "oscillation_value_template", "pl_osc_on": "payload_oscillation_on", "pl_osc_off": "payload_oscillation_off",
	"pr_mode_cmd_t": "preset_mode_command_topic", "pr_mode_cmd_tpl": "preset_mode_command_template",
	"pr_mode_stat_t": "preset_mode_state_topic", "pr_mode_val_tpl": "preset_mode_value_template", "pr_modes": "preset_modes",

	"curr_temp_t": "current_temperature_topic", "curr_temp_tpl": "current_temperature_template",
	"temp_cmd_t": "temperature_command_topic", "temp_cmd_tpl": "temperature_command_template",
	"temp_stat_t": "temperature_state_topic", "temp_stat_tpl": "temperature_state_template",
	"temp_hi_cmd_t": "temperature_high_command_topic", "temp_hi_cmd_tpl": "temperature_high_command_template",
	"temp_hi_stat_t": "temperature_high_state_topic", "temp_hi_stat_tpl": "temperature_high_state_template",
	"temp_lo_cmd_t": "temperature_low_command_topic", "temp_lo_cmd_tpl": "temperature_low_command_template",
	"temp_lo_stat_t": "temperature_low_state_topic", "temp_lo_stat_tpl": "temperature_low_state_template",
	"temp_unit": "temperature_unit", "act_t": "action_topic", "act_tpl": "action_template",
	"mode_cmd_t": "mode_command_topic", "mode_cmd_tpl": "mode_command_template", "mode_stat_t": "mode_state_topic", "mode_stat_tpl": "mode_state_template",
	"fan_mode_cmd_t": "fan_mode_command_topic", "fan_mode_cmd_tpl": "fan_mode_command_template",
	"fan_mode_stat_t": "fan_mode_state_topic", "fan_mode_stat_tpl": "fan_mode_state_template",
	"swing_mode_cmd_t": "swing_mode_command_topic", "swing_mode_cmd_tpl": "swing_mode_command_template",
	"swing_mode_stat_t": "swing_mode_state_topic", "swing_mode_stat_tpl": "swing_mode_state_template",
	"pow_cmd_t": "power_command_topic", "pow_cmd_tpl": "power_command_template",
	"hum_cmd_t": "target_humidity_command_topic", "hum_cmd_tpl": "target_humidity_command_template",
	"hum_stat_t": "target_humidity_state_topic", "hum_state_tpl": "target_humidity_state_template",
	"min_hum": "min_humidity", "max_hum": "max_humidity",
}

// deviceAbbreviations are those within device.
var deviceAbbreviations = map[string]string{
	"cns": "connections", "ids": "identifiers", "mf": "manufacturer", "mdl": "model", "mdl_id": "model_id", "sn": "serial_number",
}
