package device

import "time"

// Paced is a sensor that has a course of its own, such as a recording that is played: it says when it is to be read,
// whatever Every is, and it is not opened again because it fails, for that is part of its course.
type Paced interface {
	Sensor
	// Pause is called after each Read, also one that failed, and says how long it is until the next.
	Pause() time.Duration
}
