package advert

import "encoding/binary"

// Sensirion's gadgets and MyCO2 (company 0x06D5): https://github.com/Sensirion/ble-services, on advertisements: the
// type, which is 0, the type of the samples, two bytes of the device, the samples.

func init() { ofCompany[0x06D5] = sensirion }

// A sample is one number of 16 bits, the lowest byte first, and what it means.
type sample struct {
	channel string
	value   func(n float64) float64
}

func asIs(n float64) float64 { return n }

var (
	sensirionT   = sample{"temperature", func(n float64) float64 { return n/65535*175 - 45 }}
	sensirionH   = sample{"humidity", func(n float64) float64 { return n / 65535 * 100 }}
	sensirionHv2 = sample{"humidity", func(n float64) float64 { return n/65535*125 - 6 }} // SHT4x, datasheet 4.6
	sensirionCO2 = sample{"co2", asIs}
	sensirionVOC = sample{"voc", asIs}
	sensirionNOx = sample{"nox", asIs}
	sensirionPM  = sample{"pm2-5", func(n float64) float64 { return n / 65535 * 1000 }}
	sensirionPM2 = sample{"pm2-5", func(n float64) float64 { return n / 10 }}
	// Formaldehyde is in parts per billion, of which 1.228 mg/m³ are a thousand at 25 °C.
	sensirionHCHO = sample{"formaldehyde", func(n float64) float64 { return n / 5 * 1.228e-3 }}
)

// sensirionTypes are the samples of each type. Types that are not here are not known well.
var sensirionTypes = map[byte][]sample{
	3:  {sensirionT, sensirionH, sensirionVOC},
	4:  {sensirionT, sensirionH},
	6:  {sensirionT, sensirionHv2},
	8:  {sensirionT, sensirionH, sensirionCO2},
	10: {sensirionT, sensirionH, sensirionCO2},
	12: {sensirionT, sensirionH, sensirionCO2, sensirionPM},
	14: {sensirionT, sensirionH, sensirionHCHO},
	16: {sensirionT, sensirionH, sensirionVOC, sensirionPM},
	20: {sensirionT, sensirionH, sensirionCO2, sensirionVOC, sensirionPM, sensirionHCHO},
	22: {sensirionT, sensirionH, sensirionVOC, sensirionNOx},
	28: {sensirionT, sensirionH, sensirionCO2, sensirionPM2},
	30: {sensirionT, sensirionH, sensirionVOC, sensirionPM2},
	32: {sensirionT, sensirionH, sensirionCO2, sensirionVOC, sensirionPM2, sensirionHCHO},
	34: {sensirionCO2},
}

func sensirion(s *said) error {
	d := s.data
	if len(d) < 4 || d[0] != 0 {
		return ErrUnknown
	}
	model := s.fields.Name
	if model == "" {
		model = "gadget"
	}
	s.is("Sensirion", "Sensirion "+model)
	samples, ok := sensirionTypes[d[1]]
	if !ok {
		return errNoForm
	}
	d = d[4:]
	if len(d) < 2*len(samples) {
		return ErrMisfit
	}
	for i, m := range samples {
		n := binary.LittleEndian.Uint16(d[2*i:])
		s.not(int(n), 0xFFFF, m.channel, m.value(float64(n)))
	}
	return nil
}
