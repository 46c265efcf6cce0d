package recon

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// scanAll returns the tokens of a text that arrives in pieces of the sizes that piece chooses, which has how much is
// left, and the error they end with.
func scanAll(t testing.TB, limits Limits, text string, piece func(left int) int) (tokens []Token, err error) {
	t.Helper()
	s := NewScanner(limits)
	left := text
	for {
		token, err := s.Next()
		switch {
		case err == nil:
			token.Text = slices.Clone(token.Text)
			tokens = append(tokens, token)
		case err != ErrMore:
			if _, again := s.Next(); again != err {
				t.Errorf("%q: the error %v is followed by %v", text, err, again)
			}
			return tokens, err
		case left == "":
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		default:
			bytes := []byte(left[:min(piece(len(left)), len(left))])
			left = left[len(bytes):]
			if n, err := s.Write(bytes); n != len(bytes) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
			defer clear(bytes)
		}
	}
}

func whole(left int) int { return left }
func single(int) int     { return 1 }

func spell(tokens []Token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s‹%s›", kindLetters[t.Kind], t.Text)
	}
	return b.String()
}

var kindLetters = map[TokenKind]string{IdentToken: "i", NumberToken: "n", StringToken: "s", DataToken: "d", AttrToken: "a",
	TextToken: "t", CommentToken: "c", BreakToken: "b", PunctToken: "", OperatorToken: "o"}

func TestTokens(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"an event", `@event(node:"/n",lane:l) {a: -1.5e3; b}`,
			`a‹@event› ‹(› i‹node› ‹:› s‹"/n"› ‹,› i‹lane› ‹:› i‹l› ‹)› ‹{› i‹a› ‹:› n‹-1.5e3› ‹;› i‹b› ‹}›`},
		{"strings", "\"a\\\"\\u00e9\" , 'b\"', `c\\``,``,```d`\n``e```", "s‹\"a\\\"\\u00e9\"› ‹,› s‹'b\"'› ‹,› s‹`c\\``› ‹,› s‹``› ‹,› s‹```d`\n``e```›"},
		{"data behind an attribute", `@a%AAE=`, `a‹@a› d‹%AAE=›`},
		{"data and modulo", `%AAE=%%,1 % 2,(1)%3`, `d‹%AAE=› o‹%› d‹%› ‹,› n‹1› o‹%› n‹2› ‹,› ‹(› n‹1› ‹)› o‹%› n‹3›`},
		{"signs and minuses", `-1,1-1,a -1,@a -1,- 1,--1,a-b`,
			`n‹-1› ‹,› n‹1› o‹-› n‹1› ‹,› i‹a› o‹-› n‹1› ‹,› a‹@a› n‹-1› ‹,› o‹-› n‹1› ‹,› o‹-› n‹-1› ‹,› i‹a-b›`},
		{"numbers", `0,0x1F,-0.5,1e+9,0xe+9`, `n‹0› ‹,› n‹0x1F› ‹,› n‹-0.5› ‹,› n‹1e+9› ‹,› n‹0xe› o‹+› n‹9›`},
		{"a comment and an index", "$a#1 #1\n$#-2", "o‹$› i‹a› o‹#› n‹1› c‹#1› b‹\n› o‹$› o‹#› n‹-2›"},
		{"comments", "# one\r\n{1 # two\n}#three", "c‹# one› b‹\r\n› ‹{› n‹1› c‹# two› b‹\n› ‹}› c‹#three›"},
		{"line breaks", "a\r\rb\n\r\nc", "i‹a› b‹\r› b‹\r› i‹b› b‹\n› b‹\r\n› i‹c›"},
		{"markup", "[a # b@c(d)[f]\\[ g\n{h}]",
			"‹[› t‹a # b› a‹@c› ‹(› i‹d› ‹)› ‹[› t‹f› ‹]› t‹\\[ g\n› ‹{› i‹h› ‹}› ‹]›"},
		{"markup, attributes", `[x @a (y) @"b c"(d)(e){f}]`, `‹[› t‹x › a‹@a› t‹ (y) › a‹@"b c"› ‹(› i‹d› ‹)› t‹(e)› ‹{› i‹f› ‹}› ‹]›`},
		{"arguments, groups and calls", `@a(-1)(-2) @b (-3) @c f (-4)(-5)-6`,
			`a‹@a› ‹(› n‹-1› ‹)› ‹(› n‹-2› ‹)› a‹@b› ‹(› n‹-3› ‹)› a‹@c› i‹f› ‹(› n‹-4› ‹)› ‹(› n‹-5› ‹)› o‹-› n‹6›`},
		{"operators", `a<=b=>!c!=d||e|f&&g&h^~i==j>=k>l<m?n:o`,
			`i‹a› o‹<=› i‹b› o‹=>› o‹!› i‹c› o‹!=› i‹d› o‹||› i‹e› o‹|› i‹f› o‹&&› i‹g› o‹&› i‹h› o‹^› o‹~› i‹i› o‹==› i‹j› o‹>=› i‹k› o‹>› i‹l› o‹<› i‹m› o‹?› i‹n› ‹:› i‹o›`},
		{"selectors", `$a.b.*.**.*:.:*.@c[d]#1.-5 * $[e] *$#2`,
			`o‹$› i‹a› o‹.› i‹b› o‹.› o‹*› o‹.› o‹**› o‹.› o‹*:› o‹.› o‹:*› o‹.› a‹@c› ‹[› i‹d› ‹]› o‹#› n‹1› o‹.› n‹-5› o‹*› o‹$› ‹[› i‹e› ‹]› o‹*› o‹$› o‹#› n‹2›`},
		{"keys of selectors", `$(a).[b c].{d}."e".%AA== % 1`,
			`o‹$› ‹(› i‹a› ‹)› o‹.› ‹[› t‹b c› ‹]› o‹.› ‹{› i‹d› ‹}› o‹.› s‹"e"› o‹.› d‹%AA==› o‹%› n‹1›`},
		{"beyond ASCII", "é·x ,\U00010000", "i‹é·x› ‹,› i‹\U00010000›"},
		{"a slot that the end closes", "{a: ", `‹{› i‹a› ‹:›`},
	} {
		for _, piece := range []func(int) int{whole, single} {
			tokens, err := scanAll(t, Limits{}, test.text, piece)
			if got := spell(tokens); got != test.want || err != io.EOF {
				t.Errorf("%s: %q is\n %s, %v, want\n %s", test.name, test.text, got, err, test.want)
			}
		}
	}
}

