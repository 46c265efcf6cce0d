package advert

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// MiBeacon, the form of Xiaomi and of those who build for it, version 2 to 5. Xiaomi publishes it for makers of devices
// ("Xiaomi BLE MiBeacon protocol", iot.mi.com); the encryption of versions 4 and 5 is there, too.

func init() { ofService[0xFE95] = miBeacon }

// miModels are the products by their numbers, those that are known.
var miModels = map[uint16]string{
	0x0C3C: "CGC1", 0x0576: "CGD1", 0x066F: "CGDK2", 0x0347: "CGG1", 0x0B48: "CGG1", 0x5808: "CGG3", 0x4F59: "CGDK3",
	0x03D6: "CGH1", 0x0A83: "CGPR1", 0x03BC: "GCLS002", 0x0098: "HHCCJCY01", 0x015D: "HHCCPOT002", 0x02DF: "JQJCY01YM",
	0x0997: "JTYJGD03MI", 0x1568: "K9B-1BTN", 0x1569: "K9B-2BTN", 0x0DFD: "K9B-3BTN", 0x1C10: "K9BB-1BTN",
	0x1889: "MS1BB(MI)", 0x2AEB: "HS1BB(MI)", 0x01AA: "LYWSDCGQ", 0x045B: "LYWSD02", 0x16E4: "LYWSD02MMC",
	0x2542: "LYWSD02MMC", 0x055B: "LYWSD03MMC", 0x098B: "MCCGQ02HL", 0x06D3: "MHO-C303", 0x0387: "MHO-C401",
	0x07F6: "MJYD02YL", 0x04E9: "MJZNMSQ01YD", 0x2832: "MJWSD05MMC", 0x00DB: "MMC-T201-1", 0x0391: "MMC-W505",
	0x03DD: "MUE4094RT", 0x0489: "M1S-T500", 0x0806: "T700", 0x1790: "T700i", 0x0A8D: "RTCGQ02LM", 0x0863: "SJWS01LM",
	0x045C: "V-SK152", 0x040A: "WX08ZM", 0x04E1: "XMMF01JQD", 0x4683: "XMOSB01XS", 0x1203: "XMWSDJ04MMC",
	0x1949: "XMWXKG01YL", 0x2387: "XMWXKG01LM", 0x098C: "XMZNMST02YD", 0x0784: "XMZNMS04LM", 0x0E39: "XMZNMS08LM",
	0x07BF: "YLAI003", 0x0153: "YLYK01YL", 0x068E: "YLYK01YL-FANCL", 0x04E6: "YLYK01YL-VENFAN", 0x03BF: "YLYB01YL-BHFRC",
	0x03B6: "YLKG07YL/YLKG08YL", 0x0083: "YM-K1501", 0x0113: "YM-K1501EU", 0x069E: "ZNMS16LM", 0x069F: "ZNMS17LM",
	0x0380: "DSL-C08", 0x0DE7: "SU001-T", 0x20DB: "MJZNZ018H", 0x55B5: "MJWSD06MMC", 0x18E3: "ZX1", 0x11C2: "SV40",
	0x3F0F: "RS1BB", 0x38BB: "PTX", 0x3531: "XMPIRO2SXS", 0x3F4C: "PS1BB", 0x3A61: "KS1", 0x3E17: "KS1BP",
	0x3BD5: "MJTZC01YM", 0x50FB: "ES3", 0x5DB1: "MBS17", 0x64C5: "PTX-F1-Display",
}

// Bits of the frame control.
const (
	miEncrypted  = 1 << 3
	miAddress    = 1 << 4
	miCapability = 1 << 5
	miObject     = 1 << 6
	miMesh       = 1 << 7
	miIO         = 1 << 5 // of the capability
)

// miBeacon reads frame control, product, number of the frame, then what the frame control says there is: address,
// capability, object. An encrypted one ends in three more bytes of the counter and an authentication field.
func miBeacon(s *said) error {
	d := s.data
	if len(d) < 5 {
		return ErrMisfit
	}
	control, product := binary.LittleEndian.Uint16(d), binary.LittleEndian.Uint16(d[2:])
	version := control >> 12
	s.is("Xiaomi", miModels[product])
	if s.out.Model == "" {
		s.out.Model = "product 0x" + hex.EncodeToString([]byte{d[3], d[2]})
	}
	if control&miMesh != 0 || version < 2 {
		return errNoForm
	}
	s.out.ID, s.out.Seldom = int64(d[4]), true
	body := d[5:]
	if control&miAddress != 0 {
		if len(body) < 6 || !slices.Equal(turned(body[:6]), s.from[:]) {
			return ErrMisfit
		}
		body = body[6:]
	}
	if control&miCapability != 0 {
		if len(body) < 1 {
			return ErrMisfit
		}
		n := 1
		if body[0]&miIO != 0 && len(body) > 1 {
			n = 2
		}
		body = body[n:]
	}
	if control&miObject == 0 {
		return nil // it says that it is there, and no more
	}
	if control&miEncrypted != 0 {
		plain, err := s.miUnseal(version, body)
		if err != nil {
			return err
		}
		body = plain
	}
	return s.miObjects(product, body)
}

// miUnseal opens the object. Before version 4 the key has 12 bytes and the authentication field one, which is of no
// use: whether the key is right shows in what comes out.
func (s *said) miUnseal(version uint16, body []byte) ([]byte, error) {
	s.out.Encrypted = true
	d := s.data
	if version < 4 {
		switch {
		case len(body) < 7:
			return nil, ErrMisfit
		case len(s.key) == 0:
			return nil, ErrNeedsKey
		case len(s.key) != 12:
			return nil, ErrWrongKey
		}
		key := slices.Concat(s.key[:6], []byte{0x8D, 0x3D, 0x3C, 0x97}, s.key[6:])
		c, err := newCCM(key, 4)
		if err != nil {
			return nil, ErrWrongKey
		}
		end := len(body) - 4
		nonce := slices.Concat(d[:5], body[end:end+3], turned(s.from[:])[:5])
		plain := c.unchecked(nonce, body[:end])
		if len(plain) < 3 || int(plain[2]) != len(plain)-3 || !miKnows(binary.LittleEndian.Uint16(plain)) {
			return nil, ErrWrongKey
		}
		return plain, nil
	}
	if len(body) < 7 {
		return nil, ErrMisfit
	}
	end := len(body) - 7
	more, mic := body[end:end+3], body[end+3:]
	nonce := slices.Concat(turned(s.from[:]), d[2:5], more)
	plain, err := s.unseal(nonce, join(body[:end], mic), []byte{0x11})
	if err == nil {
		s.out.Count = int64(more[2])<<24 | int64(more[1])<<16 | int64(more[0])<<8 | int64(d[4])
	}
	return plain, err
}

// miObjects reads objects: a number of the kind, a length, the value. Kinds that are not known are passed over.
func (s *said) miObjects(product uint16, b []byte) error {
	for len(b) >= 3 {
		kind, size := binary.LittleEndian.Uint16(b), int(b[2])
		if b = b[3:]; size > len(b) {
			return ErrMisfit
		}
		s.miObject(product, kind, b[:size])
		b = b[size:]
	}
	return nil
}
