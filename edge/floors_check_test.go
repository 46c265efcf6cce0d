package edge_test

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "selvage/"

// A room is one row of the table.
type room struct {
	floor   int
	name    string
	inside  []string
	outside []string
}

// A pkg is what `go list -json` says of one package of ours.
type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func parseRooms(text string) ([]room, error) {
	var table []room
	for line := range strings.Lines(strings.TrimSpace(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			return nil, fmt.Errorf("want 5 columns, read %d in %q", len(cells), line)
		}
		floor, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if err != nil {
			return nil, fmt.Errorf("want a floor number first in %q", line)
		}
		if strings.TrimSpace(cells[4]) == "" {
			return nil, fmt.Errorf("want a reason in the last column of %q", line)
		}
		r := room{floor: floor, name: strings.TrimSpace(cells[1]), outside: strings.Fields(cells[3])}
		for _, name := range strings.Fields(cells[2]) {
			isRow := slices.ContainsFunc(table, func(o room) bool { return o.name == name })
			if name != "below" && !isRow && !strings.Contains(name, "/") {
				name = "edge/" + name
			}
			r.inside = append(r.inside, name)
		}
		if slices.ContainsFunc(table, func(o room) bool { return o.name == r.name }) {
			return nil, fmt.Errorf("%s has two rows", r.name)
		}
		table = append(table, r)
	}
	return table, nil
}

// floorFaults returns what is wrong with pkgs by the table, one message each.
func floorFaults(table []room, pkgs []pkg) []string {
	var faults []string
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf(format, args...))
	}
	for _, p := range pkgs {
		name := strings.TrimPrefix(p.ImportPath, module)
		if len(p.GoFiles) == 0 {
			continue // tests only, such as this package
		}
		if want := "Package " + p.Name + " "; p.Name != "main" && !strings.HasPrefix(p.Doc, want) || p.Doc == "" {
			fault("%s has no package comment that begins %q and says what it is for", name, want)
		}
		if isHelper(name) {
			continue
		}
		rows := rowsOf(table, name)
		if len(rows) != 1 {
			fault("%s is in %d rows of the table of rooms, want 1; add or narrow a row in edge/floors_test.go in the same commit, with the reason", name, len(rows))
			continue
		}
		for _, imp := range p.Imports {
			if missing := missingArrow(table, rows[0], imp); missing != "" {
				fault("%s imports %s, but row %q of edge/floors_test.go has no %s; if the arrow is right, add it in the same commit and say why", name, imp, rows[0].name, missing)
			}
		}
	}
	return faults
}

// rowsOf returns the rows for one of our packages: its own row, or every pattern that fits.
func rowsOf(table []room, name string) []room {
	var rows []room
	for _, r := range table {
		if r.name == name {
			return []room{r}
		}
		if fits(r.name, name) {
			rows = append(rows, r)
		}
	}
	return rows
}

// missingArrow says what row r would need for the import, or "" if it has it.
func missingArrow(table []room, r room, imp string) string {
	name, ours := strings.CutPrefix(imp, module)
	if !ours {
		first, _, _ := strings.Cut(imp, "/")
		if !strings.Contains(first, ".") {
			return "" // the standard library
		}
		if slices.ContainsFunc(r.outside, func(o string) bool { return imp == o || strings.HasPrefix(imp, o+"/") }) {
			return ""
		}
		return fmt.Sprintf("%q in its outside column", imp)
	}
	for _, allowed := range r.inside {
		if fits(allowed, name) && !isHelper(name) {
			return ""
		}
		if allowed != "below" {
			continue
		}
		if to := rowsOf(table, name); len(to) == 1 && to[0].floor < r.floor {
			return ""
		}
	}
	return fmt.Sprintf("arrow to %q", name)
}

func fits(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}

// isHelper reports whether a package helps tests only: drivertest, agenttest, leaktest.
func isHelper(name string) bool { return strings.HasSuffix(path.Base(name), "test") }

func TestFloorFaults(t *testing.T) {
	const table = `
0 | edge/recon   |               |                  | floor
1 | edge/store   | recon         | modernc.org/lite | disk
2 | edge/host    | below         |                  | middle
2 | attic        | recon         |                  | a room of no other
3 | edge/roof    | attic         |                  | top of that
3 | drivers/*    | store         | periph.io/x/conn | chips
3 | drivers/bus  | store         | periph.io/x/host | buses
4 | edge/cli     | edge/*        |                  | top
`
	tests := []struct {
		name    string
		path    string
		doc     string // "" means a good one
		imports string
		want    string // part of the one fault, "" for none
	}{
		{name: "allowed", path: "edge/store", imports: "fmt net/http selvage/edge/recon modernc.org/lite modernc.org/lite/lib"},
		{name: "arrow up", path: "edge/recon", imports: "selvage/edge/store", want: `no arrow to "edge/store"`},
		{name: "outside library", path: "edge/recon", imports: "modernc.org/lite", want: `no "modernc.org/lite" in its outside column`},
		{name: "outside library by prefix only", path: "edge/store", imports: "modernc.org/lite2", want: "outside column"},
		{name: "below", path: "edge/host", imports: "selvage/edge/recon selvage/edge/store"},
		{name: "below is not above", path: "edge/host", imports: "selvage/drivers/sht4x", want: `no arrow to "drivers/sht4x"`},
		{name: "pattern", path: "drivers/sht4x", imports: "selvage/edge/store periph.io/x/conn/i2c"},
		{name: "own row before pattern", path: "drivers/bus", imports: "periph.io/x/host"},
		{name: "own row instead of pattern", path: "drivers/bus", imports: "periph.io/x/conn", want: `row "drivers/bus"`},
		{name: "one driver needs another", path: "drivers/sht4x", imports: "selvage/drivers/bus", want: `no arrow to "drivers/bus"`},
		{name: "pattern of arrows", path: "edge/cli", imports: "selvage/edge/host selvage/edge/store"},
		{name: "short name that is a row", path: "edge/roof", imports: "selvage/attic"},
		{name: "short name that is not in edge", path: "edge/roof", imports: "selvage/edge/attic", want: `no arrow to "edge/attic"`},
		{name: "no row", path: "edge/attic", want: "is in 0 rows"},
		{name: "no package comment", path: "edge/recon", doc: "Recon is nice.", want: "no package comment"},
		{name: "helper", path: "drivers/drivertest", imports: "selvage/edge/cli testing"},
		{name: "helper in the product", path: "edge/cli", imports: "selvage/edge/leaktest", want: `no arrow to "edge/leaktest"`},
	}
	rooms, err := parseRooms(table)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		p := pkg{ImportPath: module + tt.path, Name: path.Base(tt.path), Doc: tt.doc, GoFiles: []string{"a.go"}, Imports: strings.Fields(tt.imports)}
		if p.Doc == "" {
			p.Doc = "Package " + p.Name + " is for this test."
		}
		got := strings.Join(floorFaults(rooms, []pkg{p}), "\n")
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) || strings.Count(got, "\n") > 0 {
			t.Errorf("%s: floorFaults = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestParseRoomsRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a row without a reason": "0 | edge/recon | | | ",
		"a missing column":       "0 | edge/recon | | text",
		"a floor in words":       "low | edge/recon | | | text",
		"a package twice":        "0 | edge/recon | | | text\n1 | edge/recon | | | text",
	} {
		if _, err := parseRooms(text); err == nil {
			t.Errorf("parseRooms accepts %s: %q", name, text)
		}
	}
}
