package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// greenhouse is one of the two hosts of the greenhouse, at an address of its own, in a world where a plant is dry in a
// second when its fan blows, and stays as it is without.
func greenhouse(t *testing.T, name string, at map[string]string) folder {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../build/sample/greenhouse", name+".toml"))
	if err != nil {
		t.Fatal(err)
	}
	config := string(text)
	for old, now := range at {
		config = strings.ReplaceAll(config, old, now)
	}
	for _, r := range [][2]string{
		{`every += "1s"`, `every = "50ms"`},
		{`start = [4-6]0\.0`, `start = 59.0`},
		{`rate  = -0\.\d`, `rate = 0.0`},
		{`GPIO27 = 10\.0, GPIO22 = -10\.0`, `GPIO27 = 40.0, GPIO22 = -60.0`},
		{`for 2s`, `for 100ms`},
	} {
		if was := config; name == "plants" {
			if config = regexp.MustCompile(r[0]).ReplaceAllString(was, r[1]); config == was {
				t.Fatalf("%s has no %s", name, r[0])
			}
		}
	}
	return folderWith(t, config)
}

// robot is one of the two, as those see it who follow what it does.
type robot struct {
	*events
	name string
	did  []string // its jobs, one after the other
}

// wait waits until the robot has one of these jobs, and returns it.
func (r *robot) wait(t *testing.T, jobs ...string) string {
	t.Helper()
	for deadline := time.After(patience); ; {
		if n := len(r.did); n > 0 && slices.Contains(jobs, r.did[n-1]) {
			return r.did[n-1]
		}
		select {
		case b, ok := <-r.body:
			if !ok {
				t.Fatalf("the link ended; it did %q", r.did)
			}
			if b = strings.Trim(b, `"`); len(r.did) == 0 || r.did[len(r.did)-1] != b {
				r.did = append(r.did, b)
			}
		case <-deadline:
			t.Fatalf("it did %q, want now one of %q", r.did, jobs)
		}
	}
}

// The story that build/sample/greenhouse tells, on two hosts that know each other by WARP alone.
func TestGreenhouse(t *testing.T) {
	at := map[string]string{"127.0.0.1:9011": freePort(t), "127.0.0.1:9012": freePort(t)}
	plants := greenhouse(t, "plants", at).host(t)
	site := greenhouse(t, "aggregator", at)
	aggregator := site.host(t)

	a := &robot{events: follow(t, plants, "/robot/a", "job"), name: "a"}
	b := &robot{events: follow(t, plants, "/robot/b", "job"), name: "b"}
	fan := func(plant int, on bool) {
		t.Helper()
		post(t, plants, fmt.Sprintf("/device/fan-%d", plant), "set", fmt.Sprint(on))
	}
	valve := func(plant int) *events { return follow(t, plants, fmt.Sprintf("/device/valve-%d", plant), "state") }
	dry := func(plant int) string { return fmt.Sprintf("plant-%d/dry", plant) }
	follow(t, aggregator, "/greenhouse/soil", "good").wait(t, "value:3")
	a.wait(t, "none")
	b.wait(t, "none")

	// A plant dries. A robot comes and waters it, until it has recovered.
	water := valve(1)
	alarms := follow(t, aggregator, "/greenhouse", "active")
	fan(1, true)
	alarms.wait(t, "@update", dry(1), "bed-1 soil is ", "below 30")
	a.wait(t, dry(1))
	follow(t, aggregator, "/greenhouse", "assigned").wait(t, dry(1), "a")
	follow(t, plants, "/device/motor-a", "state").wait(t, "value:true")
	water.wait(t, "value:true")
	fan(1, false)
	alarms.wait(t, "@remove", dry(1))
	a.wait(t, "none")
	water.wait(t, "value:false")
	follow(t, plants, "/device/motor-a", "state").wait(t, "value:false")

	// Two plants dry at once: each gets a robot. A third one has to wait.
	fan(1, true)
	fan(2, true)
	one, two := a, b
	if a.wait(t, dry(1), dry(2)) == dry(2) {
		one, two = b, a
	}
	one.wait(t, dry(1))
	two.wait(t, dry(2))
	fan(3, true)
	alarms.wait(t, "@update", dry(3), "severity:failure")

	// Nobody tells the robots what to do any more. A plant that has recovered is not drowned.
	water.wait(t, "value:true")
	aggregator.cmd.Process.Kill()
	<-aggregator.ended
	fan(1, false)
	follow(t, plants, "/plant/1", "state").wait(t, "ok")
	water.wait(t, "value:false")
	if job := get(t, plants, "/robot/"+one.name, "job"); !strings.Contains(job, dry(1)) {
		t.Errorf("with the aggregator dead the robot of plant 1 is at %s", job)
	}

	// The aggregator comes back: the robot that is done goes to the third plant, the other one stays.
	aggregator = site.host(t)
	one.wait(t, dry(3))
	fan(2, false)
	fan(3, false)
	one.wait(t, "none")
	two.wait(t, "none")
	follow(t, aggregator, "/greenhouse", "state").wait(t, "ok")
	for plant := range 3 {
		valve(plant+1).wait(t, "value:false")
	}
	did := map[*robot][]string{one: {dry(1), dry(3)}, two: {dry(2)}}
	did[a] = slices.Insert(did[a], 0, dry(1)) // the first plant of all
	for r, want := range did {
		isIdle := func(job string) bool { return job == "none" } // a slow reader may miss that between two jobs
		if got := slices.DeleteFunc(r.did, isIdle); !slices.Equal(got, want) {
			t.Errorf("robot %s did %q, want %q", r.name, got, want)
		}
	}
	for _, h := range []*program{aggregator, plants} {
		if code := h.stop(t, os.Interrupt, stopTime); code != 0 {
			t.Errorf("the stop ended with %d", code)
		}
	}
}
