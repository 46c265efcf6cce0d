package advert

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func un(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Packet vectors 1, 2, 3 and 7 of RFC 3610, section 8, and examples 1 and 2 of NIST SP 800-38C, appendix C.
func TestCCM(t *testing.T) {
	for _, c := range []struct {
		name, key, nonce, more, plain, sealed string
		tag                                   int
	}{
		{"RFC 3610 #1", "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "00000003020100a0a1a2a3a4a5", "0001020304050607",
			"08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
			"588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0", 8},
		{"RFC 3610 #2", "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "00000004030201a0a1a2a3a4a5", "0001020304050607",
			"08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
			"72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916", 8},
		{"RFC 3610 #3", "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "00000005040302a0a1a2a3a4a5", "0001020304050607",
			"08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
			"51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5", 8},
		{"RFC 3610 #7", "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "00000009080706a0a1a2a3a4a5", "0001020304050607",
			"08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
			"0135d1b2c95f41d5d1d4fec185d166b8094e999dfed96c048c56602c97acbb7490", 10},
		{"SP 800-38C example 1", "404142434445464748494a4b4c4d4e4f", "10111213141516", "0001020304050607",
			"20212223", "7162015b4dac255d", 4},
		{"SP 800-38C example 2", "404142434445464748494a4b4c4d4e4f", "1011121314151617", "000102030405060708090a0b0c0d0e0f",
			"202122232425262728292a2b2c2d2e2f", "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd", 6},
	} {
		ccm, err := newCCM(un(t, c.key), c.tag)
		if err != nil {
			t.Fatal(err)
		}
		sealed := un(t, c.sealed)
		plain, err := ccm.open(un(t, c.nonce), sealed, un(t, c.more))
		if err != nil || !bytes.Equal(plain, un(t, c.plain)) {
			t.Errorf("%s: %x, %v, want %s", c.name, plain, err, c.plain)
		}
		for bit := range 8 * len(sealed) {
			forged := bytes.Clone(sealed)
			forged[bit/8] ^= 1 << (bit % 8)
			if plain, err := ccm.open(un(t, c.nonce), forged, un(t, c.more)); err == nil {
				t.Fatalf("%s: with bit %d changed it opens to %x", c.name, bit, plain)
			}
		}
		if _, err := ccm.open(un(t, c.nonce), sealed, nil); err == nil {
			t.Errorf("%s: it opens without its associated data", c.name)
		}
	}
}

// Key, nonce and text of any size are refused or opened, and never more than that.
func TestCCMSizes(t *testing.T) {
	for n := range 40 {
		if _, err := newCCM(make([]byte, n), 4); (err == nil) != (n == 16 || n == 24 || n == 32) {
			t.Errorf("a key of %d bytes: %v", n, err)
		}
	}
	ccm, err := newCCM(make([]byte, 16), 4)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		if _, err := ccm.open(make([]byte, n), make([]byte, n), nil); err == nil {
			t.Errorf("nonce and text of %d zeros open", n)
		}
	}
}
