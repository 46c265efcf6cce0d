package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// What watch prints of a list lane, also over a second connection: "linked" and "synced" stand for
// what they say, anything else is an event. Its lines follow, up to the next.
func TestWatchList(t *testing.T) {
	const story = `linked
@update(index:0,key:a) milk
0  milk
@update(index:1,key:b) bread
1  bread
synced
@update(index:2,key:c) eggs
2  eggs  (inserted)
@update(index:1,key:b) rye
1  rye
@update(index:0,key:d){n:2,of:plums}
0  n: 2, of: plums  (inserted)
@move(from:3,to:0,key:c)
0  eggs  (moved from 3)
@remove(index:3,key:b)
3  rye  (removed)
@remove(index:3,key:b)
@update(index:3,key:e) tea
3  tea  (inserted)
@drop(1)
(first 1 removed)
linked
@update(index:0,key:e) tea
@update(index:1,key:a) oats
@update(index:2,key:f) salt
linked
@update(index:0,key:e) tea
@update(index:1,key:a) oats
@update(index:1,key:g) nuts
@update(index:3,key:f) salt
synced
0  n: 2, of: plums  (removed)
1  milk  (moved from 0)
1  nuts  (inserted)
2  oats
3  salt  (inserted)
@take(1)
(all but the first 1 removed)
linked
synced
(all removed)
@update(index:0,key:h) rice
0  rice  (inserted)
@clear
(all removed)`
	var out bytes.Buffer
	w := &watcher{env: &env{out: &out, err: &out}, seen: map[string]string{}}
	clock := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  `)
	var got strings.Builder
	for _, line := range strings.Split(story, "\n") {
		var err error
		switch {
		case line == "linked":
			w.begin()
		case line == "synced":
			err = w.synced()
		case strings.HasPrefix(line, "@"):
			err = w.event([]byte(line))
		default:
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		fmt.Fprintf(&got, "%s\n%s", line, clock.ReplaceAllString(out.String(), ""))
		out.Reset()
	}
	if got.String() != story+"\n" {
		t.Errorf("watch printed\n%swant\n%s", got.String(), story)
	}
}

func TestWatchListAsJSON(t *testing.T) {
	var out bytes.Buffer
	w := &watcher{env: &env{out: &out, err: &out, json: true}, node: "/shop", lane: "list"}
	w.begin()
	for _, event := range []string{"@update(index:0,key:a) 1", "@update(index:0,key:b) 2", "@update(index:1,key:a) 3", "@move(from:1,to:0,key:a)", "@remove(index:0,key:a)", "@take(0)"} {
		if err := w.event([]byte(event)); err != nil {
			t.Fatal(err)
		}
	}
	want := `"index":0,"key":"a","value":1,"inserted":true}
"index":0,"key":"b","value":2,"inserted":true}
"index":1,"key":"a","value":3}
"from":1,"index":0,"key":"a","moved":true}
"index":0,"key":"a","removed":true}
"taken":0}
`
	if got := regexp.MustCompile(`(?m)^.*"lane":"list",`).ReplaceAllString(out.String(), ""); got != want {
		t.Errorf("watch printed\n%swant\n%s", got, want)
	}
}
