package agent

import (
	"errors"
	"fmt"
	"strings"

	"selvage/edge/route"
)

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
