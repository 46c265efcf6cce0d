package route

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
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
	text, err := os.ReadFile("testdata/uri.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []uriVector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 50 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		u, err := Parse(v.In)
		if (err == nil) != v.OK {
			t.Errorf("%s: Parse(%q) gives error %v, want ok = %v", v.ID, v.In, err, v.OK)
			continue
		}
		if !v.OK {
			continue
		}
		if got := u.String(); got != v.Canonical {
			t.Errorf("%s: Parse(%q).String() = %q, want %q", v.ID, v.In, got, v.Canonical)
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
