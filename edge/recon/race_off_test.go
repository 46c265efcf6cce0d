//go:build !race

package recon

const raceEnabled = false
