package route

import (
	"strings"
	"testing"

	"selvage/edge/conformance"
)

type uriVector struct {
	ID        string
	In        string
	OK        bool
	Canonical string
	Scheme    *string
	Authority *string
	Path      []string
	Query     *string
	Fragment  *string
}

// TestVectors checks Parse against what the reference implementation answered.
func TestVectors(t *testing.T) {
	check := conformance.Check(t, "uri.json")
	for _, v := range conformance.Read[uriVector](t, "uri.json") {
		u, err := Parse(v.In)
		got, want := "refused", "refused"
		if err == nil {
			got = u.String()
		}
		if v.OK {
			want = v.Canonical
		}
		check.Same(v.ID, want, got)
		if err != nil || !v.OK {
			continue
		}
		checkPart(t, v, "scheme", u.Scheme, u.Scheme != "", v.Scheme)
		checkPart(t, v, "authority", u.Authority, u.HasAuthority, v.Authority)
		checkPart(t, v, "query", u.Query, u.HasQuery, v.Query)
		checkPart(t, v, "fragment", u.Fragment, u.HasFragment, v.Fragment)
		if got, want := strings.Join(pathParts(u.Path), "\n"), strings.Join(v.Path, "\n"); got != want {
			t.Errorf("%s: Parse(%q) has path %q, want %q", v.ID, v.In, got, want)
		}
	}
}

func checkPart(t *testing.T, v uriVector, name, got string, has bool, want *string) {
	t.Helper()
	if has != (want != nil) || has && got != *want {
		t.Errorf("%s: Parse(%q) has %s %q (present: %v), want %v", v.ID, v.In, name, got, has, want)
	}
}

// pathParts lists unescaped segments and slashes, as the vectors do.
func pathParts(path string) (parts []string) {
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			parts = append(parts, "/")
		}
		if segment != "" {
			parts = append(parts, unescape(segment))
		}
	}
	return parts
}
