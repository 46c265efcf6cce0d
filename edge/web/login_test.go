package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"selvage/edge/meta"
	"selvage/edge/policy"
)

// The users of these tests. Anna's password is hashed with the fewest iterations there may be.
var (
	annaPassword, _        = policy.ParsePassword("pbkdf2-sha256$100000$c2FsdHNhbHRzYWx0$PRX8wIgdk-UHu11ypgR2OBF1qVGlplmnoq_85qehJw0")
	boardSecret, boardHash = policy.NewToken()
)

// strict is a policy under which this machine needs a login too. Anna may see all and command the levels
// of boxes whose name begins with nothing but themselves; board may see the level of /box/1.
func strict(t *testing.T, change ...func(*policy.Config)) *policy.Policy {
	t.Helper()
	c := policy.Config{
		Login: true,
		Hosts: []string{"box.example"},
		Users: []policy.User{
			{Name: "anna", Password: annaPassword, Roles: []string{"operator"}},
			{Name: "board", Token: boardHash, Roles: []string{"viewer"}},
		},
		Roles: []policy.Role{
			{Name: "operator", Read: []string{"/**"}, Command: []string{"/box/*/level"}},
			{Name: "viewer", Read: []string{"/box/1/level"}},
		},
	}
	for _, fn := range change {
		fn(&c)
	}
	p, err := policy.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func onLoopback(c *policy.Config) { c.Login = false }

const asAnna = "Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl"

func asBoard() string { return "Authorization: Bearer " + boardSecret }

// Names of nodes and lanes are judged as the host knows them, however they are spelled.
func TestPolicyOfHTTP(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	if err := meta.Add(b.Host, meta.Info{Name: "test"}); err != nil {
		t.Fatal(err)
	}
	board := asBoard()
	tests := []struct {
		who, method, path string
		status            int
	}{
		{"", "GET", "/box/1?lane=level", 401},
		{"", "GET", "/box/none?lane=level", 401},
		{"", "GET", "/nobody?lane=level", 401},
		{"", "HEAD", "/box/1?lane=level", 401},
		{"", "POST", "/box/1?lane=level", 401},
		{"", "DELETE", "/box/1?lane=level", 401},
		{"", "GET", "/", 401},
		{"", "HEAD", "/", 401},
		{"", "GET", "/metrics", 401},
		{"", "GET", "/healthz", 200},
		{"", "GET", "/login", 200},
		{"", "GET", "/page/style.css", 200},
		{"", "GET", "/login?lane=level", 401},
		{"", "GET", "/healthz?lane=level", 401},
		{board, "GET", "/", 200},
		{board, "GET", "/metrics", 403},
		{board, "GET", "/box/1?lane=level", 200},
		{board, "HEAD", "/box/1?lane=level", 200},
		{board, "POST", "/box/1?lane=level", 403},
		{board, "PUT", "/box/1?lane=level", 403},
		{asAnna, "PUT", "/box/7?lane=level", 405},
		{asAnna, "PUT", "/box/7?lane=any", 403},
		{board, "GET", "/box/1?lane=any", 403},
		{board, "GET", "/box/1?lane=LEVEL", 403},
		{board, "GET", "/box/1?lane=%6cevel", 200},
		{board, "GET", "/box/1?lane=any&lane=level", 403},
		{board, "GET", "/box/1?lane=level&lane=any", 200}, // the first counts
		{board, "GET", "/box/2?lane=level", 403},
		{board, "GET", "/box/%31?lane=level", 200},
		{board, "GET", "/%62ox/1?lane=level", 200},
		{board, "GET", "/box%2f1?lane=level", 403},
		{board, "GET", "/box/1%2flevel?lane=level", 403},
		{board, "GET", "/box//1?lane=level", 403},
		{board, "GET", "/box/1/?lane=level", 403},
		{board, "GET", "//box/1?lane=level", 404},
		{board, "GET", "/box/2/../1?lane=level", 200},
		{board, "GET", "/box/1/../2?lane=level", 403},
		{board, "GET", "/box/1/%2e%2e/2?lane=level", 403},
		{board, "GET", "/box/1;x?lane=level", 403},
		{board, "GET", "/box/1%00?lane=level", 403},
		{board, "GET", "/swim:meta:host?lane=nodes", 403},
		{board, "GET", "/host/audit?lane=recent", 403},
		{asAnna, "GET", "/host/audit?lane=recent", 200},
		{asAnna, "GET", "/box/7?lane=any", 200},
		{asAnna, "GET", "/metrics", 200},
		{asAnna, "POST", "/box/7?lane=level", 200},
		{asAnna, "POST", "/box/7?lane=any", 403},
		{asAnna, "POST", "/box/7?lane=lev%65l", 200},
	}
	for _, tt := range tests {
		body := ""
		if tt.method == "POST" {
			body = "3"
		}
		var headers []string
		if tt.who != "" {
			headers = append(headers, tt.who)
		}
		status, text, header := b.do(t, tt.method, tt.path, body, headers...)
		if status != tt.status {
			t.Errorf("%q: %s %s = %d %q, want %d", tt.who, tt.method, tt.path, status, text, tt.status)
		}
		if (status == 401) != (header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s %s = %d with WWW-Authenticate %q", tt.method, tt.path, status, header.Get("WWW-Authenticate"))
		}
	}
	for node := range b.Host.Nodes() {
		if uri := string(node.URI()); uri != "/box/1" && uri != "/box/7" && !strings.HasPrefix(uri, "/host") {
			t.Errorf("who may not see %s had it made", uri)
		}
	}
	for _, wrong := range []string{"Authorization: Bearer x", "Authorization: Basic x", "Authorization: Basic eDp5", "Authorization: Digest x", "Authorization: Bearer"} {
		if status, text, _ := b.do(t, "GET", "/box/1?lane=level", "", wrong); status != 401 && status != 429 {
			t.Errorf("%s: %d %q", wrong, status, text)
		}
	}
}

// Where no login is needed, only the machine itself is let in without.
func TestLocal(t *testing.T) {
	const lane = "GET /box/1?lane=level HTTP/1.1\n"
	const byProxy = "a proxy that the config may know of"
	tests := []struct{ name, request, want string }{
		{"itself", lane + "Host: 127.0.0.1\n", "200"},
		{"by name", lane + "Host: localhost:80\n", "200"},
		{"forwarded", lane + "Host: 127.0.0.1\nX-Forwarded-For: 192.0.2.1\n", byProxy},
		{"forwarded, it says from here", lane + "Host: 127.0.0.1\nX-Forwarded-For: 127.0.0.1\n", byProxy},
		{"forwarded, nothing told", lane + "Host: 127.0.0.1\nX-Forwarded-For:\n", byProxy},
		{"RFC 7239", lane + "Host: 127.0.0.1\nForwarded: for=192.0.2.1\n", byProxy},
		{"other proxy", lane + "Host: 127.0.0.1\nvia: 1.1 proxy\n", byProxy},
		{"X-Real-IP", lane + "Host: 127.0.0.1\nX-Real-IP: 192.0.2.1\n", byProxy},
		{"public name", lane + "Host: box.example\n", "401"},
		{"capitals", lane + "Host: BOX.example:443\n", "401"},
		{"unknown name", lane + "Host: evil.example\n", "403"},
		{"HTTP/1.0", "GET /box/1?lane=level HTTP/1.0\nHost: 127.0.0.1\n", "401"},
		{"socket", "GET / HTTP/1.1\nHost: 127.0.0.1\n" + handshake, "101"},
		{"metrics", "GET /metrics HTTP/1.1\nHost: 127.0.0.1\n", "200"},
		{"metrics, forwarded", "GET /metrics HTTP/1.1\nHost: 127.0.0.1\nX-Forwarded-For: 192.0.2.1\n", byProxy},
		{"wrong token", lane + "Host: 127.0.0.1\nAuthorization: Bearer x\n", "401"},
		{"origin of the public name", "POST /box/1?lane=level HTTP/1.1\nHost: box.example\nOrigin: https://box.example\nContent-Length: 1\n\n2", "401"},
		{"other origin", "POST /box/1?lane=level HTTP/1.1\nHost: box.example\nOrigin: https://evil.example\nContent-Length: 1\n\n2", "403"},
	}
	for _, proxy := range []bool{false, true} {
		b := start(t, Options{Policy: strict(t, onLoopback, func(c *policy.Config) { c.Proxy = proxy })})
		for _, tt := range tests {
			want, text := tt.want, ""
			switch {
			case want == byProxy && proxy:
				want = "401"
			case want == byProxy:
				want, text = "403", "proxy = true"
			}
			if got, body := b.raw(t, tt.request); got != want || !strings.Contains(body, text) {
				t.Errorf("%s, proxy = %v: %s %s, want %s", tt.name, proxy, got, body, want)
			}
		}
	}

	plain := start(t, Options{})
	for _, tt := range tests[:12] {
		want := tt.want
		switch {
		case tt.name == "HTTP/1.0":
			want = "200"
		case want != "200":
			want = "403" // there is no login
		}
		if got, body := plain.raw(t, tt.request); got != want {
			t.Errorf("without a policy, %s: %s %s, want %s", tt.name, got, body, want)
		}
	}
	if got, _ := plain.raw(t, "GET / HTTP/1.1\nHost: 127.0.0.1\nX-Forwarded-For: 192.0.2.1\n"+handshake); got != "403" {
		t.Errorf("without a policy, a forwarded socket: %s, want 403", got)
	}
}

// jar is a browser: it keeps cookies and follows nothing.
type jar struct {
	*bench
	client http.Client
}

func (b *bench) browser(t *testing.T) *jar {
	t.Helper()
	return &jar{bench: b, client: http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (j *jar) send(t *testing.T, method, path, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, j.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := j.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

const isForm = "Content-Type: application/x-www-form-urlencoded"

func login(user, password string) string {
	return url.Values{"user": {user}, "password": {password}}.Encode()
}

func TestLoginOfBrowser(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	j := b.browser(t)
	html := "Accept: text/html,*/*"
	if resp := j.send(t, "GET", "/", "", html); resp.StatusCode != 303 || resp.Header.Get("Location") != "/login" {
		t.Errorf("GET / without a login: %d, to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	if resp := j.send(t, "GET", "/", "", html, "Sec-Fetch-Site: cross-site"); resp.StatusCode != 200 {
		t.Errorf("GET / by a link elsewhere: %d", resp.StatusCode)
	}
	for _, wrong := range []string{login("anna", "wrong"), login("nobody", "correct horse"), "", "user=anna", "%%%", "user=anna&password=wrong&password=correct+horse"} {
		resp := j.send(t, "POST", "/login", wrong, isForm)
		if resp.StatusCode != 401 && resp.StatusCode != 400 || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%q: %d, cookie %q", wrong, resp.StatusCode, resp.Header.Get("Set-Cookie"))
		}
	}
	var last *http.Response // each failure makes the next wait longer than any request takes
	for range 50 {
		if last = j.send(t, "GET", "/", "", "Authorization: Bearer x"); last.StatusCode == 429 {
			break
		}
	}
	if last.StatusCode != 429 || last.Header.Get("Retry-After") == "" {
		t.Errorf("after many wrong logins: %d, Retry-After %q", last.StatusCode, last.Header.Get("Retry-After"))
	}

	b = start(t, Options{Policy: strict(t)})
	j = b.browser(t)
	for _, h := range []string{"Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
		for _, path := range []string{"/login", "/logout"} {
			if resp := j.send(t, "POST", path, login("anna", "correct horse"), isForm, h); resp.StatusCode != 403 || resp.Header.Get("Set-Cookie") != "" {
				t.Errorf("POST %s with %s: %d", path, h, resp.StatusCode)
			}
		}
	}
	if resp := j.send(t, "POST", "/login", `{"user":"anna","password":"correct horse"}`, "Content-Type: text/plain"); resp.StatusCode != 400 {
		t.Errorf("a login as text: %d", resp.StatusCode)
	}
	if resp := j.send(t, "POST", "/login", strings.Repeat("x", 2*maxLogin), isForm); resp.StatusCode != 400 {
		t.Errorf("a long login: %d", resp.StatusCode)
	}

	cookie := func(headers ...string) *http.Cookie {
		t.Helper()
		resp := j.send(t, "POST", "/login", login("anna", "correct horse"), append(headers, isForm)...)
		if resp.StatusCode != 303 || resp.Header.Get("Location") != "/" || len(resp.Cookies()) != 1 {
			t.Fatalf("the login: %d, cookies %v", resp.StatusCode, resp.Cookies())
		}
		return resp.Cookies()[0]
	}
	c := cookie("Origin: " + b.url)
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" || c.Domain != "" || len(c.Value) != 43 || c.Name != b.cookie {
		t.Errorf("the cookie is %v", c)
	}
	if !cookie("Origin: https" + b.url[len("http"):]).Secure {
		t.Error("behind TLS the cookie is not secure")
	}
	shown := func(c *http.Cookie) string { return "Cookie: " + c.Name + "=" + c.Value }
	if resp := j.send(t, "GET", "/", "", shown(c)); resp.StatusCode != 200 || resp.Header.Get("Selvage-User") != "anna" {
		t.Errorf("GET / with the cookie: %d, user %q", resp.StatusCode, resp.Header.Get("Selvage-User"))
	}
	if resp := j.send(t, "POST", "/box/1?lane=level", "5", shown(c)); resp.StatusCode != 200 {
		t.Errorf("a command with the cookie: %d", resp.StatusCode)
	}
	if resp := j.send(t, "POST", "/box/1?lane=any", "5", shown(c)); resp.StatusCode != 403 {
		t.Errorf("a command with the cookie that anna may not send: %d", resp.StatusCode)
	}
	if resp := j.send(t, "POST", "/box/1?lane=level", "5", shown(c), "Origin: https://evil.example"); resp.StatusCode != 403 {
		t.Errorf("a command with the cookie from another site: %d", resp.StatusCode)
	}
	if resp := j.send(t, "GET", "/logout", "", shown(c)); resp.StatusCode != 405 {
		t.Errorf("GET /logout: %d", resp.StatusCode)
	}
	resp := j.send(t, "POST", "/logout", "", shown(c))
	if resp.StatusCode != 303 || len(resp.Cookies()) != 1 || resp.Cookies()[0].MaxAge >= 0 || resp.Cookies()[0].Value != "" {
		t.Errorf("the logout: %d, cookies %v", resp.StatusCode, resp.Cookies())
	}
	if resp := j.send(t, "GET", "/", "", shown(c)); resp.StatusCode != 401 {
		t.Errorf("GET / after the logout: %d", resp.StatusCode)
	}

	resp = j.send(t, "POST", "/login", `{"user":"anna","password":"correct horse"}`, "Content-Type: application/json")
	if resp.StatusCode != 200 || len(resp.Cookies()) != 1 {
		t.Errorf("a login as JSON: %d", resp.StatusCode)
	}
	again := j.send(t, "POST", "/login", login("anna", "correct horse"), isForm, shown(resp.Cookies()[0])).Cookies()[0]
	if again.Value == resp.Cookies()[0].Value {
		t.Error("a second login keeps the secret of the first")
	}
	if resp := j.send(t, "HEAD", "/", "", shown(resp.Cookies()[0])); resp.StatusCode != 401 {
		t.Errorf("the first login after the second: %d", resp.StatusCode)
	}
}

// What a stranger says about a login is never shown as HTML.
func TestLoginPageIsPlain(t *testing.T) {
	b := start(t, Options{Policy: strict(t)})
	_, text, header := b.do(t, "POST", "/login", login("<script>alert(1)</script>", "x"), isForm)
	if strings.Contains(text, "<script") || !strings.Contains(text, "Not logged in") || header.Get("Content-Security-Policy") == "" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page says %s\n%v", text, header)
	}
	none := start(t, Options{})
	if status, _, _ := none.do(t, "GET", "/login", ""); status != 404 {
		t.Errorf("GET /login where nobody can log in: %d", status)
	}
}
