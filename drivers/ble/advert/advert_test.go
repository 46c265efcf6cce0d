package advert_test

import (
	"encoding/hex"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"selvage/drivers/ble/advert"
	"selvage/edge/device"
)

var bthomeMAC = device.RadioAddress{0x54, 0x48, 0xE6, 0x8F, 0x80, 0xA5}

// structure is an AD structure with what is written in hexadecimal digits.
func structure(t testing.TB, text string) []byte {
	b := unhex(t, strings.ReplaceAll(text, " ", ""))
	return append([]byte{byte(len(b))}, b...)
}

// Vectors that makers publish, beside those of the data folder.
func TestPublished(t *testing.T) {
	const key = "231d39c1d7cc1ab1aee224cd096db932"
	for _, c := range []struct {
		name, data, key string
		want            map[string]float64
	}{
		// https://docs.ruuvi.com, data formats 3 and 5, test vectors: valid, maximum and minimum values.
		{"Ruuvi 3", "FF 9904 03291A1ECE1EFC18F94202CA0B53", "", map[string]float64{
			"humidity": 20.5, "temperature": 26.3, "pressure": 1027.66, "voltage": 2.899,
			"acceleration-x": -1 * 9.80665, "acceleration-y": -1.726 * 9.80665, "acceleration-z": 0.714 * 9.80665,
		}},
		{"Ruuvi 3, highest", "FF 9904 03FF7F63FFFF7FFF7FFF7FFFFFFF", "", map[string]float64{"humidity": 127.5, "temperature": 127.99, "pressure": 1155.35, "voltage": 65.535}},
		{"Ruuvi 3, lowest", "FF 9904 0300FF6300008001800180010000", "", map[string]float64{"humidity": 0, "temperature": -127.99, "pressure": 500, "voltage": 0}},
		{"Ruuvi 5", "FF 9904 0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F", "", map[string]float64{
			"temperature": 24.3, "humidity": 53.49, "pressure": 1000.44, "voltage": 2.977, "tx-power": 4, "movements": 66,
			"acceleration-x": 0.004 * 9.80665, "acceleration-y": -0.004 * 9.80665, "acceleration-z": 1.036 * 9.80665,
		}},
		{"Ruuvi 5, highest", "FF 9904 057FFFFFFEFFFE7FFF7FFF7FFFFFDEFEFFFECBB8334C884F", "", map[string]float64{
			"temperature": 163.835, "humidity": 163.835, "pressure": 1155.34, "voltage": 3.646, "tx-power": 20, "movements": 254,
		}},
		{"Ruuvi 5, lowest", "FF 9904 058001000000008001800180010000000000CBB8334C884F", "", map[string]float64{
			"temperature": -163.835, "humidity": 0, "pressure": 500, "voltage": 1.6, "tx-power": -40, "movements": 0,
		}},
		// Ruuvi's ruuvi.endpoints.c, test of endpoint 6.
		{"Ruuvi 6", "FF 9904 06170C5668C79E007000C90501D94ACD004C884F", "", map[string]float64{
			"temperature": 29.5, "humidity": 55.3, "pressure": 1011.02, "pm2-5": 11.2, "co2": 201, "voc": 10, "nox": 2,
			"illuminance": 13026.67,
		}},
		// https://bthome.io/encryption, both examples.
		{"BTHome v2, encrypted", "16 D2FC 41 A47266C95F73 00112233 78237214", key, map[string]float64{"temperature": 25.06, "humidity": 50.55}},
		{"BTHome v2, encrypted motion", "16 D2FC 41 87B9 00112233 72B0231F", key, map[string]float64{"motion": 1}},
		// https://bthome.io/v1, example of an encrypted advertisement.
		{"BTHome v1, encrypted", "16 1E18 FBA435E4D3C312FB 00112233 57D90A99", key, map[string]float64{"temperature": 25.06, "humidity": 50.55}},
		// https://bthome.io/format: the examples of its tables that the data folder has not.
		{"BTHome", "16 D2FC 40 04138A01", "", map[string]float64{"pressure": 1008.83}},
		{"BTHome", "16 D2FC 40 075E1F", "", map[string]float64{"weight": 80.3 * 0.45359237}},
		{"BTHome", "16 D2FC 40 0C020C", "", map[string]float64{"voltage": 3.074}},
		{"BTHome", "16 D2FC 40 0D120C0E021C", "", map[string]float64{"pm2-5": 3090, "pm10": 7170}},
		{"BTHome", "16 D2FC 40 133301", "", map[string]float64{"tvoc": 307}},
		{"BTHome", "16 D2FC 40 14020C", "", map[string]float64{"moisture": 30.74}},
		{"BTHome", "16 D2FC 40 2E23 2F23", "", map[string]float64{"humidity": 35, "moisture": 35}},
		{"BTHome", "16 D2FC 40 3F020C", "", map[string]float64{"rotation": 307.4}},
		{"BTHome", "16 D2FC 40 424E3400", "", map[string]float64{"duration": 13.39}},
		{"BTHome", "16 D2FC 40 444E34", "", map[string]float64{"speed": 133.9}},
		{"BTHome", "16 D2FC 40 4A020C", "", map[string]float64{"voltage": 307.4}},
		{"BTHome", "16 D2FC 40 4F87562A01", "", map[string]float64{"water": 19551.879}},
		{"BTHome", "16 D2FC 40 518756", "", map[string]float64{"acceleration": 22.151}},
		{"BTHome", "16 D2FC 40 5587562A01", "", map[string]float64{"volume-stored": 19551.879}},
		{"BTHome", "16 D2FC 40 56E803", "", map[string]float64{"conductivity": 1000}},
		{"BTHome", "16 D2FC 40 57EA", "", map[string]float64{"temperature": -22}},
		{"BTHome", "16 D2FC 40 58EA", "", map[string]float64{"temperature": -7.7}},
		{"BTHome", "16 D2FC 40 59EA", "", map[string]float64{"count": -22}},
		{"BTHome", "16 D2FC 40 5AEAEA", "", map[string]float64{"count": -5398}},
		{"BTHome", "16 D2FC 40 5BEA0234EA", "", map[string]float64{"count": -365690134}},
		{"BTHome", "16 D2FC 40 5C02FBFFFF", "", map[string]float64{"power": -12.78}},
		{"BTHome", "16 D2FC 40 5D02EA", "", map[string]float64{"current": -5.63}},
		{"BTHome", "16 D2FC 40 5E9F8C", "", map[string]float64{"direction": 359.99}},
		{"BTHome", "16 D2FC 40 02CA0902BF13", "", map[string]float64{"temperature": 25.06, "temperature-2": 50.55}},
	} {
		p, err := advert.Decode(bthomeMAC, structure(t, c.data), unhex(t, c.key))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := map[string]float64{}
		for _, m := range p.Measures {
			if m.Err != nil || m.Doubt != "" {
				t.Errorf("%s: %+v", c.name, m)
			}
			got[m.Channel] = m.Value
		}
		for channel, want := range c.want {
			if v, ok := got[channel]; !ok || math.Abs(v-want) > 0.005 {
				t.Errorf("%s: %s = %v, want %v", c.name, channel, v, want)
			}
		}
	}
}

