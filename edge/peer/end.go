package peer

// End is called when the lane that the link reads is no more: its reader gets an unlinked.
func (l *Link) End() { l.change(l.up.Unlink) }
