package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"selvage/edge/config"
	"selvage/edge/policy"
)

func TestPolicy(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("files that nobody may read are not tried: root may read all")
	}
	folder := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		return path
	}
	password, err := policy.NewPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	secret, hash := policy.NewToken()
	other, otherHash := policy.NewToken()
	text := fmt.Sprintf(`
[host]
listen = ":9001"
[policy]
loopback = "login"
hosts    = ["greenhouse.local"]
proxy    = true
insecure = true
audit    = true
[policy.user.anna]
password = %q
roles    = ["operator"]
[policy.user.bob]
password = %q
[policy.user.board]
token = %q
roles = ["viewer", "operator"]
[policy.user.other]
token = %q
[policy.role.operator]
read    = ["/**"]
command = ["/room/*/target"]
[policy.role.viewer]
link = ["/host/*"]
`, password, "file:"+file("bob.pw", password.String()+"\n", 0o600), "file:board.token", "file:"+file("other.hash", otherHash.String(), 0o644))
	file("board.token", secret+"\n", 0o640)
	want := policy.Config{
		Login: true, Hosts: []string{"greenhouse.local"}, Proxy: true, Insecure: true, Audit: true,
		Users: []policy.User{
			{Name: "anna", Password: password, Roles: []string{"operator"}},
			{Name: "board", Token: hash, Roles: []string{"viewer", "operator"}},
			{Name: "bob", Password: password},
			{Name: "other", Token: otherHash},
		},
		Roles: []policy.Role{{Name: "operator", Read: []string{"/**"}, Command: []string{"/room/*/target"}}, {Name: "viewer", Link: []string{"/host/*"}}},
	}
	for range 2 { // a reload compares plans
		plan, err := config.Parse(filepath.Join(folder, "t.toml"), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(*plan.Policy, want) {
			t.Errorf("the policy is %+v\nwant %+v", *plan.Policy, want)
		}
		if _, err := policy.New(plan.Policy); err != nil {
			t.Error(err)
		}
	}

	for name, path := range map[string]string{
		"empty":                 file("empty", "\n", 0o600),
		"others than its owner": file("open", secret, 0o620),
		"everybody on this":     file("read", secret, 0o604),
		"a token is one word":   file("words", "these are some words, no token", 0o600),
		"does not look like":    folder,
		"there is no file":      filepath.Join(folder, "none"),
		"does not look like a ": file("large", strings.Repeat(other, 2000), 0o600),
	} {
		_, err := config.Parse("t.toml", fmt.Appendf(nil, "[policy.user.a]\ntoken = %q\n", "file:"+path))
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), other[:20]) || !strings.HasPrefix(err.Error(), "t.toml:2:9: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Others may reach the host when somebody can log in, and it was said that this may be overheard.
func TestListenBeyondLoopback(t *testing.T) {
	_, hash := policy.NewToken()
	user := fmt.Sprintf("[policy.user.a]\ntoken = %q\n", hash)
	tests := []struct {
		listen, policy string
		fault          string
	}{
		{"127.0.0.1:9001", "", ""},
		{"[::1]:9001", "[policy]\n", ""},
		{"0.0.0.0:9001", "", "while nobody has a login"},
		{"0.0.0.0:9001", "[policy]\ninsecure = true\n", "while nobody has a login"},
		{"0.0.0.0:9001", user, "in plain text"},
		{"0.0.0.0:9001", user + "[policy]\ninsecure = true\n", ""},
		{":9001", user + "[policy]\ninsecure = true\n", ""},
		{"[::]:9001", user, "in plain text"},
		{"192.168.1.5:9001", user + "[policy]\ninsecure = false\n", "in plain text"},
		{"pi.local:9001", user + "[policy]\ninsecure = true\n", "wants an address"},
	}
	for _, tt := range tests {
		_, err := config.Parse("t.toml", fmt.Appendf(nil, "[host]\nlisten = %q\n%s", tt.listen, tt.policy))
		if (err != nil) != (tt.fault != "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("listen on %s with %q: %v, want %q", tt.listen, tt.policy, err, tt.fault)
		}
	}
}
