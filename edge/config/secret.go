package config

import (
	"path/filepath"
	"strings"

	"selvage/edge/secret"
)

// folder is where the file stands, in which relative paths of secrets begin.
func (d *document) folder() string { return filepath.Dir(d.name) }

// settle makes the paths of secrets in the fields those of files.
func (d *document) settle(fs fields) {
	for _, v := range fs.value {
		if s, ok := v.Addr().Interface().(*secret.Place); ok {
			s.Within(d.folder())
		}
	}
}

// secret returns what a key says, or what stands where it says, which elsewhere tells. It is "" without
// the key and after a fault. public tells that everybody on this machine may read it.
func (p *planner) secret(t *table, key, said string) (text string, elsewhere, public bool) {
	e := t.get(key)
	if e == nil || e.bad || e.value.kind == unread {
		return "", false, false
	}
	if said == "" {
		p.doc.faultIn(e, key+" is empty", "leave it out, or give it a hash")
	}
	where, name, _ := strings.Cut(said, ":")
	if name == "" || where != "file" && where != "env" {
		return said, false, false
	}
	var s secret.Place
	s.UnmarshalText([]byte(said)) // has no error
	s.Within(p.doc.folder())
	text, public, err := s.Open()
	if err != nil {
		p.doc.faultIn(e, err.Error(), "let the user that runs selvage read it, and no other change it")
	}
	return text, true, public
}
