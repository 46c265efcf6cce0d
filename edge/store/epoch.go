package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
)

// An epoch names one run of numbers of the feed. Whoever takes points from it knows a repeat by epoch and number,
// so that there is a new one whenever the numbers may not go on from where others saw them: after a salvage, after
// an import, and in the hands of another host, such as one that runs from the copy of an SD card.
func newEpoch() string {
	var id [8]byte
	rand.Read(id[:]) // never fails since Go 1.24
	return hex.EncodeToString(id[:])
}

// renew gives the store a new epoch.
func (c *session) renew() error {
	return c.once("UPDATE meta SET value = ? WHERE key = 'epoch'", nil, newEpoch())
}

// owned notes whose the store is, and gives it a new epoch if something known of that was known to be otherwise,
// which it returns.
func (c *session) owned(identity map[string]string) (changed []string, err error) {
	if err := c.run("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	for _, what := range slices.Sorted(maps.Keys(identity)) {
		is := identity[what]
		if is == "" {
			continue
		}
		was, e := c.word("SELECT coalesce((SELECT value FROM meta WHERE key = 'owner.' || ?), '')", what)
		if was == is && e == nil {
			continue
		}
		if was != "" {
			changed = append(changed, what)
		}
		err = errors.Join(err, e, c.once("INSERT OR REPLACE INTO meta (key, value) VALUES ('owner.' || ?, ?)", nil, what, is))
	}
	if len(changed) > 0 {
		err = errors.Join(err, c.renew())
	}
	if err != nil {
		return nil, errors.Join(err, c.run("ROLLBACK"))
	}
	return changed, c.run("COMMIT")
}
