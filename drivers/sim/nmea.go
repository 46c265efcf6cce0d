package sim

import (
	"fmt"
	"math"
	"time"
)

func init() { registerTalker("nmea", func() Talker { return new(NMEA) }) }

// NMEA is a GPS receiver that speaks NMEA 0183 each second.
type NMEA struct {
	Blind bool // it sees no satellites

	spoke time.Time
}

// Baud is fixed.
func (*NMEA) Baud() int { return 9600 }

// Hear hears nothing.
func (*NMEA) Hear(time.Time, []byte) {}

// PowerOff keeps nothing.
func (n *NMEA) PowerOff() { n.spoke = time.Time{} }

// Say speaks at the begin of each second. It goes round in a circle of a kilometre near Greenwich.
func (n *NMEA) Say(now time.Time) ([]byte, time.Time) {
	if n.spoke.IsZero() {
		n.spoke = now.Truncate(time.Second)
	}
	next := n.spoke.Add(time.Second)
	if now.Before(next) {
		return nil, next
	}
	n.spoke = now.Truncate(time.Second)
	at := n.spoke.UTC()
	turn := float64(at.Unix()%600) / 600 * 2 * math.Pi
	lat, lon := 51.4779+0.0045*math.Sin(turn), -0.0015+0.0072*math.Cos(turn)
	east := "E"
	if lon < 0 {
		east, lon = "W", -lon
	}
	place := fmt.Sprintf("%02.0f%07.4f,N,%03.0f%07.4f,%s", math.Floor(lat), math.Mod(lat, 1)*60, math.Floor(lon), math.Mod(lon, 1)*60, east)
	clock := at.Format("150405.00")
	rmc := fmt.Sprintf("GPRMC,%s,A,%s,1.69,%.1f,%s,,,A", clock, place, math.Mod(360-turn*180/math.Pi, 360), at.Format("020106"))
	gga := fmt.Sprintf("GPGGA,%s,%s,1,08,0.94,46.9,M,45.5,M,,", clock, place)
	if n.Blind {
		rmc, gga = fmt.Sprintf("GPRMC,%s,V,,,,,,,%s,,,N", clock, at.Format("020106")), fmt.Sprintf("GPGGA,%s,,,,,0,00,99.99,,,,,,", clock)
	}
	said := sentence(rmc) + sentence("GPVTG,,T,,M,,N,,K,A") + sentence(gga)
	return []byte(said), n.spoke.Add(time.Second)
}

func sentence(body string) string {
	var sum rune
	for _, c := range body {
		sum ^= c
	}
	return fmt.Sprintf("$%s*%02X\r\n", body, sum)
}
