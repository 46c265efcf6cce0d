package family

import (
	"slices"
	"strings"
	"unicode"

	"selvage/edge/device"
)

// maxName is how long a name may be that was made of text, in bytes.
const maxName = 64

// latin is how letters are written where there are only those of ASCII.
var latin = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "æ", "ae", "ø", "o", "å", "a", "ð", "d", "þ", "th", "œ", "oe",
	"à", "a", "á", "a", "â", "a", "ã", "a", "ç", "c", "è", "e", "é", "e", "ê", "e", "ë", "e", "ì", "i", "í", "i",
	"î", "i", "ï", "i", "ñ", "n", "ò", "o", "ó", "o", "ô", "o", "õ", "o", "ù", "u", "ú", "u", "û", "u", "ý", "y",
	"ÿ", "y", "č", "c", "ć", "c", "ě", "e", "ę", "e", "ą", "a", "ł", "l", "ń", "n", "ř", "r", "š", "s", "ś", "s",
	"ů", "u", "ž", "z", "ź", "z", "ż", "z", "ő", "o", "ű", "u", "ğ", "g", "ı", "i", "ş", "s", "µ", "u", "²", "2", "³", "3", "₂", "2", "₃", "3",
)

// Slug makes a name of text for a part of a node URI, or a lane: small letters and digits, with - for each run of
// anything else: "Détecteur mouvement 2" is "detecteur-mouvement-2". Letters of other scripts stay. It is empty where
// text has neither letters nor digits.
func Slug(text string) string {
	var b strings.Builder
	gap := false
	for _, r := range latin.Replace(strings.ToLower(text)) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			gap = b.Len() > 0
			continue
		}
		if b.Len()+len(string(r))+1 > maxName {
			break
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Lane makes a name for the lane of a channel. One that every twin has, such as "state", gets "device-" before it, and
// one that would begin with a digit "n".
func Lane(text string) string {
	s := Slug(text)
	switch {
	case s == "":
		return "value"
	case slices.Contains(device.TwinLanes, s):
		return "device-" + s
	case s[0] >= '0' && s[0] <= '9':
		return "n" + s
	}
	return s
}

// LaneOf is Lane for a quantity that has a name of several parts, such as those of a path: "ENERGY", "Power".
func LaneOf(parts ...string) string { return Lane(strings.Join(parts, " ")) }