func TestTokenErrors(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a word behind a value", "a:1\r\n  é conté", `recon 2:5: read conté, want a comma, a line break or the end`},
		{"a long word", "1 abcdefghijklmnopqrstuvwxyz", `recon 1:3: read 'a', want a comma, a line break or the end`},
		{"in braces", "{1 2}", `recon 1:4: read '2', want a comma, a line break or }`},
		{"in arguments", "@a(1 {})", `recon 1:6: read '{', want a comma, a line break or )`},
		{"in parentheses", "(1\n)", `recon 1:3: read a line break, want a comma or )`},
		{"a comment in parentheses", "(1#)", `recon 1:3: read '#', want a comma or )`},
		{"zeros", "01", `recon 1:2: read '1', want a comma, a line break or the end`},
		{"a point", "1.,", `recon 1:3: read ',', want a digit`},
		{"an exponent", "1e+", `recon 1:4: read the end, want a digit`},
		{"hexadecimal", "0xg", `recon 1:3: read g, want a hexadecimal digit`},
		{"base64", "%AAA,", `recon 1:5: read ',', want base64 in groups of 4`},
		{"base64, one character", "%A===", `recon 1:3: read '=', want base64 in groups of 4`},
		{"an escape", `"a\xyz"`, `recon 1:4: read xyz, want an escape character such as \, n or u`},
		{"an escape in markup", `[\u0041]`, `recon 1:3: read u0041, want an escape character such as \, n or u`},
		{"a code unit", `"\u12g"`, `recon 1:6: read g, want a hexadecimal digit`},
		{"a line break in a string", "'a\n'", `recon 1:3: read a line break, want an escape such as \n or \u000a`},
		{"a line break in a raw string", "`a\n`", "recon 1:3: read a line break, want a string of several lines in ``` and ```"},
		{"an open string", `{"a`, `recon 1:4: read the end, want the closing "`},
		{"an open raw string", "```a``", "recon 1:7: read the end, want the closing ```"},
		{"an open record", "{a:1", `recon 1:5: read the end, want a comma, a line break or }`},
		{"an open record, behind a line", "{a:1\n", `recon 2:1: read the end, want the closing }`},
		{"open markup", "[a", `recon 1:3: read the end, want the closing ]`},
		{"the wrong bracket", "@a(1}", `recon 1:5: read '}', want a comma, a line break or )`},
		{"a stray bracket", "1}", `recon 1:2: read '}', want a comma, a line break or the end`},
		{"a stray bracket, alone", "]", `recon 1:1: read ']', want a value, a key or an attribute`},
		{"in markup", "[a}", `recon 1:3: read '}', want \} or ]`},
		{"no attribute", "@ a", `recon 1:2: read ' ', want an attribute name`},
		{"a boolean as attribute", "{@true}", `recon 1:3: read true, want an attribute name; true and false need quotes`},
		{"a selector", "$", `recon 1:2: read the end, want a key, @, *, : or #`},
		{"an index", "$a#b", `recon 1:4: read b, want a digit`},
		{"a filter", "$a[b c]", `recon 1:6: read c, want the closing ]`},
		{"not UTF-8", "{a:\xff}", `recon 1:4: read the byte 0xff, want UTF-8`},
		{"half a character", "\"\xe2\x82", `recon 1:2: read the byte 0xe2, want UTF-8`},
		{"a control character", "{\x00}", `recon 1:2: read '\x00', want a comma, a line break or }`},
		{"a character that begins nothing", "\u00a0a", `recon 1:1: read '\u00a0', want a value, a key or an attribute`},
	} {
		for _, piece := range []func(int) int{whole, single} {
			if _, err := scanAll(t, Limits{}, test.text, piece); err == nil || err.Error() != test.want || errors.Is(err, ErrLimit) {
				t.Errorf("%s: %q\n gives %v\n want  %s", test.name, test.text, err, test.want)
			}
		}
	}
}

