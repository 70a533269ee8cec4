package lab

import (
	"testing"
	"time"
)

func TestTheTimeoutFollowsTheAnswerTimes(t *testing.T) {
	const most = 10 * time.Second
	p := newPacer(0)
	if got := p.answerTimeout("List", most); got != most {
		t.Errorf("%v before any answer, not %v", got, most)
	}
	for _, test := range []struct{ usual, want time.Duration }{
		{time.Millisecond, 2 * time.Second},
		{50 * time.Millisecond, 5 * time.Second},
		{time.Second, most},
	} {
		p := newPacer(0)
		for range pacerWindow {
			p.recordAnswerTime("List", test.usual)
		}
		if got := p.answerTimeout("List", most); got != test.want {
			t.Errorf("%v where answers take %v, not %v", got, test.usual, test.want)
		}
	}
}
