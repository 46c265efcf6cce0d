//go:build !linux

package cli

import (
	"errors"
	"os"
)

// hideTyping is for Linux. Elsewhere a password comes from a file or a pipe.
func hideTyping(*os.File) (show func(), err error) { return nil, errors.ErrUnsupported }

func columns(*os.File) (int, error) { return 0, errors.ErrUnsupported }
