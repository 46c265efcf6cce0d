package peer

// End is called when the lane that the link reads is no more: its reader gets what it has not had, and an unlinked.
func (l *Link) End() { l.change(l.up.End) }
