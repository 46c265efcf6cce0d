package max31855

import "math"

// Of a thermocouple of type K, by NIST ITS-90. Temperatures are in °C, voltages in mV against a junction at 0 °C.
const (
	sensitivity = 0.041276 // mV/K that the chip reckons with (table 1)
	coldestK    = -200
	hottestK    = 1372
)

// voltage is E(t) from -270 to 1372 °C.
func voltage(t float64) float64 {
	if t < 0 {
		return poly(t, 0, 0.394501280250e-01, 0.236223735980e-04, -0.328589067840e-06, -0.499048287770e-08, -0.675090591730e-10,
			-0.574103274280e-12, -0.310888728940e-14, -0.104516093650e-16, -0.198892668780e-19, -0.163226974860e-22)
	}
	return poly(t, -0.176004136860e-01, 0.389212049750e-01, 0.185587700320e-04, -0.994575928740e-07, 0.318409457190e-09,
		-0.560728448890e-12, 0.560750590590e-15, -0.320207200030e-18, 0.971511471520e-22, -0.121047212750e-25) +
		0.118597600000*math.Exp(-0.118343200000e-03*(t-0.126968600000e+03)*(t-0.126968600000e+03))
}

// temperature is the inverse, from -200 to 1372 °C, within 0.06 °C.
func temperature(e float64) float64 {
	switch {
	case e < 0:
		return poly(e, 0, 2.5173462e+01, -1.1662878, -1.0833638, -8.9773540e-01, -3.7342377e-01, -8.6632643e-02, -1.0450598e-02, -5.1920577e-04)
	case e < 20.644:
		return poly(e, 0, 2.508355e+01, 7.860106e-02, -2.503131e-01, 8.315270e-02, -1.228034e-02, 9.804036e-04, -4.413030e-05, 1.057734e-06, -1.052755e-08)
	}
	return poly(e, -1.318058e+02, 4.830222e+01, -1.646031, 5.464731e-02, -9.650715e-04, 8.802193e-06, -3.110810e-08)
}

// linearised is the temperature at the tip: the chip added its own to a voltage that it divided by the sensitivity.
func linearised(tip, chip float64) float64 {
	return temperature(sensitivity*(tip-chip) + voltage(chip))
}

// poly is c[0] + c[1]·x + c[2]·x² + …
func poly(x float64, c ...float64) (y float64) {
	for i := len(c) - 1; i >= 0; i-- {
		y = y*x + c[i]
	}
	return y
}
