package size

import "testing"

func TestRead(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "512": 512, "512B": 512, "64kB": 64_000, "1.5 MB": 1_500_000, "2GB": 2_000_000_000, "9TB": 9_000_000_000_000} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s is read as %d, %v, want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "MB", "-1kB", "1KB", "1mb", "1 MiB", "NaN", "Inf", "1e30GB", "ten"} {
		var got Bytes
		if err := got.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%s is read as %d, want an error", bad, got)
		}
	}
}

func TestWrite(t *testing.T) {
	for size, want := range map[Bytes]string{
		0: "0 B", 999: "999 B", 1000: "1 kB", 1234: "1.2 kB", 9_960: "10 kB", 999_600: "1 MB", 123_456_789: "123 MB", 6.6e9: "6.6 GB", 5e15: "5000 TB",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d bytes read %q, want %q", int64(size), got, want)
		}
	}
}
