package agent

import (
	"errors"
	"fmt"
	"strings"

	"selvage/edge/recon"
	"selvage/edge/route"
)

// CheckNodeAt is CheckNode for a config's Check: what is wrong with the node URI under a key goes to fault, with a
// remedy that has what the URI is for and an example, such as "/device/air".
func CheckNodeAt(fault func(key, problem, remedy string), key, uri, purpose, example string) {
	if err := CheckNode(uri); err != nil {
		fault(key, fmt.Sprintf("%s %q: %v", lastKey(key), uri, err), fmt.Sprintf("give the node URI %s, such as %q, or \"warp://HOST:PORT%s\" on another host", purpose, example, example))
	}
}

// CheckValueAt finds what is wrong with a value that a config sends to a lane: a text in quotes that was meant
// for a number, true or false would be sent as a text, which the lane refuses when it is too late.
func CheckValueAt(fault func(key, problem, remedy string), key string, v any) {
	s, ok := v.(string)
	if !ok {
		return
	}
	read, err := recon.ParseString(s)
	if err != nil {
		return
	}
	_, isBool := read.Bool()
	_, isNumber := read.Float()
	if isBool || isNumber {
		fault(key, fmt.Sprintf("%s is the text %q", lastKey(key), s), fmt.Sprintf("leave out the quotes: %s = %s", lastKey(key), s))
	}
}

func lastKey(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// CheckNode finds what is wrong with a node URI in a config: an agent of this host, such as
// "/device/air", or of another one, such as "warp://hub.example:9001/device/air".
func CheckNode(uri string) error {
	node, host, err := route.Anywhere(uri)
	if err != nil {
		return err
	}
	switch {
	case host == "" && !strings.HasPrefix(uri, "/"):
		return errors.New("it names no agent")
	case host != "" && string(node) == host+"/":
		return fmt.Errorf("it names the host %s and no agent of it", host)
	}
	return nil
}
