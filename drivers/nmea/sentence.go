package nmea

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"selvage/edge/device"
)

// round is what a receiver tells of one moment. Fields are as they came, counted from the sentence's name, which is 0;
// nil is a sentence that did not come.
type round struct {
	talker   string
	rmc, gga []string
}

const (
	// Of RMC: $--RMC,hhmmss.ss,A,llll.ll,a,yyyyy.yy,a,x.x,x.x,ddmmyy,…: time, valid, position, knots, course, date.
	rmcTime, rmcValid, rmcPosition, rmcSpeed, rmcCourse, rmcDate, rmcFields = 1, 2, 3, 7, 8, 9, 10
	// Of GGA: $--GGA,hhmmss.ss,llll.ll,a,yyyyy.yy,a,x,xx,x.x,x.x,M,…: time, position, quality, satellites, HDOP, height.
	ggaTime, ggaPosition, ggaQuality, ggaSatellites, ggaHDOP, ggaAltitude, ggaFields = 1, 2, 6, 7, 8, 9, 11
)

// sentenceIn returns the fields of the first sentence with a right checksum, and what follows it.
func sentenceIn(b []byte) (fields []string, rest []byte) {
	for {
		start := bytes.IndexByte(b, '$')
		if start < 0 {
			return nil, nil
		}
		b = b[start+1:]
		star := bytes.IndexAny(b, "*$\r\n")
		if star < 0 {
			return nil, nil
		}
		if b[star] != '*' || len(b) < star+3 {
			continue
		}
		sum, err := strconv.ParseUint(string(b[star+1:star+3]), 16, 8)
		if err == nil && byte(sum) == checksum(b[:star]) {
			return strings.Split(string(b[:star]), ","), b[star+3:]
		}
	}
}

// checksum is the exclusive or of all bytes between $ and *.
func checksum(b []byte) (c byte) {
	for _, v := range b {
		c ^= v
	}
	return c
}

// roundIn looks for an RMC and a GGA of the same moment. A receiver that sends only one of them is told by its sending
// that one twice.
func roundIn(came []byte) (r round, whole bool) {
	seen := 0
	for {
		fields, rest := sentenceIn(came)
		if fields == nil {
			return r, false
		}
		came = rest
		if len(fields[0]) != 5 {
			continue // of a maker's own
		}
		switch kind := fields[0][2:]; {
		case kind == "RMC" && len(fields) >= rmcFields:
			if r.rmc != nil && r.gga == nil && r.rmc[rmcTime] != fields[rmcTime] {
				seen++
			}
			r.rmc = fields
		case kind == "GGA" && len(fields) >= ggaFields:
			if r.gga != nil && r.rmc == nil && r.gga[ggaTime] != fields[ggaTime] {
				seen++
			}
			r.gga = fields
		default:
			continue
		}
		r.talker = fields[0][:2]
		if r.rmc != nil && r.gga != nil && r.rmc[rmcTime] == r.gga[ggaTime] || seen > 0 && (r.rmc == nil || r.gga == nil) {
			return r, true
		}
	}
}

// fixes are the qualities of GGA.
var fixes = [...]string{"none", "gps", "dgps", "pps", "rtk", "rtk-float", "estimated", "manual", "simulated"}

// fix says how the position came about. Without a GGA it is only known whether there is one.
func (r round) fix() string {
	if r.rmc != nil && r.rmc[rmcValid] != "A" {
		return fixes[0]
	}
	if r.gga == nil {
		return fixes[1]
	}
	q, err := strconv.ParseUint(r.gga[ggaQuality], 10, 8)
	if err != nil || q >= uint64(len(fixes)) {
		return fixes[0]
	}
	return fixes[q]
}

var (
	errNoFix   = errors.New("it sees too few satellites for a position: give the antenna a view of the sky")
	errNoPlace = errors.New("what it told is no place on earth")
	errNoDate  = errors.New("it does not tell a date yet")
)

// decode turns a round into channels. What a receiver left open is left out.
func (r round) decode() device.Sample {
	fix := r.fix()
	s := device.Sample{{Channel: "fix", Text: fix}}
	doubt := ""
	switch fix {
	case "estimated", "manual", "simulated":
		doubt = "the position is " + fix
	}
	add := func(name string, v float64, err error) {
		if fix == fixes[0] {
			err = errNoFix
		}
		if err != nil {
			s = append(s, device.Measure{Channel: name, Err: err})
			return
		}
		s = append(s, device.Measure{Channel: name, Value: v, Doubt: doubt})
	}
	place := r.rmc
	at := rmcPosition
	if place == nil {
		place, at = r.gga, ggaPosition
	}
	lat, err := degrees(place[at], place[at+1], "N", "S", 2, 90)
	add("latitude", lat, err)
	lon, err := degrees(place[at+2], place[at+3], "E", "W", 3, 180)
	add("longitude", lon, err)
	if r.gga != nil {
		if v, err := strconv.ParseUint(r.gga[ggaSatellites], 10, 8); err == nil {
			s = append(s, device.Measure{Channel: "satellites", Value: float64(v)})
		}
		if v, ok := number(r.gga[ggaHDOP]); ok && fix != fixes[0] {
			add("hdop", v, nil)
		}
		if v, ok := number(r.gga[ggaAltitude]); ok || fix == fixes[0] {
			add("altitude", v, nil)
		}
	}
	if r.rmc != nil {
		if v, ok := number(r.rmc[rmcSpeed]); ok || fix == fixes[0] {
			add("speed", v*1.852, nil) // of knots
		}
		if v, ok := number(r.rmc[rmcCourse]); ok && fix != fixes[0] {
			add("course", v, nil)
		}
		m := device.Measure{Channel: "time"}
		switch t := r.time(); {
		case t.IsZero():
			m.Err = errNoDate
		default:
			m.Text = t.Format(time.RFC3339)
			if r.wall().IsZero() {
				m.Doubt = "it is not from satellites, or of a receiver whose count of weeks has run over"
			}
		}
		s = append(s, m)
	}
	return s
}

// number reads a field with plain digits. ParseFloat alone would take "Inf" and "1e9".
func number(text string) (float64, bool) {
	if strings.Trim(text, "-.0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

// degrees reads dddmm.mmmm and a half of the globe.
func degrees(text, half, plus, minus string, digits int, most float64) (float64, error) {
	if len(text) < digits+2 || half != plus && half != minus || strings.Trim(text, ".0123456789") != "" {
		return 0, errNoPlace
	}
	whole, ok1 := number(text[:digits])
	minutes, ok2 := number(text[digits:])
	v := whole + minutes/60
	if !ok1 || !ok2 || minutes >= 60 || v > most {
		return 0, errNoPlace
	}
	if half == minus {
		v = -v
	}
	return v, nil
}

// time is what RMC tells, zero if it tells none.
func (r round) time() time.Time {
	if r.rmc == nil {
		return time.Time{}
	}
	t, err := time.Parse("020106 150405", r.rmc[rmcDate]+" "+r.rmc[rmcTime])
	if err != nil {
		return time.Time{}
	}
	return t
}

// written is when this program was: a receiver that tells an earlier date counts weeks from a wrong start (GPS counts
// them modulo 1024, so such a date is 19.6 years back).
var written = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// wall is the time if satellites told it.
func (r round) wall() time.Time {
	if t := r.time(); r.fix() != fixes[0] && t.After(written) {
		return t
	}
	return time.Time{}
}
