package config

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "512": 512, "512B": 512, "64kB": 64_000, "1.5 MB": 1_500_000, "2GB": 2_000_000_000, "9TB": 9_000_000_000_000} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s is read as %d, %v, want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "MB", "-1kB", "1KB", "1mb", "1 MiB", "NaN", "1e30GB", "ten"} {
		var got Size
		if err := got.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%s is read as %d, want an error", bad, got)
		}
	}
}
