package health

import "errors"

// Because returns err, which is explained by the condition with that code.
func Because(code string, err error) error { return &explained{err, code} }

// Causes returns the codes of the conditions that explain err, for DependsOn.
func Causes(err error) []string {
	var codes []string
	for e := (*explained)(nil); errors.As(err, &e); err = e.error {
		codes = append(codes, e.code)
	}
	return codes
}

type explained struct {
	error
	code string
}

func (e *explained) Unwrap() error { return e.error }
