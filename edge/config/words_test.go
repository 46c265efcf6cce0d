package config

import (
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"address", "bme280", "driver", "every", "sht4x", "timeout"}
	tests := []struct {
		word string
		want []string
	}{
		{"adress", []string{"address"}},
		{"drivre", []string{"driver"}}, // neighbours swapped
		{"EVERY", []string{"every"}},
		{"sht40", []string{"sht4x"}},
		{"time", []string{"timeout"}}, // the beginning of one
		{"bme280-i2c", []string{"bme280"}},
		{"colour", nil},
		{"", nil},
	}
	for _, tt := range tests {
		if got := nearest(tt.word, known); !slices.Equal(got, tt.want) {
			t.Errorf("nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

// Whatever is wrong with the line of a secret, nothing that is said repeats it.
func TestFaultsKeepSecrets(t *testing.T) {
	for _, text := range []string{
		"password = hunter2", "password = hunter2 # x", "password = hunter2 horse", "pasword = \"hunter2\"", "password : hunter2", "password hunter2", "password \"hunter2\"",
		"password = \"hunter2", "password = 'hunter2\"", "password = [\"hunter2\"]", "password = [\n\"x\", hunter2\n]", "password = [\n  \"hunter2\",\n  1,\n]", "password = \"\"\"\nhunter2\n\\q\"\"\"",
		"password = \"hunter2\" x", "password = { a = hunter2 }", "password = “hunter2”", "password = \"\\hunter2\"", "password = \"a\"\npassword = \"hunter2\"",
		"token = \"hunter2\"", "token = hunter2", "roles = []\ntoken = [hunter2]", "\"password\" = hunter2", "password = file:hunter2", "loopback = 1\nsecret = hunter2",
	} {
		for _, table := range []string{"[policy.user.anna]\n", "[device.x]\ndriver = \"none\"\n", "[uplink.u]\nkind = \"none\"\n", ""} {
			_, err := Parse("t.toml", []byte(table+text+"\n"))
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s%s\n%v", table, text, err)
			}
		}
	}
}

func TestDiscreet(t *testing.T) {
	for line, want := range map[string]string{
		`password = "hunter2"`:                 `password = •••••••••`,
		`x = { token = "a b", y = 1 }`:         `x = { token = ••••••••••••••`,
		`pasword = hunter2`:                    `pasword = •••••••`,
		`api_token: "x"`:                       `api_token: •••`,
		`passwd "hunter2"`:                     `passwd •••••••••`,
		`mqtt_pwd='a'`:                         `mqtt_pwd=•••`,
		`"my token" = 7`:                       `"my token" = •`,
		`passphrase_for.x  =  "y"`:             `passphrase_for.x  =  •••`,
		`passivate = "1h"`:                     `passivate = "1h"`,
		`[policy.user.tokyo]`:                  `[policy.user.tokyo]`,
		`a = { pass = "env:A", token = "b" }`:  `a = { pass = "env:A", token = •••••`,
		`url = "mqtt://me:a@b@h:1883"`:         `url = "mqtt://••••••@h:1883"`,
		`password = "file:/etc/selvage/mqtt"`:  `password = "file:/etc/selvage/mqtt"`,
		`password = "env:MQTT" # not in here`:  `password = "env:MQTT" # not in here`,
		`url = "mqtt://me:hunter2@h:1883/x@y"`: `url = "mqtt://••••••••••@h:1883/x@y"`,
		`url = "mqtt://h:1883"`:                `url = "mqtt://h:1883"`,
	} {
		if got, _ := discreet(line); got != want {
			t.Errorf("%s shows as %s, want %s", line, got, want)
		}
	}
}
