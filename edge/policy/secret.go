package policy

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Iterations of PBKDF2 with HMAC-SHA-256 that new hashes have: what OWASP asks for
// (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
const Iterations = 600_000

// Bounds on what a hash may ask for. The upper one is some seconds of a small machine.
const (
	minIterations = 100_000
	maxIterations = 5_000_000
	saltSize      = 16
	minSalt       = 8
)

// Bounds on a password in bytes. NIST SP 800-63B has the lower one.
const (
	MinPassword = 8
	MaxPassword = 1024
)

const (
	passwordScheme = "pbkdf2-sha256"
	tokenScheme    = "sha256"
	tokenPrefix    = "selvage_" // by which scanners of published files can tell what they found
)

var encoding = base64.RawURLEncoding

// Password is the hash of one, never the password. The zero Password fits none.
type Password struct {
	iterations int
	salt, sum  string
}

// decoy is what a user's password is compared with who is not there, so that it takes as long.
var decoy = Password{Iterations, strings.Repeat("s", saltSize), strings.Repeat("\x00", sha256.Size)}

// NewPassword hashes a password.
func NewPassword(text string) (Password, error) {
	switch {
	case len(text) < MinPassword:
		return Password{}, fmt.Errorf("a password has at least %d characters", MinPassword)
	case len(text) > MaxPassword:
		return Password{}, fmt.Errorf("a password has at most %d bytes", MaxPassword)
	}
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails
	p := Password{iterations: Iterations, salt: string(salt)}
	p.sum = p.hash(text)
	return p, nil
}

// ParsePassword reads what String has printed. Its errors do not repeat the text, which may be a
// password by mistake.
func ParsePassword(text string) (Password, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 4 || parts[0] != passwordScheme {
		return Password{}, errors.New("it is no hash of a password")
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n < minIterations || n > maxIterations {
		return Password{}, fmt.Errorf("the hash has from %d to %d iterations", minIterations, maxIterations)
	}
	salt, err := encoding.DecodeString(parts[2])
	sum, sumErr := encoding.DecodeString(parts[3])
	if err != nil || sumErr != nil || len(salt) < minSalt || len(sum) != sha256.Size {
		return Password{}, errors.New("the hash is not whole")
	}
	return Password{n, string(salt), string(sum)}, nil
}

func (p Password) String() string {
	if p.sum == "" {
		return ""
	}
	return strings.Join([]string{passwordScheme, strconv.Itoa(p.iterations),
		encoding.EncodeToString([]byte(p.salt)), encoding.EncodeToString([]byte(p.sum))}, "$")
}

// hash takes from 50 ms on a desktop to a second on a small board.
func (p Password) hash(text string) string {
	sum, err := pbkdf2.Key(sha256.New, text, []byte(p.salt), p.iterations, sha256.Size)
	if err != nil {
		return "" // only where FIPS 140-3 is enforced and the salt is short: fits nothing
	}
	return string(sum)
}

func (p Password) fits(text string) bool {
	return len(p.sum) == sha256.Size && subtle.ConstantTimeCompare([]byte(p.hash(text)), []byte(p.sum)) == 1
}

// Token is the hash of one. A token is random and long, so a plain hash will do.
type Token [sha256.Size]byte

// minToken is what 128 random bits take in base64.
const minToken = 22

// NewToken makes a token of 256 random bits. What is returned first is to be kept secret.
func NewToken() (secret string, t Token) {
	bits := make([]byte, 32)
	rand.Read(bits) // never fails
	secret = tokenPrefix + encoding.EncodeToString(bits)
	return secret, sha256.Sum256([]byte(secret))
}

// ParseToken reads what String has printed. Its errors do not repeat the text, which may be a token by
// mistake.
func ParseToken(text string) (Token, error) {
	scheme, sum, _ := strings.Cut(text, "$")
	if scheme != tokenScheme {
		return Token{}, errors.New("it is no hash of a token")
	}
	bits, err := hex.DecodeString(sum)
	if err != nil || len(bits) != sha256.Size {
		return Token{}, errors.New("the hash is not whole")
	}
	return Token(bits), nil
}

// ReadToken reads a token, or its hash, from a file's text.
func ReadToken(text string) (Token, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, tokenScheme+"$") {
		return ParseToken(text)
	}
	if len(text) < minToken || strings.ContainsAny(text, " \t\r\n") {
		return Token{}, fmt.Errorf("a token is one word of at least %d characters", minToken)
	}
	return sha256.Sum256([]byte(text)), nil
}

func (t Token) String() string {
	if t == (Token{}) {
		return ""
	}
	return tokenScheme + "$" + hex.EncodeToString(t[:])
}
