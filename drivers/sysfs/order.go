package sysfs

import (
	"cmp"
	"slices"
	"strings"
)

// SortByNumber sorts names with numbers in them by those numbers: shorter runs of digits first.
func SortByNumber(names []string) {
	slices.SortFunc(names, func(a, b string) int {
		for a != "" && b != "" {
			da, db := digits(a), digits(b)
			if da > 0 && db > 0 {
				na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
				if c := cmp.Or(cmp.Compare(len(na), len(nb)), cmp.Compare(na, nb)); c != 0 {
					return c
				}
				a, b = a[da:], b[db:]
				continue
			}
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
		}
		return cmp.Compare(len(a), len(b))
	})
}

func digits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}