func TestScannerLimits(t *testing.T) {
	for _, test := range []struct {
		name, fits, tooMuch string
		limits              Limits
	}{
		{"depth", strings.Repeat("{", 256) + strings.Repeat("}", 256), strings.Repeat("{", 257), Limits{}},
		{"depth of all brackets", "@a({[@b((1))]})", "@a({[@b((f(1)))]})", Limits{Depth: 5}},
		{"bytes", "1234", "12345", Limits{Bytes: 4}},
		{"bytes of blanks", "1   ", "1    ", Limits{Bytes: 4}},
		{"bytes of characters", `"é"`, `"aé"`, Limits{Bytes: 4}},
	} {
		for _, piece := range []func(int) int{whole, single} {
			if _, err := scanAll(t, test.limits, test.fits, piece); err != io.EOF {
				t.Errorf("%s: within the limit: %v", test.name, err)
			}
			_, err := scanAll(t, test.limits, test.tooMuch, piece)
			if _, want := test.limits.Parse([]byte(test.tooMuch)); !errors.Is(err, ErrLimit) || !errors.Is(want, ErrLimit) {
				t.Errorf("%s: past the limit: %v, want as of Parse: %v", test.name, err, want)
			}
		}
	}
}

// TestTokensAlias: the text of a token that lies in one piece is not copied.
func TestTokensAlias(t *testing.T) {
	piece := []byte(`{ab:"c d"} `)
	s := NewScanner(Limits{})
	s.Write(piece)
	for _, offset := range []int{0, 1, 3, 4, 9} {
		token, err := s.Next()
		if err != nil || token.Offset != offset || &token.Text[0] != &piece[offset] {
			t.Errorf("token %s at %d, %v, want the bytes at %d themselves", token.Text, token.Offset, err, offset)
		}
	}
	if _, err := s.Next(); err != ErrMore {
		t.Errorf("at the end of a piece: %v", err)
	}
	s.Close()
	if _, err := s.Write(piece); err == nil {
		t.Error("Write to a closed scanner")
	}
}