// Several buttons of one device: the place in the packet is the button, also of one that is not pressed.
func TestButtons(t *testing.T) {
	p, err := advert.Decode(bthomeMAC, structure(t, "16 D2FC 44 3A00 3A01 3C0000 3A04"), nil)
	if err != nil || len(p.Measures) != 2 || p.Measures[0].Channel != "button-2" || p.Measures[0].Text != "press" ||
		p.Measures[1].Channel != "button-3" || p.Measures[1].Text != "long press" || !p.Seldom {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestKeys(t *testing.T) {
	sealed := structure(t, "16 D2FC 41 A47266C95F73 00112233 78237214")
	for key, want := range map[string]error{
		"":                                 advert.ErrNeedsKey,
		"00":                               advert.ErrWrongKey,
		"231d39c1d7cc1ab1aee224cd096db931": advert.ErrWrongKey,
		"231d39c1d7cc1ab1aee224cd096db932": nil,
	} {
		p, err := advert.Decode(bthomeMAC, sealed, unhex(t, key))
		if !errors.Is(err, want) || !p.Encrypted || p.Family != "BTHome" || err != nil && len(p.Measures) > 0 {
			t.Errorf("with the key %q: %+v, %v, want %v", key, p, err, want)
		}
	}
	other := bthomeMAC
	other[5]++
	if _, err := advert.Decode(other, sealed, unhex(t, "231d39c1d7cc1ab1aee224cd096db932")); !errors.Is(err, advert.ErrWrongKey) {
		t.Errorf("from another address: %v", err)
	}
}

// Every bit of an encrypted packet is covered.
func TestFlippedBits(t *testing.T) {
	for _, r := range rows(t, "adverts.jsonl") {
		if r.Key == "" || len(r.Key) == 24 { // the old form of Xiaomi has no room for an authentication field
			continue
		}
		a := heard(t, r)
		whole, err := advert.Decode(a.From, a.Data, unhex(t, r.Key))
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(a.Data) {
			data := append([]byte(nil), a.Data...)
			data[bit/8] ^= 1 << (bit % 8)
			p, err := advert.Decode(a.From, data, unhex(t, r.Key))
			if err != nil {
				continue
			}
			for i, m := range p.Measures {
				if i >= len(whole.Measures) || m != whole.Measures[i] {
					t.Errorf("%s: with bit %d changed: %+v", r.Name, bit, m)
				}
			}
		}
	}
}

// A packet that is cut says nothing that the whole does not say.
func TestCut(t *testing.T) {
	for _, r := range rows(t, "adverts.jsonl") {
		a := heard(t, r)
		whole := map[string]device.Measure{}
		p, err := advert.Decode(a.From, a.Data, unhex(t, r.Key))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range p.Measures {
			whole[m.Channel] = m.Measure
		}
		for n := range a.Data {
			p, err := advert.Decode(a.From, a.Data[:n], unhex(t, r.Key))
			for _, m := range p.Measures {
				if w, ok := whole[m.Channel]; err != nil || p.Family != "iBeacon" && p.Family != "Govee" && (!ok || m.Value != w.Value && m.Err == nil) {
					t.Errorf("%s cut after %d bytes: %s %+v, %v", r.Name, n, p.Family, m, err)
				}
			}
		}
	}
}

func TestFields(t *testing.T) {
	f := advert.Parse(unhex(t, "020106"+"0308456e"+"0609416c6c1b5b"+"0316d2fc"+"03039afe"+"02ff01"+"09ff"))
	if f.Name != "All[" || len(f.ServiceData) != 1 || len(f.Services) != 1 || f.Services[0] != 0xFE9A || len(f.Makers) != 0 {
		t.Errorf("%+v", f)
	}
}

// mayBeEmpty are the channels whose text the sensor's owner makes up.
var mayBeEmpty = regexp.MustCompile(`^(raw|text|port-name)(-[0-9]+)?$`)

// Whoever sends what: no panic, no value that is no number, no channel that is not known, no text that people cannot
// see.
func FuzzDecode(f *testing.F) {
	for _, r := range rows(f, "adverts.jsonl") {
		a := heard(f, r)
		f.Add(a.From[:], a.Data, unhex(f, r.Key))
	}
	f.Fuzz(func(t *testing.T, from, data, key []byte) {
		var address device.RadioAddress
		copy(address[:], from)
		p, err := advert.Decode(address, data, key)
		if err != nil && len(p.Measures) > 0 {
			t.Errorf("%v beside %+v", err, p.Measures)
		}
		for _, m := range p.Measures {
			c, ok := advert.Channel(m.Channel)
			switch {
			case !ok:
				t.Errorf("%s is in no catalogue", m.Channel)
			case math.IsNaN(m.Value), math.IsInf(m.Value, 0):
				t.Errorf("%+v is no number", m)
			case c.Form == device.Boolean && m.Value != 0 && m.Value != 1, c.Form == device.Text && m.Err == nil && m.Text == "" && !mayBeEmpty.MatchString(m.Channel):
				t.Errorf("%+v of %+v", m, c)
			case strings.ContainsFunc(m.Text, func(r rune) bool { return unicode.IsControl(r) }):
				t.Errorf("%q cannot be shown", m.Text)
			}
		}
		if strings.ContainsFunc(advert.Parse(data).Name+p.Model+p.Serial, unicode.IsControl) {
			t.Errorf("%q, %q, %q cannot be shown", advert.Parse(data).Name, p.Model, p.Serial)
		}
	})
}

// What is encrypted opens by no key but its own.
func FuzzDecrypt(f *testing.F) {
	const key = "231d39c1d7cc1ab1aee224cd096db932"
	sealed, _ := hex.DecodeString("16D2FC41A47266C95F730011223378237214")
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := advert.Decode(bthomeMAC, append([]byte{byte(len(data))}, data...), unhex(t, key))
		if err == nil && p.Encrypted && p.Count != 0x33221100 && len(data) < 200 {
			t.Errorf("% x opens: %+v", data, p)
		}
	})
}
