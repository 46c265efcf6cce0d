package recon

// AppendBody appends text, one value's Recon text, behind an attribute: a bare identifier or
// number is set off by a space, as SwimOS prints it, and an empty text adds nothing.
func AppendBody(dst, text []byte) []byte {
	if len(text) == 0 {
		return dst
	}
	switch text[0] {
	case '"', '%', '{', '[', '@':
	default:
		dst = append(dst, ' ')
	}
	return append(dst, text...)
}
