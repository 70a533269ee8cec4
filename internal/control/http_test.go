package control

import (
	"errors"
	"testing"

	"github.com/rookery-im/rookery"
)

func TestEveryCodeHasAStatusOfItsOwn(t *testing.T) {
	for _, code := range rookery.Codes() {
		status, ok := statusByCode[code]
		if !ok {
			t.Errorf("code %d has no status", code)
			continue
		}
		if status < 400 {
			t.Errorf("code %d has status %d, which is no failure", code, status)
		}
		if back, _ := codeOfStatus(status); back != code {
			t.Errorf("code %d has status %d, which stands for code %d", code, status, back)
		}
	}
}

func TestTheCauseReachesTheOperator(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		text string
	}{
		{"of an error with a code", rookery.Temporary(errors.New("disk full")),
			"the server could not do it now, try again: disk full"},
		{"of an error without one", errors.New("disk full"), "the server could not do it now, try again: disk full"},
		{"where there is none", rookery.Errorf(rookery.CodeExists, "it is taken"), "it is taken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			failure := newErrorBody(test.err)
			body := `{"Text":"` + failure.Text + `","Cause":"` + failure.Cause + `"}`
			if got := decodeError(statusByCode[rookery.CodeOf(test.err)], []byte(body)); got.Error() != test.text ||
				rookery.CodeOf(got) != rookery.CodeOf(test.err) {
				t.Errorf("error %v with code %d, want %s with code %d", got, rookery.CodeOf(got), test.text,
					rookery.CodeOf(test.err))
			}
		})
	}
}
