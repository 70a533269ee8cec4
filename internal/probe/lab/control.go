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

// advanceTime advances the server's clock through its control URL, or waits in real time if there
// is none.
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

// waitRealTime closes the connections and waits. It returns a StoppedError at once if the wait
// would exceed the file's time limit.
func (l *Lab) waitRealTime(ctx context.Context, duration time.Duration) error {
	if longest := l.File.Limits.TotalTime; longest > 0 && l.elapsedSeconds()+duration.Seconds() > longest.Seconds() {
		return stoppedf("the time of %v is over, or would be before a wait of %v", longest, duration)
	}
	if l.OnProgress != nil {
		progress := l.currentProgress()
		progress.WaitingFor = duration
		l.OnProgress(progress)
	}
	l.Close() // the server may close idle connections, which would look like a lost answer
	if err := sleepContext(ctx, duration); err != nil {
		return l.checkStopped(ctx, 0)
	}
	return nil
}

// postControl posts body to the control URL with the given name, reset or clock. It retries with
// growing pauses, and marks the server as broken if no status is 2xx.
func (l *Lab) postControl(ctx context.Context, name, body string) error {
	var last error
	tries := 5
	if !l.hasAnswered {
		tries = maxInitialFaults // there may be no server
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

// postControlOnce posts once and returns the status. try counts the attempts from 0: the first one
// is short if the server has never answered.
func (l *Lab) postControlOnce(ctx context.Context, target, body string, try int) (status int, err error) {
	patience := l.AnswerTimeout
	if !l.hasAnswered && try == 0 {
		patience = min(patience, firstAnswerTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
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

// newControlClient returns a client that ignores proxy settings and redirects, so that it reaches
// only the hosts that checkHost permits.
func (l *Lab) newControlClient() http.Client {
	dial := func(ctx context.Context, _, server string) (net.Conn, error) { return l.Dial(ctx, "", server) }
	return http.Client{
		Transport:     &http.Transport{DialContext: dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
