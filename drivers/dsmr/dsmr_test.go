package dsmr

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selvage/drivers/sim"
	"selvage/edge/device"
	"selvage/edge/device/drivertest"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Case{
		Driver:    "dsmr",
		Port:      func() device.Port { return sim.NewLine("sim:dsmr", &sim.DSMR{Every: time.Second}).Port() },
		Checksums: true,
	})
}

// The check value of CRC-16/ARC in Greg Cook's catalogue of parametrised CRC algorithms.
func TestCRC(t *testing.T) {
	if got := crc([]byte("123456789")); got != 0xBB3D {
		t.Errorf("crc = %04X, want BB3D", got)
	}
}

// row is a telegram that others have published.
type row struct{ Name, Telegram, CRC string }

func rows(t testing.TB) (all []row) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "serial", "dsmr_p1.jsonl"))
	if os.IsNotExist(err) && os.Getenv("CI") != "true" {
		t.Skip("there are no published telegrams here: ../shared/data/serial/dsmr_p1.jsonl")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		t.Fatal("the file has no rows")
	}
	return all
}

// What the meters' owners would expect, read by eye.
var published = map[string]string{
	"telegram_v3":                "ISk5\\2MT382-1000 K8EG004046395507: power-import=1190 W, energy-import-1=12345.678 kWh, tariff=2, gas=1.001 m³",
	"telegram_v5":                "ISk5\\2MT382-1000 K8EG004046395507: power-import=244 W, power-import-l3=142 W, energy-import-1=4.426 kWh, energy-export-1=2.444 kWh, voltage-l3=229 V, current-l3=0.86 A, tariff=2, power-failures=13, gas=0.107 m³",
	"telegram_fluvius_v171_alt":  "FLU5\\253769484_A 1SAG3100721326: power-import=338 W, power-average=52 W, voltage-l1=232.9 V, gas=92.287 m³, water=8.579 m³",
	"telegram_esy5q3db1024_v304": "ESY5Q3DB1024 V3.04 1ESY1313002565: power-import=2124.86 W, power-import-l2=737.28 W, energy-import=52185.7825309 kWh, energy-export=19949.3221493 kWh",
	"telegram_esy5q3da1004_v304": "ESY5Q3DA1004 V3.04 1ESY1336001560: power-import=1688.21 W, energy-import=32549.5061662 kWh",
	"telegram_sagemcom_t210_d_r": "EST5\\253710000_A : power-import=286 W, energy-import=6545.766 kWh, energy-export=0.058 kWh, reactive-power-export=166 var, reactive-energy-export=3897.726 kvarh",
	"telegram_iskra_ie":          "ISk5MIE5T-200 09610: power-export=270 W, power-export-l3=627 W, energy-import-2=10.182 kWh, voltage-l3=243.3 V, current-l1=0 A",
	"telegram_v5_eon_hu":         "SAG5SAG-METER 890082200002160: power-export=2601 W, energy-import=173.64 kWh, reactive-energy-export=303.131 kvarh, frequency=50 Hz",
}

func TestPublished(t *testing.T) {
	for _, r := range rows(t) {
		tele, whole := telegramIn([]byte(r.Telegram), false)
		if whole == nil {
			t.Errorf("%s (crc %s) is refused", r.Name, r.CRC)
			continue
		}
		if tele.checked != (r.CRC == "ok") {
			t.Errorf("%s: checked = %v, its CRC is %s", r.Name, tele.checked, r.CRC)
		}
		var d Dev
		d.find(tele, nil)
		has := map[string]string{}
		for i, m := range d.decode(tele) {
			if m.Err != nil {
				t.Errorf("%s: %s: %v", r.Name, m.Channel, m.Err)
			}
			has[strings.TrimSpace(fmt.Sprintf("%s=%v %s", m.Channel, m.Value, d.channels[i].Unit.Symbol()))] = m.Channel
		}
		want, known := published[r.Name]
		head, values, _ := strings.Cut(want, ": ")
		if !known || head != tele.id+" "+tele.serial() {
			t.Errorf("%s is of %q %q, want %q", r.Name, tele.id, tele.serial(), head)
		}
		for _, v := range strings.Split(values, ", ") {
			if has[v] == "" {
				t.Errorf("%s: %s is missing, it has %v", r.Name, v, has)
			}
		}
	}
}

