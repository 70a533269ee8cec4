package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// letGoBy lets time go by: on the server's clock for tests, if it has one.
func (l *Lab) letGoBy(ctx context.Context, d time.Duration) error {
	if l.Instead != nil {
		l.Instead.Wait(d)
		return nil
	}
	if l.control["clock"] != "" {
		return l.post(ctx, "clock", strconv.FormatFloat(d.Seconds(), 'f', -1, 64))
	}
	return l.pauseReally(ctx, d)
}

// pauseReally lets real time go by.
func (l *Lab) pauseReally(ctx context.Context, d time.Duration) error {
	if most := l.File.Limits.TotalTime; most > 0 && l.t()+d.Seconds() > most.Seconds() {
		return stoppedf("the time of %v is over, or would be before a wait of %v", most, d)
	}
	if l.Progress != nil {
		progress := l.progress()
		progress.WaitingFor = d
		l.Progress(progress)
	}
	l.Close() // a server ends connections on which nothing comes; that is no lost answer
	if err := sleep(ctx, d); err != nil {
		return l.stopped(ctx, 0)
	}
	return nil
}

// post asks a control URL, a few times if need be.
func (l *Lab) post(ctx context.Context, name, body string) error {
	var last error
	tries := 5
	if !l.heard {
		tries = mostUnheard // there may be no server at all
	}
	for try := range tries {
		if try > 0 && sleep(ctx, time.Duration(try)*100*time.Millisecond) != nil {
			return l.stopped(ctx, 0)
		}
		status, err := l.postOnce(ctx, l.control[name], body, try)
		if status/100 == 2 && err == nil {
			return nil
		}
		if last = err; err == nil {
			last = fmt.Errorf("it answers with status %d", status)
		}
	}
	if ctx.Err() != nil {
		return l.stopped(ctx, 0)
	}
	return l.brokenf("the control URL %s (%s) does not work: %v", l.control[name], name, cause(last))
}

func (l *Lab) postOnce(ctx context.Context, to, body string, try int) (status int, err error) {
	patience := l.Patience
	if !l.heard && try == 0 {
		patience = min(patience, firstPatience)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "text/plain")
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, answerLimit))
	return resp.StatusCode, err
}

// controlClient asks control URLs: there itself and nowhere else, whatever the
// environment and the server say.
func (l *Lab) controlClient() http.Client {
	dial := func(ctx context.Context, _, server string) (net.Conn, error) { return l.Dial(ctx, "", server) }
	return http.Client{
		Transport:     &http.Transport{DialContext: dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
