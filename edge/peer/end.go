package peer

import "selvage/edge/warp"

// End is called when the lane that the link reads is no more: its reader gets what it has not had, and an unlinked.
func (l *Link) End() { l.change(l.up.End) }

// Fail is called when the source that the link reads, or has read, cannot go on to show its state: the link ends with
// that reason.
func (l *Link) Fail(source any, reason string) {
	if s, ok := source.(warp.Source); ok {
		l.change(func() { l.up.Fail(s, reason) })
	}
}
