package drivertest

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"selvage/edge/device"
)

// nonsense is what a file of a number may hold that is none.
var nonsense = []string{"", "\n", "x\n", "-\n", "1x 2\n", "nan\n", "inf\n", "99999999999999999999\n", "1e999\n", "\xff\x00\n"}

// trouble is something that happens to a file.
type trouble struct {
	name   string
	happen func(file string) error
}

var fileTroubles = append([]trouble{
	{"gone", os.Remove},
	{"a folder", func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o755)) }},
	// Reading the memory of this process at address 0 fails with EIO, as the file of a chip that does not answer.
	{"not readable", func(file string) error { return errors.Join(os.Remove(file), os.Symlink("/proc/self/mem", file)) }},
}, func() (all []trouble) {
	for _, text := range nonsense {
		all = append(all, trouble{fmt.Sprintf("%q", text), func(file string) error { return os.WriteFile(file, []byte(text), 0o644) }})
	}
	return all
}()...)

// bearsFiles has each file vanish, fail, and hold nonsense, while the device is open and before.
func bearsFiles(t testing.TB, r *rig) {
	d := r.mustOpenFiles(t)
	whole, err := use(t.Context(), d)
	if err != nil {
		t.Fatalf("with all files: %v", err)
	}
	for _, file := range filesBelow(t, r.c.Files) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, trouble := range fileTroubles {
			what := fmt.Sprintf("%s is %s", file, trouble.name)
			if err := trouble.happen(file); err != nil {
				t.Fatal(err)
			}
			s, err := use(t.Context(), d)
			saysWhy(t, what, err)
			for _, m := range s {
				before := find(whole, m.Channel)
				switch {
				case m.Err != nil:
					saysWhy(t, what+": "+m.Channel, m.Err)
				case before == nil || before.Text == "" && math.Abs(m.Value-before.Value) > math.Abs(before.Value)/100:
					t.Errorf("%s: %s = %v, and was %+v; what cannot be told is an Err", what, m.Channel, m.Value, before)
				}
			}
			if again, err := r.open(t.Context()); err != nil {
				saysWhy(t, "open while "+what, err)
			} else {
				s, err := use(t.Context(), again)
				saysWhy(t, what, err)
				for _, m := range s {
					if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
						t.Errorf("opened while %s: %s = %v", what, m.Channel, m.Value)
					}
				}
				_ = again.Close()
			}
			if err := errors.Join(os.RemoveAll(file), os.WriteFile(file, text, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		if now, err := use(t.Context(), d); err != nil {
			t.Errorf("when %s is as it was: %v", file, err)
		} else {
			agrees(t, "when "+file+" is as it was", d, whole, now)
		}
	}
}

// comesBackWithFiles takes all of them away.
func comesBackWithFiles(t testing.TB, r *rig) {
	d := r.mustOpenFiles(t)
	whole, err := use(t.Context(), d)
	if err != nil {
		t.Fatalf("with all files: %v", err)
	}
	away := r.c.Files + "-away"
	if err := os.Rename(r.c.Files, away); err != nil {
		t.Fatal(err)
	}
	s, err := use(t.Context(), d)
	saysWhy(t, "unplugged", err)
	for _, m := range s {
		if m.Err == nil {
			t.Errorf("unplugged: it measures %+v", m)
		}
		saysWhy(t, "unplugged: "+m.Channel, m.Err)
	}
	if err == nil && s == nil {
		t.Error("unplugged: no error")
	}
	if _, err := r.open(t.Context()); err == nil {
		t.Error("it opens while unplugged")
	} else {
		saysWhy(t, "open while unplugged", err)
	}
	if err := os.Rename(away, r.c.Files); err != nil {
		t.Fatal(err)
	}
	again := r.mustOpen(t)
	if now, err := use(t.Context(), again); err != nil {
		t.Errorf("plugged in again: %v", err)
	} else {
		agrees(t, "plugged in again", again, whole, now)
	}
}

func (r *rig) mustOpenFiles(t testing.TB) device.Device {
	t.Helper()
	if r.c.Files == "" {
		t.Skip("the case has no files")
	}
	return r.mustOpen(t)
}

// saysWhy checks that an error, if there is one, is for people.
func saysWhy(t testing.TB, what string, err error) {
	t.Helper()
	var f *device.Fault
	if err != nil && (!errors.As(err, &f) || f.Remedy == "") {
		t.Errorf("%s: %v has no remedy", what, err)
	}
}

// filesBelow lists the files below a folder, without those that are links.
func filesBelow(t testing.TB, dir string) (files []string) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files below %s: %v", len(files), dir, err)
	}
	return files
}
