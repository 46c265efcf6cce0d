package route

import (
	"fmt"
	"strings"
)

// Resolve finds what ref means where u is the base (RFC 3986, section 5.2) and
// removes dot segments.
func (u URI) Resolve(ref URI) URI {
	switch {
	case ref.Scheme != "":
		ref.Path = removeDots(ref.Path)
		return ref
	case ref.HasAuthority:
		ref.Scheme = u.Scheme
		ref.Path = removeDots(ref.Path)
		return ref
	}
	t := URI{
		Scheme: u.Scheme, Authority: u.Authority, HasAuthority: u.HasAuthority,
		Query: ref.Query, HasQuery: ref.HasQuery,
		Fragment: ref.Fragment, HasFragment: ref.HasFragment,
	}
	switch {
	case ref.Path == "":
		t.Path = u.Path
		if !ref.HasQuery {
			t.Query, t.HasQuery = u.Query, u.HasQuery
		}
	case ref.Path[0] == '/':
		t.Path = removeDots(ref.Path)
	case u.HasAuthority && u.Path == "":
		t.Path = removeDots("/" + ref.Path)
	default:
		t.Path = removeDots(u.Path[:strings.LastIndexByte(u.Path, '/')+1] + ref.Path)
	}
	return t
}

// removeDots takes out "." and ".." segments; ".." at the root stays at the root.
func removeDots(path string) string {
	if !strings.Contains(path, ".") {
		return path
	}
	rooted := strings.HasPrefix(path, "/")
	rest := strings.TrimPrefix(path, "/")
	kept := make([]string, 0, 8)
	for more := true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
				rooted = rooted || len(kept) == 0 // the slash after the removed segment stays
			}
			if !more { // a trailing "." or ".." names a folder: its slash stays
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	joined := strings.Join(kept, "/")
	if rooted {
		return "/" + joined
	}
	return joined
}

// Node reads a node reference as it comes on the wire or from a config, relative
// to base: the path of a connection's upgrade request, "/" if there is none.
//
// spelling is the normalised reference, unresolved; answers to a peer carry it.
// node is the key to find the node by. Scheme, authority, query and fragment do
// not take part in it: "warp://any.host/unit/1?x" and "/unit/1" are one node.
func Node(base, ref string) (node NodeURI, spelling string, err error) {
	if IsPlain(ref) {
		return NodeURI(ref), ref, nil
	}
	u, err := Parse(ref)
	if err != nil {
		return "", "", err
	}
	from := URI{Path: "/"}
	if base != "" && base != "/" {
		if from, err = Parse(base); err != nil {
			return "", "", err
		}
	}
	return key(from.Resolve(u)), u.String(), nil
}

func key(u URI) NodeURI {
	switch {
	case u.Path == "":
		return "/"
	case u.Path[0] == '/':
		return NodeURI(URI{Path: u.Path}.String())
	case u.HasAuthority || u.Scheme == "":
		return NodeURI(URI{Path: "/" + u.Path}.String())
	}
	// An opaque path routes the same under every scheme; keyed without one it
	// would read back as a path ("meta:host" as scheme "meta").
	return NodeURI("swim:" + u.Path)
}

// farSchemes are the schemes of another host's nodes, and the spelling of them that keys have: two
// keys for one node would be two links to it over one connection.
var farSchemes = map[string]string{
	"warp": "warp", "swim": "warp", "ws": "warp",
	"warps": "warps", "swims": "warps", "wss": "warps",
}

// Anywhere reads a node reference as an agent's author or a config gives it. Without an authority it
// is a node of this host, and host is "". With one, as in "warp://hub.example:9001/unit/1", host is
// the other host, "warp://hub.example:9001", and node is that followed by the node's key there. No
// reference that comes on the wire leads to such a key: see Node.
func Anywhere(ref string) (node NodeURI, host string, err error) {
	u, err := Parse(ref)
	if err != nil {
		return "", "", err
	}
	here := key(URI{Path: "/"}.Resolve(u))
	scheme := farSchemes[u.Scheme]
	switch {
	case !u.HasAuthority:
		return here, "", nil
	case u.Authority == "" || u.Scheme == "":
		return "", "", fmt.Errorf("%q names another host only in part; write warp://HOST:PORT/NODE", ref)
	case scheme == "":
		return "", "", fmt.Errorf("agents of another host are reached by warp:// or warps://, not by %s://", u.Scheme)
	case strings.Contains(u.Authority, "@"):
		return "", "", fmt.Errorf("%q has a user name, which no WARP host takes from there; write warp://HOST:PORT/NODE", ref)
	}
	host = scheme + "://" + u.Authority
	return NodeURI(host) + here, host, nil
}

// IsFar reports whether n is a node of another host.
func (n NodeURI) IsFar() bool {
	scheme, rest, _ := strings.Cut(string(n), ":")
	return strings.HasPrefix(rest, "//") && !strings.HasPrefix(scheme, "/")
}

// Cut takes a far node apart again: its host and its key there.
func (n NodeURI) Cut() (host string, node NodeURI) {
	scheme, rest, _ := strings.Cut(string(n), "://")
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return "", n
	}
	return scheme + "://" + rest[:i], NodeURI(rest[i:])
}

// Lane reads a lane reference. spelling is the normalised reference, which links
// are told apart by and answers carry; lane is the name to find the lane by,
// without query and fragment. Lanes are not resolved: "./info" is not "info".
func Lane(ref string) (lane LaneName, spelling string, err error) {
	plain := true
	for i := 0; i < len(ref) && plain; i++ {
		plain = classes[ref[i]]&hostChar != 0
	}
	if plain {
		return LaneName(ref), ref, nil
	}
	u, err := Parse(ref)
	if err != nil {
		return "", "", err
	}
	spelling = u.String()
	u.Query, u.HasQuery, u.Fragment, u.HasFragment = "", false, "", false
	return LaneName(u.String()), spelling, nil
}