// TestWriteAhead: who writes before all tokens were taken changes nothing.
func TestWriteAhead(t *testing.T) {
	s := NewScanner(Limits{})
	for _, piece := range []string{"{a", "b:\xe2", "\x82", "\xac,", "c", "", "d:1 }"} {
		s.Write([]byte(strings.Replace(piece, "\xe2", "\"\xe2", 1)))
		if piece == "c" {
			s.Next()
		}
	}
	s.Close()
	var tokens []Token
	token, err := s.Next()
	for ; err == nil; token, err = s.Next() {
		token.Text = slices.Clone(token.Text)
		tokens = append(tokens, token)
	}
	const want = `recon 1:14: read the end, want the closing "`
	if got := spell(tokens); got != "i‹ab› ‹:›" || err.Error() != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

// TestScannerCopies: neither a fault before a long text nor many small pieces make it copy much.
func TestScannerCopies(t *testing.T) {
	copied := func(f func(s *Scanner)) int {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f(NewScanner(Limits{}))
		runtime.ReadMemStats(&after)
		return int(after.TotalAlloc - before.TotalAlloc)
	}
	const size = 64 << 10
	text := []byte("]" + strings.Repeat(" ", size))
	fault := copied(func(s *Scanner) {
		s.Write(text)
		if _, err := s.Next(); err == nil || err == ErrMore {
			t.Errorf("a fault before a long text gives %v", err)
		}
	})
	if fault > size/2 {
		t.Errorf("a fault before %d bytes copies %d", size, fault)
	}
	small := copied(func(s *Scanner) {
		for i := range text[1:] {
			s.Write(text[1+i : 2+i])
		}
		s.Write(text[:1])
		if _, err := s.Next(); err == nil || err == ErrMore {
			t.Errorf("a fault behind small pieces gives %v", err)
		}
	})
	if small > 16*size {
		t.Errorf("%d bytes one by one are copied as %d", size, small)
	}
}

func FuzzScanner(f *testing.F) {
	for _, v := range readVectors[vector](f, "recon.json") {
		f.Add(v.In, uint64(1))
	}
	f.Add("$a. + 1,@a {1} + % 2,{,a ?:}\n", uint64(2))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		tokens, err := scanAll(t, Limits{Depth: 64}, text, whole)
		var syntax *SyntaxError
		if err != io.EOF && (!errors.As(err, &syntax) || syntax.Line < 1 || syntax.Col < 1 || syntax.Want == "" || syntax.Offset > len(text)) {
			t.Errorf("%q: error %v", text, err)
		}
		if v, parseErr := (Limits{Depth: 64}).Parse([]byte(text)); parseErr == nil && err != io.EOF {
			t.Errorf("%q is read as %s, but its tokens %s end with %v", text, v, spell(tokens), err)
		}

		behind := 0
		for _, token := range tokens {
			if strings.Trim(text[behind:token.Offset], " \t") != "" || !strings.HasPrefix(text[token.Offset:], string(token.Text)) || len(token.Text) == 0 {
				t.Errorf("%q: the token %q is said to stand at %d, behind %d", text, token.Text, token.Offset, behind)
			}
			if at := newSyntaxError(text, token.Offset, ""); at.Line != token.Line || at.Col != token.Col {
				t.Errorf("%q: the token %q is said to stand at %d:%d, want %d:%d", text, token.Text, token.Line, token.Col, at.Line, at.Col)
			}
			behind = token.Offset + len(token.Text)
		}
		if rest := strings.Trim(text[behind:], " \t"); err == io.EOF && rest != "" {
			t.Errorf("%q: %q is left without tokens", text, rest)
		}
		if err != io.EOF {
			if at := newSyntaxError(text, syntax.Offset, ""); at.Line != syntax.Line || at.Col != syntax.Col || !syntax.limit && at.Read != syntax.Read {
				t.Errorf("%q: %v, want %d:%d and %s", text, syntax, at.Line, at.Col, at.Read)
			}
		}

		random := rand.New(rand.NewPCG(seed, 0))
		for _, piece := range []func(int) int{single, func(left int) int { return random.IntN(left + 1) }} {
			again, err2 := scanAll(t, Limits{Depth: 64}, text, piece)
			if spell(again) != spell(tokens) || err2.Error() != err.Error() {
				t.Errorf("%q is\n%s, %v, in pieces\n%s, %v", text, spell(tokens), err, spell(again), err2)
			}
			few, err3 := scanAll(t, Limits{Depth: 3, Bytes: 16}, text, piece)
			for _, token := range few {
				if token.Offset+len(token.Text) > 16 {
					t.Errorf("%q: token %q lies past the limit", text, token.Text)
				}
			}
			if err == io.EOF && len(text) > 16 && !errors.Is(err3, ErrLimit) {
				t.Errorf("%q: no limit was passed, %v", text, err3)
			}
		}
	})
}
