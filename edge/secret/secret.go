// Package secret is for passwords, tokens and keys that a config needs and does not hold: it says where they are.
package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Place says where a secret is kept, and never holds it.
type Place struct {
	file, env string
	plain     bool // the config holds the secret itself, or nothing that is known
}

// UnmarshalText takes "file:PATH" or "env:NAME". What else it is given it forgets at once, and IsPlain
// tells: an error of UnmarshalText would be shown with the text.
func (p *Place) UnmarshalText(text []byte) error {
	*p = Place{}
	where, name, _ := strings.Cut(string(text), ":")
	switch {
	case where == "file" && name != "":
		p.file = name
	case where == "env" && name != "":
		p.env = name
	default:
		p.plain = true
	}
	return nil
}

func (p Place) String() string {
	switch {
	case p.file != "":
		return "file:" + p.file
	case p.env != "":
		return "env:" + p.env
	}
	return ""
}

// IsZero reports whether there is none.
func (p Place) IsZero() bool { return p == Place{} }

// IsPlain reports whether the config held something else than where a secret is.
func (p Place) IsPlain() bool { return p.plain }

// Within makes the file's path one in a folder, unless it is absolute.
func (p *Place) Within(folder string) {
	if p.file != "" && !filepath.IsAbs(p.file) {
		p.file = filepath.Join(folder, p.file)
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
func (p Place) Read() (string, error) {
	text, public, err := p.Open()
	if err == nil && public {
		return "", fmt.Errorf("everybody on this machine may read %s: chmod 600 %[1]s", p.file)
	}
	return text, err
}

// Open is Read for what may be the hash of a secret. public tells that everybody may read it.
func (p Place) Open() (text string, public bool, err error) {
	switch {
	case p.file != "":
		return openSecret(p.file)
	case p.env != "":
		text, ok := os.LookupEnv(p.env)
		if !ok {
			return "", false, fmt.Errorf("the environment has no %s", p.env)
		}
		if text == "" {
			return "", false, fmt.Errorf("%s is empty in the environment", p.env)
		}
		return text, false, nil
	case p.plain:
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
