package lab

import (
	"testing"
	"time"
)

func TestPatienceForUnusualFormsFollowsTheUsualAnswers(t *testing.T) {
	const most = 10 * time.Second
	p := newPace(0)
	if got := p.patience("List", most); got != most {
		t.Errorf("%v before any answer, not %v", got, most)
	}
	for _, test := range []struct{ usual, want time.Duration }{
		{time.Millisecond, 2 * time.Second},
		{50 * time.Millisecond, 5 * time.Second},
		{time.Second, most},
	} {
		p := newPace(0)
		for range window {
			p.heard("List", test.usual)
		}
		if got := p.patience("List", most); got != test.want {
			t.Errorf("%v where answers take %v, not %v", got, test.usual, test.want)
		}
	}
}
