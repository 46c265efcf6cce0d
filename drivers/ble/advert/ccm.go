package advert

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// ccm is AES in CCM mode: CTR for secrecy, CBC-MAC for integrity (NIST SP 800-38C; RFC 3610). The standard library has
// no CCM. Messages are below 64 KiB here, associated data below 65,280 bytes.
type ccm struct {
	block cipher.Block
	tag   int // bytes of the authentication field: 4, 6, … 16
}

var errForged = errors.New("the authentication field is wrong")

func newCCM(key []byte, tag int) (*ccm, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &ccm{b, tag}, nil
}

// open returns the plain text of sealed, which is the cipher text and the authentication field. The nonce has 7 to 13
// bytes.
func (c *ccm) open(nonce, sealed, more []byte) ([]byte, error) {
	if len(sealed) < c.tag || len(sealed) > 0xFFFF || len(nonce) < 7 || len(nonce) > 13 {
		return nil, errForged
	}
	plain := make([]byte, len(sealed)-c.tag)
	tag := make([]byte, aes.BlockSize)
	stream := c.stream(nonce)
	copy(tag, sealed[len(plain):])
	stream.XORKeyStream(tag, tag) // the first block of the key stream is for the authentication field
	stream.XORKeyStream(plain, sealed[:len(plain)])
	mac := c.mac(nonce, plain, more)
	if subtle.ConstantTimeCompare(mac[:c.tag], tag[:c.tag]) != 1 {
		return nil, errForged
	}
	return plain, nil
}

// unchecked is the plain text of an old form that has no room for a whole authentication field.
func (c *ccm) unchecked(nonce, text []byte) []byte {
	var first [aes.BlockSize]byte
	plain := make([]byte, len(text))
	stream := c.stream(nonce)
	stream.XORKeyStream(first[:], first[:])
	stream.XORKeyStream(plain, text)
	return plain
}

// stream is the key stream from counter 0 (SP 800-38C, A.3).
func (c *ccm) stream(nonce []byte) cipher.Stream {
	var counter [aes.BlockSize]byte
	counter[0] = byte(14 - len(nonce))
	copy(counter[1:], nonce)
	return cipher.NewCTR(c.block, counter[:])
}

// mac is the CBC-MAC over the first block, the associated data and the message, each filled up with zeros
// (SP 800-38C, A.2).
func (c *ccm) mac(nonce, plain, more []byte) (sum [aes.BlockSize]byte) {
	sum[0] = byte((c.tag-2)/2)<<3 | byte(14-len(nonce))
	if len(more) > 0 {
		sum[0] |= 0x40
	}
	copy(sum[1:], nonce)
	binary.BigEndian.PutUint16(sum[14:], uint16(len(plain)))
	c.block.Encrypt(sum[:], sum[:])
	if len(more) > 0 {
		c.absorb(&sum, append(binary.BigEndian.AppendUint16(nil, uint16(len(more))), more...))
	}
	c.absorb(&sum, plain)
	return sum
}

func (c *ccm) absorb(sum *[aes.BlockSize]byte, b []byte) {
	for len(b) > 0 {
		n := min(len(b), aes.BlockSize)
		subtle.XORBytes(sum[:n], sum[:n], b[:n])
		c.block.Encrypt(sum[:], sum[:])
		b = b[n:]
	}
}

// unseal opens what a device encrypted with the key of the config.
func (s *said) unseal(nonce, sealed, more []byte) ([]byte, error) {
	s.out.Encrypted = true
	if len(s.key) == 0 {
		return nil, ErrNeedsKey
	}
	if len(s.key) != 16 {
		return nil, ErrWrongKey
	}
	c, err := newCCM(s.key, 4)
	if err != nil {
		return nil, ErrWrongKey
	}
	plain, err := c.open(nonce, sealed, more)
	if err != nil {
		return nil, ErrWrongKey
	}
	return plain, nil
}

// turned is b with the last byte first.
func turned(b []byte) []byte {
	t := make([]byte, len(b))
	for i := range b {
		t[len(b)-1-i] = b[i]
	}
	return t
}
