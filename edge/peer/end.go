package peer

// End is called when the lane that the link reads is no more: its reader gets an unlinked.
func (l *Link) End() {
	c := l.conn
	c.mu.Lock()
	if c.ended == nil {
		before := l.up.Owed()
		l.up.Unlink()
		c.owed += l.up.Owed() - before
	}
	c.mu.Unlock()
	l.Wake()
}
