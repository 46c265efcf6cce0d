package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SELVAGE_TEST_PASSWORD", "hunter3")
	t.Setenv("SELVAGE_TEST_EMPTY", "")
	for text, want := range map[string]string{"file:" + file: "hunter2", "env:SELVAGE_TEST_PASSWORD": "hunter3"} {
		var s Place
		if err := s.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(); got != want || err != nil || s.String() != text {
			t.Errorf("%v: %q, %v", s, got, err)
		}
	}
	for _, text := range []string{"file:" + filepath.Dir(file), "file:/no/such", "file:/dev/zero", "env:SELVAGE_TEST_EMPTY", "env:NO_SUCH_VARIABLE_HERE", "hunter2",
		"file:" + secretFile(t, 0o644), "file:" + secretFile(t, 0o660), "file:" + secretFile(t, 0o602)} {
		var s Place
		if err := s.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(); got != "" || err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func secretFile(t *testing.T, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

// What everybody may read may still be a hash; what others may write is nothing.
func TestOpenSecret(t *testing.T) {
	for mode, want := range map[os.FileMode]string{0o600: "hunter2", 0o640: "hunter2", 0o644: "hunter2, public", 0o664: "", 0o666: ""} {
		path := secretFile(t, mode)
		var s Place
		if err := s.UnmarshalText([]byte("file:" + filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
		s.Within(filepath.Dir(path))
		got, public, err := s.Open()
		if public {
			got += ", public"
		}
		if got != want || (err != nil) != (want == "") {
			t.Errorf("a file of mode %v has %q, %v, want %q", mode, got, err, want)
		}
	}
}
