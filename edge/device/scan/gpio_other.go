//go:build !linux

package scan

import "errors"

func chipInfo(string) (label string, lines int, err error) {
	return "", 0, errors.New("this system has no GPIO chips")
}
