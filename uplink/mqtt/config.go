package mqtt

import (
	"time"

	"selvage/edge/device"
	"selvage/edge/jsonpath"
	"selvage/edge/secret"
	"selvage/edge/size"
)

// Config is one table [uplink.NAME] of kind "mqtt". The package's text shows how they go together.
type Config struct {
	_         struct{}       `doc:"Turns what things behind an MQTT broker publish into twins, by mappings." example:"broker"`
	URL       string         `toml:"url" doc:"where the broker is: mqtt://host:port, mqtts:// for TLS, ws:// or wss://" example:"mqtts://broker.example"`
	Client    string         `toml:"client" doc:"the client id, under which the broker keeps the session" unset:"selvage-HOST-UPLINK" example:"greenhouse-1"`
	User      string         `toml:"user" doc:"the name to log in with, if the broker wants one" example:"selvage"`
	Password  secret.Place   `toml:"password" doc:"where the password is, read at each connect: file:/path or env:NAME" example:"file:/etc/selvage/mqtt"`
	CA        string         `toml:"ca" doc:"a file of PEM certificates to trust for mqtts and wss, in place of the system's" example:"/etc/selvage/ca.pem"`
	Cert      string         `toml:"cert" doc:"a file with the PEM certificate, and those between it and its authority, that shows the broker who this is" example:"/etc/selvage/cert.pem"`
	Key       secret.Place   `toml:"key" doc:"where the private key of cert is, read at each connect: file:/path or env:NAME" example:"file:/etc/selvage/key.pem"`
	KeepAlive time.Duration  `toml:"keepalive" doc:"after how long without a word the broker is asked whether it is there, and the broker may think that this host is not, after one and a half of it" unset:"30s" example:"30s"`
	QoS       int            `toml:"qos" doc:"of subscriptions: 0, 1 or 2; with 1 nothing is lost and the least is sent"`
	Discover  []string       `toml:"discover" doc:"kinds of devices that become twins by themselves: homeassistant, zigbee2mqtt and others; zigbee2mqtt=upstairs for those below a topic of their own" example:"[\"zigbee2mqtt\"]"`
	Devices   int            `toml:"devices" doc:"how many twins topics may make"`
	Status    string         `toml:"status" doc:"the topic that says online or, as our will, offline; {host} is the host's name" unset:"selvage/{host}/status, if anything is published or announced" example:"home/gateway/status"`
	Queue     size.Bytes     `toml:"queue" doc:"how much of what is published with history may wait for a broker that is away; the oldest is dropped"`
	Map       map[string]Map `toml:"map" doc:"What messages on a topic mean; {name} stands for a level of it, or for the rest of one." example:"shed/{name}"`

	Publish  map[string]Publish `toml:"publish" doc:"Lanes that are published on a topic, in which {host}, {node}, {name} (the last part of the node), {lane} and {key} (of a map lane) stand for where it is." example:"home/{name}/{lane}"`
	Command  map[string]Command `toml:"command" doc:"What a message on a topic tells a lane; {name} stands for a level of it, or for the rest of one." example:"home/{name}/set"`
	Announce *Announce          `toml:"announce" doc:"Has Home Assistant find the devices here by itself, with MQTT discovery."`

	Sparkplug *Sparkplug `toml:"sparkplug" doc:"Makes this host an edge node of Sparkplug B, whose devices are the agents here. Its death is the will of the connection, so status, publish and announce need another table for the broker." example:"-"`
}

// Map is one table [uplink.NAME.map."topic"].
type Map struct {
	Device  string                   `toml:"device" doc:"node URI of the twin; parts of the topic are written {name}" example:"/device/{name}"`
	Channel map[string]Channel       `toml:"channel" doc:"How a lane's value is read from a message." example:"temperature"`
	Adjust  map[string]device.Adjust `toml:"adjust" doc:"What is known better than the device does about one of these channels. Doubted values are kept, as uncertain." example:"temperature"`
	Payload string                   `toml:"payload" doc:"the form of what comes: json, text, cbor, influx (line protocol) or recon" unset:"json where a path leads into it, otherwise text" example:"json"`
	Match   string                   `toml:"match" doc:"a regular expression that takes a text apart; a channel's path is the name of its group" example:"-"`
	At      jsonpath.Path            `toml:"at" doc:"where in a JSON payload it says when its readings were: as 2026-11-23T08:00:00Z, or in seconds or milliseconds since 1970; older ones than the twin has go into the history" unset:"when it came" example:"time"`
	Every   time.Duration            `toml:"every" doc:"three of these without news make the twin stale" example:"5m"`
	State   *Switched                `toml:"state" doc:"How a message tells what an output does."`
	Set     *Set                     `toml:"set" doc:"What is published to switch it; this makes the twin an output."`
	Online  *Online                  `toml:"online" doc:"Where the device says that it is there, and its will that it is not."`
}

