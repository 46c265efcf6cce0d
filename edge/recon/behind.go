package recon

// AppendBehind appends text, one value as Append prints it, behind an attribute: a bare identifier
// or number is set off by a space, as SwimOS prints it, and an empty text adds nothing.
func AppendBehind(dst, text []byte) []byte {
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
