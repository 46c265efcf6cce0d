package uplink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Secret says where a password or token is kept, and never holds it.
type Secret struct {
	file, env string
	plain     bool // the config holds the secret itself, or nothing that is known
}

// UnmarshalText takes "file:PATH" or "env:NAME". What else it is given it forgets at once, and IsPlain
// tells: an error of UnmarshalText would be shown with the text.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret{}
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

func (s Secret) String() string {
	switch {
	case s.file != "":
		return "file:" + s.file
	case s.env != "":
		return "env:" + s.env
	}
	return ""
}

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s == Secret{} }

// IsPlain reports whether the config held something else than where a secret is.
func (s Secret) IsPlain() bool { return s.plain }

// Within makes the file's path one in a folder, unless it is absolute.
func (s *Secret) Within(folder string) {
	if s.file != "" && !filepath.IsAbs(s.file) {
		s.file = filepath.Join(folder, s.file)
	}
}

// maxSecret is far above any secret; a wrong path may name a large file.
const maxSecret = 64 << 10

// Bits of the mode of a file.
const (
	othersWrite = 0o022
	othersRead  = 0o004
)

// Read returns the secret, "" if there is none to give. What everybody may read is none.
func (s Secret) Read() (string, error) {
	text, public, err := s.Open()
	if err == nil && public {
		return "", fmt.Errorf("everybody on this machine may read %s: chmod 600 %[1]s", s.file)
	}
	return text, err
}

// Open is Read for what may be the hash of a secret. public tells that everybody may read it.
func (s Secret) Open() (text string, public bool, err error) {
	switch {
	case s.file != "":
		return openSecret(s.file)
	case s.env != "":
		text, ok := os.LookupEnv(s.env)
		if !ok {
			return "", false, fmt.Errorf("the environment has no %s", s.env)
		}
		if text == "" {
			return "", false, fmt.Errorf("%s is empty in the environment", s.env)
		}
		return text, false, nil
	case s.plain:
		return "", false, errors.New("it is not file:/path or env:NAME")
	}
	return "", false, nil
}

// openSecret reads a file that nobody else could have put there.
func openSecret(path string) (text string, public bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", false, fmt.Errorf("there is no file %s", path)
	case err != nil:
		return "", false, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	case !info.Mode().IsRegular() || info.Size() > maxSecret: // reading a pipe or a device might never end
		return "", false, fmt.Errorf("%s does not look like a file with a secret", path)
	case info.Mode().Perm()&othersWrite != 0:
		return "", false, fmt.Errorf("others than its owner may change %s: chmod 600 %[1]s", path)
	}
	all, err := os.ReadFile(path)
	if err != nil {
		return "", false, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	}
	if text = strings.TrimRight(string(all), "\r\n"); text == "" {
		return "", false, fmt.Errorf("%s is empty", path)
	}
	return text, info.Mode().Perm()&othersRead != 0, nil
}