// Nothing wrong may pass: a telegram with any one bit changed is refused, or tells the same.
func TestPublishedChanged(t *testing.T) {
	for _, r := range rows(t) {
		if r.CRC != "ok" {
			continue
		}
		good, _ := telegramIn([]byte(r.Telegram), true)
		for bit := 0; bit < 8*len(r.Telegram); bit += 7 { // each bit of a byte in its turn
			b := []byte(r.Telegram)
			b[bit/8] ^= 1 << (bit % 8)
			if got, whole := telegramIn(b, true); whole != nil && fmt.Sprint(got) != fmt.Sprint(good) {
				t.Fatalf("%s with bit %d flipped is taken for good", r.Name, bit)
			}
		}
	}
}

func TestTelegramIn(t *testing.T) {
	seal := func(s string) string { return fmt.Sprintf("%s%04X\r\n", s, crc([]byte(s))) }
	const body = "/ABC5x\r\n\r\n1-0:1.8.1(000001.500*kWh)\r\n"
	for _, c := range []struct {
		name, came string
		checked    bool
		want       string
	}{
		{"nothing", "", false, ""},
		{"not at its end", body + "!12", false, ""},
		{"without a CRC", body + "!\r\n", false, "1.500"},
		{"without a CRC where there always was one", body + "!\r\n", true, ""},
		{"without a CRC in a version that has one", "/ABC5x\r\n\r\n1-3:0.2.8(50)\r\n1-0:1.8.1(000001.500*kWh)\r\n!\r\n", false, ""},
		{"with one", seal(body + "!"), true, "1.500"},
		{"the end of another ahead", "0-0:96.13.0()\r\n!1234\r\n" + seal(body+"!"), true, "1.500"},
		{"one that broke off ahead", body + seal(body+"!"), true, "1.500"},
		{"one with a wrong CRC ahead", body + "!0000\r\n" + seal(body+"!"), true, "1.500"},
		{"a line that is none", "/ABC5x\r\n\r\n1-0:1.8.1(000001.500*kWh\r\n!\r\n", false, ""},
		{"a code that is none", "/ABC5x\r\n\r\n1-0:1.8,1(000001.500*kWh)\r\n!\r\n", false, ""},
	} {
		tele, whole := telegramIn([]byte(c.came), c.checked)
		text, _, _ := tele.value("1-0:1.8.1", 0)
		if (whole != nil) != (c.want != "") || c.want != "" && !strings.HasSuffix(text, c.want) {
			t.Errorf("%s: found %q with %q, want %q", c.name, whole, text, c.want)
		}
	}
}

func TestFurtherObjects(t *testing.T) {
	tele, _ := telegramIn([]byte("/ABC5x\r\n\r\n1-0:1.6.0(231102114500W)(03.064*kW)\r\n!\r\n"), false)
	var d Dev
	d.find(tele, map[string]string{"1-0:1.6.0": "power-peak"})
	if s := d.decode(tele); len(s) != 1 || s[0].Channel != "power-peak" || s[0].Value != 3064 {
		t.Errorf("decoded %+v, want a peak of 3064 W", s)
	}
}

func TestCheck(t *testing.T) {
	if got, want := drivertest.Refused(t, Config{Baud: 4800, OBIS: map[string]string{"1.8.0": "Energy"}}), "baud obis obis"; got != want {
		t.Errorf("faults at %q, want %q", got, want)
	}
}

func FuzzTelegram(f *testing.F) {
	f.Add([]byte("/ABC5x\r\n\r\n1-0:1.8.1(000001.500*kWh)\r\n!\r\n"), false)
	if _, err := os.Stat("../../../shared/data/serial"); err == nil {
		for _, r := range rows(f) {
			f.Add([]byte(r.Telegram), r.CRC == "ok")
		}
	}
	f.Fuzz(func(t *testing.T, came []byte, checked bool) {
		tele, whole := telegramIn(came, checked)
		if whole == nil {
			return
		}
		if !bytes.Contains(came, whole) || whole[0] != '/' || checked && !tele.checked {
			t.Errorf("found %q in %q", whole, came)
		}
		var d Dev
		d.find(tele, map[string]string{"1-0:9.9.9": "x"})
		if s := d.decode(tele); len(s) != len(d.channels) {
			t.Errorf("%d measures of %d channels", len(s), len(d.channels))
		}
		tele.serial()
	})
}
