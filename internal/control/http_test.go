package control

import (
	"errors"
	"testing"

	"github.com/rookery-im/rookery"
)

func TestEveryCodeHasADistinctStatus(t *testing.T) {
	for _, code := range rookery.Codes() {
		status, ok := statusByCode[code]
		if !ok {
			t.Errorf("code %d has no status", code)
			continue
		}
		if status < 400 {
			t.Errorf("code %d has status %d, want 400 or more", code, status)
		}
		if back, _ := codeOfStatus(status); back != code {
			t.Errorf("codeOfStatus(%d) = %d, want %d", status, back, code)
		}
	}
}

func TestErrorsIncludeTheCause(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		text string
	}{
		{"an error with a code", rookery.Temporary(errors.New("disk full")),
			"the server could not do it now, try again: disk full"},
		{"an error without a code", errors.New("disk full"), "the server could not do it now, try again: disk full"},
		{"an error without a cause", rookery.Errorf(rookery.CodeExists, "it is taken"), "it is taken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			failure := newErrorBody(test.err)
			body := `{"Text":"` + failure.Text + `","Cause":"` + failure.Cause + `"}`
			if got := decodeError(statusByCode[rookery.CodeOf(test.err)], []byte(body)); got.Error() != test.text ||
				rookery.CodeOf(got) != rookery.CodeOf(test.err) {
				t.Errorf("got error %v with code %d, want %s with code %d", got, rookery.CodeOf(got), test.text,
					rookery.CodeOf(test.err))
			}
		})
	}
}
