package mqtt

import (
	"time"

	"selvage/edge/device"
)

// Config is one table [uplink.NAME] of kind "mqtt". The package's text says what the keys mean.
type Config struct {
	URL      string         `toml:"url"`
	Client   string         `toml:"client"`
	User     string         `toml:"user"`
	Password secret         `toml:"password"`
	CA       string         `toml:"ca"` // a file of PEM certificates
	QoS      int            `toml:"qos"`
	Devices  int            `toml:"devices"`
	Map      map[string]Map `toml:"map"`
}

// Map is one table [uplink.NAME.map."topic"].
type Map struct {
	Device  string             `toml:"device"`
	Channel map[string]Channel `toml:"channel"`
	Every   time.Duration      `toml:"every"`
	State   *Switched          `toml:"state"`
	Set     *Set               `toml:"set"`
	Online  *Online            `toml:"online"`
}

// Channel says how a value is read from a payload.
type Channel struct {
	Path     path        `toml:"path"`
	Unit     device.Unit `toml:"unit"`
	Form     string      `toml:"form"`
	On       string      `toml:"on"`
	Off      string      `toml:"off"`
	Scale    float64     `toml:"scale"` // 0 stands for 1
	Optional bool        `toml:"optional"`
}

// Switched says how on or off is read from a payload.
type Switched struct {
	Path path   `toml:"path"`
	On   string `toml:"on"`
	Off  string `toml:"off"`
}

// Set says what is published to switch an output.
type Set struct {
	Topic  string `toml:"topic"`
	On     string `toml:"on"`
	Off    string `toml:"off"`
	QoS    *int   `toml:"qos"`
	Retain bool   `toml:"retain"`
}

// Online is where a device says that it is there, and its will that it is not.
type Online struct {
	Topic string `toml:"topic"`
	Path  path   `toml:"path"`
	On    string `toml:"on"`
	Off   string `toml:"off"`
}
