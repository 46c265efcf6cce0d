package shelly

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"selvage/edge/jsonpath"
	"selvage/uplink/mqtt/family"
	"selvage/uplink/mqtt/family/roster"
)

// notified takes what comes on …/events/rpc: NotifyStatus has what changed, NotifyFullStatus all, NotifyEvent is about
// buttons and the like. It says who it comes from, whatever its topic.
func (f *shelly) notified(at string, m family.Message, to family.Sink) {
	o := roster.Object(m.Payload)
	src, _ := o["src"].(string)
	if at == "" || mac(src) == "" && !isShelly(src) || len(src) > 64 {
		return
	}
	u := f.identified(at, src, to)
	if u == nil {
		return
	}
	n := f.roster.Note(u.member, m, to)
	u.identify(n, src)
	if params, ok := o["params"].(map[string]any); ok && o["method"] != "NotifyEvent" {
		since1970(n, params["ts"])
		u.components(n, params)
	}
	n.Presence(family.There, "")
	n.End(true)
	if !m.Replayed {
		u.ask(to)
	}
}

// identified returns the device that says src of itself.
func (f *shelly) identified(at, src string, to family.Sink) *unit {
	u := f.find(at, identity(src), true, to)
	if u != nil {
		u.rpc = true
		u.sleeps = u.sleeps || rhythm(src) > 0
	}
	return u
}

func (u *unit) identify(n *roster.Note, src string) {
	n.Identify(identity(src))
	if !u.told {
		n.Model(model(src))
	}
}

// identity is who a device is that has that ID of Shelly's.
func identity(src string) string {
	if id := mac(src); id != "" {
		return id
	}
	return "shelly/" + src
}

// since1970 notes when something was; devices tell it in seconds, with a fraction.
func since1970(n *roster.Note, v any) {
	number, _ := v.(json.Number)
	if seconds, ok := jsonpath.Number([]byte(number)); ok && seconds > 0 && seconds < math.MaxInt32*4 {
		n.At(time.UnixMilli(int64(math.Round(seconds * 1000))))
	}
}

// status takes what comes on …/status/switch:0 where generic status updates are on: all of one component. Who it is of is
// known from other messages, or by the name that Shelly gives to topics.
func (f *shelly) status(at, component string, m family.Message, to family.Sink) {
	u := f.units[at]
	if len(m.Payload) == 0 || u == nil && !isShelly(at[strings.LastIndexByte(at, '/')+1:]) {
		return
	}
	o := roster.Object(m.Payload)
	if o == nil {
		doubt(m, "is no JSON object", to)
		return
	}
	if u == nil {
		if u = f.find(at, mac(at), true, to); u == nil {
			return
		}
	}
	u.rpc = true
	n := f.roster.Note(u.member, m, to)
	u.component(n, component, o)
	n.End(true)
	if !m.Replayed && u.member.Known() {
		u.ask(to)
	}
}

// answered takes the answer to what was asked of a device, or commanded.
func (f *shelly) answered(at string, m family.Message, to family.Sink) {
	o := roster.Object(m.Payload)
	src, _ := o["src"].(string)
	if at == "" || mac(src) == "" && !isShelly(src) || len(src) > 64 {
		return
	}
	if fault, ok := o["error"].(map[string]any); ok {
		why, _ := fault["message"].(string)
		to.Doubt(family.Problem{
			Kind:   "command",
			Text:   fmt.Sprintf("%s refuses what it was told: %s", src, roster.Brief([]byte(why))),
			Remedy: "see in its web page whether the component is there, and whether it is locked",
		})
		return
	}
	result, ok := o["result"].(map[string]any)
	if !ok {
		return
	}
	u := f.identified(at, src, to)
	if u == nil {
		return
	}
	n := f.roster.Note(u.member, m, to)
	u.identify(n, src)
	if app, ok := result["app"].(string); ok && app != "" && len(app) <= 64 { // of Shelly.GetDeviceInfo
		u.told = true
		n.Model("Shelly " + app)
		if name, ok := result["name"].(string); ok && len(name) <= 64 {
			n.Name(name)
		}
	} else {
		u.components(n, result)
	}
	n.Presence(family.There, "")
	n.End(true)
}

// components takes the status of several components.
func (u *unit) components(n *roster.Note, status map[string]any) {
	keys := make([]string, 0, len(status))
	for key := range status {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if o, ok := status[key].(map[string]any); ok {
			u.component(n, key, o)
		}
	}
}

// request is a call of JSON-RPC.
type request struct {
	ID     int            `json:"id"`
	Src    string         `json:"src"`
	Method string         `json:"method"`
	Params map[string]any `json:"params,omitempty"`
}

// call makes a call of a device. The command topics that there are, too (…/command/switch:0), can do less: they know no
// brightness, and may be switched off while RPC, which Shelly's own app uses, is on.
func call(at, method string, params map[string]any) (family.Publication, error) {
	payload, err := json.Marshal(request{ID: 1, Src: source + "/" + at, Method: method, Params: params})
	return family.Publication{Topic: at + "/rpc", Payload: payload, QoS: 1}, err
}

// ask asks a device what it is and how all its components are.
func ask(at string, to family.Sink) {
	for _, method := range []string{"Shelly.GetDeviceInfo", "Shelly.GetStatus"} {
		if p, err := call(at, method, nil); err == nil {
			to.Publish(p)
		}
	}
}
