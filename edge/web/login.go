package web

import (
	_ "embed"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"selvage/edge/policy"
	"selvage/edge/recon"
)

const maxLogin = 4 << 10 // bytes of a login

// loginPage has no script. Its words about a failed login stand where whyMark is.
//
//go:embed login.html
var loginPage string

const whyMark = "<!--why-->"

// bounce is for who follows a link on another site: browsers do not show the cookie with that, but
// with what the page itself asks for.
const bounce = `<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>Selvage</title>`

func wantsLogin(r *http.Request) bool { return r.URL.Path == "/login" }

func wantsLogout(r *http.Request) bool { return r.URL.Path == "/logout" }

// login shows the form, and begins a session for who sends it with a name and password, or these as JSON.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !s.gate.Policy().HasUsers() {
		say(w, http.StatusNotFound, "there is no login here: the config names no users in [policy]")
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		showLogin(w, http.StatusOK, "")
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		say(w, http.StatusMethodNotAllowed, "a login comes by POST")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLogin))
	if err != nil {
		say(w, http.StatusBadRequest, "that is no login")
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	name, password, err := readLogin(kind, body)
	if err != nil {
		say(w, http.StatusBadRequest, err.Error())
		return
	}
	from := address(r, s.gate.Policy().Config().Proxy)
	who, err := s.gate.Password(r.Context(), from, name, password)
	switch {
	case err != nil && kind == jsonType:
		answerLogin(w, err)
		return
	case err != nil:
		showLogin(w, loginStatus(w, err), err.Error())
		return
	}
	s.endSession(r) // that this browser has had
	secret, session := s.gate.Begin(who)
	s.dismiss(loggedOut, func(d *doorkeeper) bool { return d.session != nil && !s.gate.Lives(d.session) }) // whose it took the place of
	s.setCookie(w, r, secret, int(policy.SessionTime.Seconds()))
	s.gate.Note(policy.Event{Who: session.Name(), From: from, What: "login", OK: true})
	if kind == jsonType {
		w.Header().Set("Content-Type", jsonType)
		w.Write(append(recon.AppendJSON(nil, recon.Record(recon.Field("user", recon.String(session.Name())))), '\n'))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// readLogin reads the body of a login. Its errors do not repeat it.
func readLogin(kind string, body []byte) (name, password string, err error) {
	switch kind {
	case jsonType:
		v, err := recon.ParseJSON(body)
		name, isName := v.Get("user").Text()
		password, isPassword := v.Get("password").Text()
		if err != nil || !isName || !isPassword {
			return "", "", errors.New(`a login is {"user":"…","password":"…"}`)
		}
		return name, password, nil
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return "", "", errors.New("a login has the fields user and password")
		}
		return form.Get("user"), form.Get("password"), nil
	}
	return "", "", fmt.Errorf("a login is %s or a form", jsonType)
}

func showLogin(w http.ResponseWriter, status int, why string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "same-origin") // with no-referrer a browser would send the form with Origin: null
	w.WriteHeader(status)
	if why != "" {
		why = "Not logged in: " + html.EscapeString(why)
	}
	io.WriteString(w, strings.Replace(loginPage, whyMark, why, 1))
}

// logout ends the session of a browser, and its connections.
func (s *Server) logout(w http.ResponseWriter, r *http.Request, v visitor) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		say(w, http.StatusMethodNotAllowed, "a logout comes by POST")
		return
	}
	s.endSession(r)
	s.setCookie(w, r, "", -1)
	if v.session != nil {
		s.gate.Note(policy.Event{Who: v.who.Name(), From: v.from, What: "logout", OK: true})
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// endSession ends the sessions that a request shows, and their connections.
func (s *Server) endSession(r *http.Request) {
	for _, c := range r.CookiesNamed(s.cookie) {
		if session, _ := s.gate.Session(c.Value); session != nil {
			s.gate.End(session)
			s.dismiss(loggedOut, func(d *doorkeeper) bool { return d.session == session })
		}
	}
}

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: isSecure(r),
	})
}

// isSecure reports whether the browser's part of the way has TLS. Whoever says so wrongly harms but his
// own cookie.
func isSecure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(strings.TrimSpace(r.Header.Get("X-Forwarded-Proto")), "https") ||
		strings.HasPrefix(r.Header.Get("Origin"), "https://")
}

// cookieName has the port, since browsers show a cookie to all servers of a machine, whatever their port.
func cookieName(l *Listener) string {
	at, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return "selvage"
	}
	return fmt.Sprintf("selvage-%d", at.Port())
}
