//go:build !linux

package meta

// Elsewhere nothing is known.

func processors() (busy, all uint64) { return 0, 0 }
func memory() (used, total int64)    { return 0, 0 }
func disk() (used, total int64)      { return 0, 0 }
