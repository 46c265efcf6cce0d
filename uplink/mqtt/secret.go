package mqtt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// secret says where a password is kept, and never holds it.
type secret struct {
	file, env string
	plain     bool // the config holds the password itself, or nothing that is known
}

// UnmarshalText takes "file:/path" or "env:NAME". What else it is given it forgets at once, and Check
// has the words for it: an error of UnmarshalText would be shown with the text.
func (s *secret) UnmarshalText(text []byte) error {
	*s = secret{}
	where, name, _ := strings.Cut(string(text), ":")
	switch {
	case where == "file" && name != "":
		s.file = name
	case where == "env" && name != "":
		s.env = name
	default:
		s.plain = true
	}
	return nil
}

func (s secret) String() string {
	switch {
	case s.file != "":
		return "file:" + s.file
	case s.env != "":
		return "env:" + s.env
	}
	return ""
}

func (s secret) isZero() bool { return s == secret{} }

// maxSecret is far above any password; a wrong path may name a large file.
const maxSecret = 64 << 10

// read returns the password, "" if there is none to give.
func (s secret) read() (string, error) {
	switch {
	case s.file != "":
		info, err := os.Stat(s.file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("there is no file %s", s.file)
		case err != nil:
			return "", err
		case !info.Mode().IsRegular() || info.Size() > maxSecret: // reading a pipe or a device might never end
			return "", fmt.Errorf("%s does not look like a file with a password", s.file)
		}
		text, err := os.ReadFile(s.file)
		return strings.TrimRight(string(text), "\r\n"), err
	case s.env != "":
		text, ok := os.LookupEnv(s.env)
		if !ok {
			return "", fmt.Errorf("the environment has no %s", s.env)
		}
		if text == "" {
			return "", fmt.Errorf("%s is empty in the environment", s.env)
		}
		return text, nil
	case s.plain:
		return "", errors.New("it is not file:/path or env:NAME")
	}
	return "", nil
}
