//go:build race

package recon

const raceEnabled = true // sync.Pool drops things at random under the race detector
