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

// advanceTime lets time go by: on the server's clock for tests, if it has one.
func (l *Lab) advanceTime(ctx context.Context, duration time.Duration) error {
	if l.Simulator != nil {
		l.Simulator.Advance(duration)
		return nil
	}
	if l.controlURLs["clock"] != "" {
		return l.postControl(ctx, "clock", strconv.FormatFloat(duration.Seconds(), 'f', -1, 64))
	}
	return l.waitRealTime(ctx, duration)
}

// waitRealTime lets real time go by.
func (l *Lab) waitRealTime(ctx context.Context, duration time.Duration) error {
	if most := l.File.Limits.TotalTime; most > 0 && l.elapsedSeconds()+duration.Seconds() > most.Seconds() {
		return stoppedf("the time of %v is over, or would be before a wait of %v", most, duration)
	}
	if l.OnProgress != nil {
		progress := l.currentProgress()
		progress.WaitingFor = duration
		l.OnProgress(progress)
	}
	l.Close() // a server ends connections on which nothing comes; that is no lost answer
	if err := sleepContext(ctx, duration); err != nil {
		return l.checkStopped(ctx, 0)
	}
	return nil
}

// postControl asks a control URL, a few times if need be.
func (l *Lab) postControl(ctx context.Context, name, body string) error {
	var last error
	tries := 5
	if !l.hasAnswered {
		tries = maxInitialFaults // there may be no server at all
	}
	for try := range tries {
		if try > 0 && sleepContext(ctx, time.Duration(try)*100*time.Millisecond) != nil {
			return l.checkStopped(ctx, 0)
		}
		status, err := l.postControlOnce(ctx, l.controlURLs[name], body, try)
		if status/100 == 2 && err == nil {
			return nil
		}
		if last = err; err == nil {
			last = fmt.Errorf("it answers with status %d", status)
		}
	}
	if ctx.Err() != nil {
		return l.checkStopped(ctx, 0)
	}
	return l.brokenf("the control URL %s (%s) does not work: %v", l.controlURLs[name], name, networkCause(last))
}

func (l *Lab) postControlOnce(ctx context.Context, to, body string, try int) (status int, err error) {
	patience := l.AnswerTimeout
	if !l.hasAnswered && try == 0 {
		patience = min(patience, firstAnswerTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "text/plain")
	resp, err := l.controlClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswerSize))
	return resp.StatusCode, err
}

// newControlClient asks control URLs: there itself and nowhere else, whatever the
// environment and the server say.
func (l *Lab) newControlClient() http.Client {
	dial := func(ctx context.Context, _, server string) (net.Conn, error) { return l.Dial(ctx, "", server) }
	return http.Client{
		Transport:     &http.Transport{DialContext: dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
