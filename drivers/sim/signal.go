package sim

import "time"

// Signal is what a quantity of the world around a chip is at a time, in the unit of its channel.
type Signal func(time.Time) float64

// Steady is a signal that stays as it is.
func Steady(v float64) Signal { return func(time.Time) float64 { return v } }

// Swing is a signal that swings about mid within ten minutes.
func Swing(mid, swing float64) Signal {
	return func(now time.Time) float64 { return wave(now, mid, swing) }
}
