//go:build race

package main

const raceEnabled = true // the race detector takes several times the memory
