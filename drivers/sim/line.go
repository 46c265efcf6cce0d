package sim

import (
	"fmt"
	"time"
)

func init() {
	registerTalker("line", func() Talker {
		return &Lines{Every: time.Second, Text: func(now time.Time) string {
			return fmt.Sprintf(`{"temperature": %.1f, "humidity": %.0f, "door": "closed"}`, wave(now, 21, 3), wave(now, 45, 10))
		}}
	})
}

// Lines is something that tells a line of text from time to time, as an Arduino does.
type Lines struct {
	Every time.Duration
	Text  func(now time.Time) string
	Asks  string // if it speaks when it hears this, and not by itself

	spoke time.Time
	said  []byte
}

// Baud is that of most examples.
func (*Lines) Baud() int { return 9600 }

// PowerOff has it begin anew.
func (l *Lines) PowerOff() { l.spoke, l.said = time.Time{}, nil }

// Hear hears one thing.
func (l *Lines) Hear(now time.Time, b []byte) {
	if l.Asks != "" && string(b) == l.Asks {
		l.said = append(l.said, l.Text(now)+"\r\n"...)
	}
}

// Say speaks when it is time.
func (l *Lines) Say(now time.Time) ([]byte, time.Time) {
	said := l.said
	l.said = nil
	if l.Asks != "" {
		return said, time.Time{}
	}
	if l.spoke.IsZero() {
		l.spoke = now
	}
	if next := l.spoke.Add(l.Every); now.Before(next) {
		return said, next
	}
	l.spoke = now
	return append(said, l.Text(now)+"\r\n"...), now.Add(l.Every)
}
