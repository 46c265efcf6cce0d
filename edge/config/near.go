package config

import (
	"cmp"
	"slices"
	"strings"
)

// didYouMean is a question that names the nearest words, or "" when none is near.
func didYouMean(word string, known []string) string {
	near := nearest(word, known)
	if len(near) == 0 {
		return ""
	}
	return "did you mean " + orList(near) + "?"
}

// nearest returns up to three of the known words that word may be a slip of, best first.
func nearest(word string, known []string) []string {
	type candidate struct {
		word string
		far  int
	}
	var found []candidate
	lower := strings.ToLower(word)
	for _, k := range known {
		far := distance(lower, strings.ToLower(k))
		begins := len(word) >= 3 && (strings.HasPrefix(k, lower) || strings.HasPrefix(lower, k) && len(k) >= 3)
		if far <= max(1, len(word)/3) || begins {
			found = append(found, candidate{k, far})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.word, b.word))
	})
	var words []string
	for _, c := range found[:min(3, len(found))] {
		words = append(words, c.word)
	}
	return words
}

// distance counts the letters to add, drop, change or swap with their neighbour to get from a
// to b. Words longer than any name are just far.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var rows [3][longest + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, above2 := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := above[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

// orList joins words as a sentence does: a, b or c.
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
