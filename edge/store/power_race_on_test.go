//go:build race

package store

const raceEnabled = true // the race detector makes SQLite some ten times slower
