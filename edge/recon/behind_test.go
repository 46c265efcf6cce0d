package recon

import "testing"

func TestAppendBehind(t *testing.T) {
	for text, want := range map[string]string{
		"": "@a", "1": "@a 1", "x": "@a x", `"x y"`: `@a"x y"`, "{x:1}": "@a{x:1}", "@b 1": "@a@b 1", "%AA==": "@a%AA==", "-1.5": "@a -1.5",
	} {
		got := string(AppendBehind([]byte("@a"), []byte(text)))
		if got != want {
			t.Errorf("AppendBehind(@a, %s) = %s, want %s", text, got, want)
		}
		v, err := ParseString(got)
		if err != nil || v.Body().String() != text {
			t.Errorf("%s parses to the body %s, %v, want %s", got, v.Body(), err, text)
		}
	}
}