// Channel says how a value is read from a payload.
type Channel struct {
	Path     jsonpath.Path `toml:"path" doc:"where it is in the payload; without it the payload is the value, or in influx and with match the field or group that has the channel's name, with _ for -" example:"ENERGY.Power"`
	Unit     device.Unit   `toml:"unit" doc:"UCUM code of a number's unit: Cel, %, W" example:"Cel"`
	Form     string        `toml:"form" doc:"what it is: number, boolean or text; a number unless on and off are given" example:"number"`
	On       string        `toml:"on" doc:"the word for a boolean's true" unset:"ON, true, 1 and their like" example:"-"`
	Off      string        `toml:"off" doc:"the word for a boolean's false" unset:"OFF, false, 0 and their like" example:"-"`
	Scale    float64       `toml:"scale" doc:"what a number is multiplied by" unset:"1" example:"0.1"`
	Optional bool          `toml:"optional" doc:"whether a message may lack it"`
}

// Switched says how on or off is read from a payload.
type Switched struct {
	Path jsonpath.Path `toml:"path" doc:"where it is in a JSON payload; without it the payload is the word" example:"POWER"`
	On   string        `toml:"on" doc:"the word for on" unset:"ON, true, 1 and their like" example:"ON"`
	Off  string        `toml:"off" doc:"the word for off" unset:"OFF, false, 0 and their like" example:"OFF"`
}

// Set says what is published to switch an output.
type Set struct {
	Topic   string         `toml:"topic" doc:"the topic of commands, with parts of device as {name}" example:"cmnd/{name}/POWER"`
	On      string         `toml:"on" doc:"the payload that switches on" unset:"ON" example:"ON"`
	Off     string         `toml:"off" doc:"the payload that switches off" unset:"OFF" example:"OFF"`
	QoS     *int           `toml:"qos" doc:"of what is published: 0, 1 or 2" unset:"1" example:"1"`
	Retain  bool           `toml:"retain" doc:"whether the broker keeps a command for those who come later"`
	Confirm *time.Duration `toml:"confirm" doc:"how long after a command its state has to follow, or its status says so; 0s to wait for none" unset:"10s where there is a state" example:"10s"`
}

// Online is where a device says that it is there, and its will that it is not.
type Online struct {
	Topic string        `toml:"topic" doc:"the topic that tells, with parts of device as {name}" example:"tele/{name}/LWT"`
	Path  jsonpath.Path `toml:"path" doc:"where it is in a JSON payload; without it the payload is the word" example:"-"`
	On    string        `toml:"on" doc:"the word for being there" unset:"online, true, 1 and their like" example:"Online"`
	Off   string        `toml:"off" doc:"the word for being away" unset:"offline, false, 0 and their like" example:"Offline"`
}

// Publish is one table [uplink.NAME.publish."topic"].
type Publish struct {
	Lanes   []string `toml:"lanes" doc:"which lanes, each * standing for one segment and the last segment for the lane" example:"[\"/device/*/temperature\"]"`
	Payload string   `toml:"payload" doc:"json, with unit, time and quality; value, the value alone as JSON; or text, as ON, OFF and numbers" unset:"json" example:"text"`
	QoS     *int     `toml:"qos" doc:"of what is published: 0, 1 or 2" unset:"1" example:"1"`
	Retain  *bool    `toml:"retain" doc:"whether the broker keeps the last for those who come later" unset:"true, false with history" example:"true"`
	History bool     `toml:"history" doc:"whether every value is published, in order, also those of when the broker was away; the lanes need a table [history.…]"`
}

// Command is one table [uplink.NAME.command."topic"].
type Command struct {
	Node    string `toml:"node" doc:"node URI of the agent; parts of the topic are written {name}" example:"/device/{name}"`
	Lane    string `toml:"lane" doc:"which of its lanes" unset:"set" example:"set"`
	Payload string `toml:"payload" doc:"json or text; without it ON and OFF are true and false, what is JSON is that, and all else text" unset:"either" example:"text"`
}

// Announce is the table [uplink.NAME.announce].
type Announce struct {
	Lanes  []string `toml:"lanes" doc:"which lanes, each * standing for one segment and the last segment for the lane" unset:"/device/*/*" example:"[\"/device/*/*\", \"/room/*/temperature\"]"`
	Prefix string   `toml:"prefix" doc:"Home Assistant's discovery prefix" unset:"homeassistant" example:"homeassistant"`
	Base   string   `toml:"base" doc:"what the topics of lanes begin with" unset:"selvage/{host}" example:"selvage/{host}"`
}

// Sparkplug is the table [uplink.NAME.sparkplug].
type Sparkplug struct {
	Group string   `toml:"group" doc:"the group that the edge node is in" example:"Plant1"`
	Node  string   `toml:"node" doc:"the name of the edge node, which no other of the group may have; {host} is the host's name" unset:"{host}" example:"{host}"`
	Lanes []string `toml:"lanes" doc:"which lanes are metrics, each * standing for one segment and the last segment for the lane; an agent is a device by the last part of its node" unset:"/device/*/*" example:"[\"/device/*/*\", \"/room/*/temperature\"]"`
}
