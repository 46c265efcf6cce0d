package web

import (
	"strings"
	"testing"

	"selvage/edge/agent"
	"selvage/edge/route"
)

// addDesk has agents at /desk/:id whose lane jobs answers HTTP requests.
func addDesk(t *testing.T, b *bench) {
	t.Helper()
	p, err := route.ParsePattern("/desk/:id")
	if err != nil {
		t.Fatal(err)
	}
	type job struct {
		Name string
		Tags []string `recon:",omitempty"`
	}
	err = b.Host.Route(p, agent.NewKind("desk", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		last := agent.Value(a, "last", job{"none", nil})
		agent.HTTP(a, "jobs", agent.Handlers{
			Get: func(r *agent.Request) (any, error) {
				if r.Query.Has("lane") || r.Query.Get("text") != "" {
					return agent.Content{Type: "text/csv", Body: []byte("name\n" + last.Get().Name + "\n")}, nil
				}
				return last.Get(), nil
			},
			Post: func(r *agent.Request) (any, error) {
				if r.Type == "text/plain" {
					last.Set(job{string(r.Raw), nil})
					return nil, nil
				}
				var j job
				if err := r.Into(&j); err != nil {
					return nil, err
				}
				if j.Name == "" {
					return nil, agent.Status(422, "a job has a name")
				}
				last.Set(j)
				return j, nil
			},
			Delete: func(*agent.Request) (any, error) { panic("torn") },
		})
		agent.Supply[int](a, "said")
		agent.Demand(a, "load", func() int { return 3 })
		return nil
	}), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func TestHTTPLane(t *testing.T) {
	b := start(t, Options{})
	addDesk(t, b)
	const isJSON, isRecon = "Content-Type: application/json", "Content-Type: application/recon"
	tests := []struct {
		method, path, body string
		headers            []string
		code               int
		want, kind         string
	}{
		{"GET", "/desk/1?lane=jobs", "", nil, 200, `{"name":"none"}`, jsonType}, // which makes the agent
		{"GET", "/desk/1?lane=jobs", "", []string{"Accept: */*"}, 200, `{"name":"none"}`, jsonType},
		{"GET", "/desk/1?lane=jobs", "", []string{"Accept: application/recon"}, 200, "{name:none}", reconType},
		{"HEAD", "/desk/1?lane=jobs", "", nil, 200, "", jsonType},
		{"POST", "/desk/1?lane=jobs", `{"name":"dig","tags":["a","b"]}`, []string{isJSON}, 200, `{"name":"dig","tags":["a","b"]}`, jsonType},
		{"POST", "/desk/1?lane=jobs", `{name:dig,tags:{a,b}}`, []string{isRecon}, 200, `{name:dig,tags:{a,b}}`, reconType},
		{"POST", "/desk/1?lane=jobs", `{name:dig}`, []string{isRecon, "Accept: application/json"}, 200, `{"name":"dig"}`, jsonType},
		{"GET", "/desk/1?lane=jobs&text=1", "", nil, 200, "name\ndig", "text/csv"},
		{"POST", "/desk/1?lane=jobs", `{"name":`, []string{isJSON}, 400, "JSON 1:", ""},
		{"POST", "/desk/1?lane=jobs", `{"size":1}`, []string{isJSON}, 400, "size", ""},
		{"POST", "/desk/1?lane=jobs", `{"name":""}`, []string{isJSON}, 422, "a job has a name", ""},
		{"POST", "/desk/1?lane=jobs", "weed", []string{"Content-Type: text/plain"}, 204, "", ""},
		{"GET", "/desk/1?lane=last", "", nil, 200, "{name:weed}", reconType},
		{"PUT", "/desk/1?lane=jobs", "1", nil, 405, "/desk/1 jobs takes GET, HEAD, POST, DELETE, not PUT", ""},
		{"PUT", "/desk/1?lane=last", "1", nil, 405, "", ""},
		{"POST", "/desk/1?lane=jobs", strings.Repeat("x", 2<<20), nil, 413, "", ""},
		{"GET", "/nobody/1?lane=jobs", "", nil, 404, "there is no agent", ""},
		{"DELETE", "/desk/1?lane=jobs", "", nil, 500, "panic: torn", ""},
		{"GET", "/desk/1?lane=said", "", nil, 405, "holds nothing to read", ""},
		{"POST", "/desk/1?lane=said", "1", nil, 403, "", ""},
		{"GET", "/desk/1?lane=load", "", nil, 200, "3", reconType},
	}
	for _, tt := range tests {
		code, body, header := b.do(t, tt.method, tt.path, tt.body, tt.headers...)
		if code != tt.code || !strings.Contains(body, tt.want) || tt.kind != "" && header.Get("Content-Type") != tt.kind {
			t.Errorf("%s %s %.40s %q = %d %s %q, want %d %s %q", tt.method, tt.path, tt.body, tt.headers, code, header.Get("Content-Type"), body, tt.code, tt.kind, tt.want)
		}
		if code == 405 && header.Get("Allow") == "" && tt.method == "PUT" {
			t.Errorf("%s %s: no Allow", tt.method, tt.path)
		}
	}
}
