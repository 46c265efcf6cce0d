package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"selvage/edge/device"
)

// The README's table has every driver once, with the folder that registers it, and no other.
func TestReadmeHasAllDrivers(t *testing.T) {
	const root = "../../.."
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(readme), "\n## Drivers\n")
	if !ok {
		t.Fatal("README.md has no section Drivers")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for _, m := range regexp.MustCompile("\\[`([^`]*)`\\]\\(([^)]*)\\)").FindAllStringSubmatch(section, -1) {
		name, dir := m[1], m[2]
		listed = append(listed, name)
		if !registers(t, filepath.Join(root, dir), name) {
			t.Errorf("nothing in %s registers a driver %q", dir, name)
		}
	}
	for _, name := range device.Names() {
		if !slices.Contains(listed, name) && !slices.Contains(forTests, name) {
			t.Errorf("README.md has no row for the driver %q", name)
		}
	}
	slices.Sort(listed)
	if len(slices.Compact(slices.Clone(listed))) != len(listed) {
		t.Errorf("README.md has a driver twice: %q", listed)
	}
}

// registers looks for a driver's name in the registrations of a folder.
func registers(t *testing.T, dir, name string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`device\.Register\w*\("` + regexp.QuoteMeta(name) + `"`)
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && call.Match(text)
	})
}
