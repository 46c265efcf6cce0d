package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"10s", 10 * time.Second, true},
		{"250ms", 250 * time.Millisecond, true},
		{"1h30m", 90 * time.Minute, true},
		{"7d", 7 * 24 * time.Hour, true},
		{"1d12h", 36 * time.Hour, true},
		{"65535d", 65535 * 24 * time.Hour, true},
		{"-5s", -5 * time.Second, true},
		{"0", 0, true},
		{"", 0, false},
		{"d", 0, false},
		{"10", 0, false},
		{"10 s", 0, false},
		{"1.5d", 0, false},
		{"-1d", 0, false},
		{"1d-1h", 0, false},
		{"1h1d", 0, false},
		{"65536d", 0, false},
		{"65535d2000000h", 0, false},
		{"99999999h", 0, false},
	}
	for _, tt := range tests {
		got, err := parseDuration(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("parseDuration(%q) = %v, %v, want %v, ok %t", tt.in, got, err, tt.want, tt.ok)
		}
	}
}

// What is too long is not told to have a wrong form, nor the other way round.
func TestParseDurationSays(t *testing.T) {
	tests := []struct {
		in   string
		want error
	}{
		{"65536d", errTooLong},
		{"65535d2000000h", errTooLong},
		{"1d99999999h", errTooLong},
		{"99999999h", errTooLong},
		{"99999999999999999999s", errTooLong},
		{"-99999999h", errTooLong},
		{"1d-1h", errDuration},
		{"99999999", errDuration},
		{"99999999 h", errDuration},
		{"ten", errDuration},
	}
	for _, tt := range tests {
		if _, err := parseDuration(tt.in); err != tt.want {
			t.Errorf("parseDuration(%q) says %v, want %v", tt.in, err, tt.want)
		}
	}
}

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
