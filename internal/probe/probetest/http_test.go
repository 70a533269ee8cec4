package probetest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// do sends a request.
func do(t *testing.T, method, url, body string, header http.Header) (*http.Response, string) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(raw)
}

func TestHTTP(t *testing.T) {
	url := listen(t, Config{})
	record := "VER=1.1&CMD=Logout&SEQ=1&UIN=10001"
	done := record + "&RES=0"
	for name, e := range map[string]struct {
		method, path, body string
		header             http.Header
		status             int
		answer             string
	}{
		"a record":           {"POST", "", record, nil, 200, done},
		"a record elsewhere": {"POST", "some/where?x=1", record, nil, 200, done},
		"a GET":              {"GET", "", "", nil, 404, ""},
		"a PUT":              {"PUT", "", record, nil, 405, ""},
		"a page of another":  {"POST", "", record, http.Header{"Origin": {"http://example.org"}}, 403, ""},
		"a page":             {"POST", "", record, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, ""},
		"a proxy": {"POST", "", record, http.Header{"X-Forwarded-For": {"192.0.2.1"}}, 200, record +
			"&RES=3&RA=a proxy's header came from an address that is no trusted proxy"},
		"a proxy with no version": {"POST", "", "UIN=x", http.Header{"Forwarded": {"for=192.0.2.1"}}, 200, "NULL"},
		"the largest body": {"POST", "", record + "&XX=" + strings.Repeat("x", maxBodyBytes-len(record)-4), nil,
			200, done},
		"too large a body": {"POST", "", record + "&XX=" + strings.Repeat("x", maxBodyBytes-len(record)-3), nil,
			413, ""},
		"a clock that goes back": {"POST", "control/clock", "-1", nil, 400, ""},
		"a clock of words":       {"POST", "control/clock", "soon", nil, 400, ""},
		"the clock":              {"POST", "control/clock", "1.5\n", nil, 204, ""},
		"a reset":                {"POST", "control/reset", "", nil, 204, ""},
		"a reset by GET":         {"GET", "control/reset", "", nil, 405, ""},
		"another control":        {"POST", "control/other", "", nil, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := do(t, e.method, url+e.path, e.body, e.header)
			if response.StatusCode != e.status || e.answer != "" && body != e.answer {
				t.Errorf("got %d %q, want %d %q", response.StatusCode, body, e.status, e.answer)
			}
			if e.answer != "" && (response.Header.Get("Content-Type") != contentType ||
				response.ContentLength != int64(len(body))) {
				t.Errorf("the type is %q, the length %d", response.Header.Get("Content-Type"), response.ContentLength)
			}
		})
	}
}

func TestResetRestoresTheInitialState(t *testing.T) {
	url := listen(t, Config{})
	ask := func(record string) string {
		_, body := do(t, "POST", url, "VER=1.1&SEQ=123456&UIN=10001&"+record, nil)
		_, body, _ = strings.Cut(body, "&RES=")
		return body
	}
	first := []string{}
	for round := range 2 {
		for i, record := range []string{
			"CMD=List", "CMD=Login&M5=0&PS=x", "CMD=Login&M5=0&PS=123456", "CMD=List", "CMD=Change_Stat&ST=30",
			"CMD=DelFromList&UN=10002", "CMD=List", "CMD=CLTMSG&UN=10001&MG=a", "CMD=GetMsgEx",
			"CMD=Ack_AddToList&UN=10003&CD=2",
		} {
			got := ask(record)
			if round == 0 {
				first = append(first, got)
			} else if got != first[i] {
				t.Errorf("%s was answered %q, after a reset %q", record, first[i], got)
			}
		}
		do(t, "POST", url+"control/clock", "100", nil)
		do(t, "POST", url+"control/reset", "", nil)
	}
}

func TestLossyServerLosesOneRequestInAHundred(t *testing.T) {
	url := listen(t, Config{Mutant: "lost-requests"})
	fuzzPeer := newFuzzClient()
	defer fuzzPeer.close()
	ctx := context.Background()
	post := func(record string) error {
		_, _, err := fuzzPeer.post(ctx, 0, url, contentType, []byte(record))
		return err
	}
	lost := 0
	for range 3000 {
		if post("VER=1.1&CMD=Logout&SEQ=1&UIN=10001") != nil {
			lost++
		}
	}
	if lost < 10 || lost > 60 {
		t.Errorf("of 3000 requests %d were lost", lost)
	}
	done, undone := 0, 0
	for done+undone < 20 {
		if err := fuzzPeer.reset(ctx, url); err != nil {
			t.Fatal("a reset was lost: ", err)
		}
		if post("VER=1.1&CMD=Login&SEQ=1&UIN=10001&M5=0&PS=123456") == nil {
			continue
		}
		_, answer, err := fuzzPeer.post(ctx, 0, url, contentType, []byte("VER=1.1&CMD=List&SEQ=1&UIN=10001"))
		switch {
		case err != nil:
		case strings.Contains(string(answer), "RES=0"):
			done++
		default:
			undone++
		}
	}
	if done == 0 || undone == 0 {
		t.Errorf("of the lost logins %d took effect and %d did not", done, undone)
	}
}

func TestConcurrentRequests(t *testing.T) {
	url := listen(t, Config{})
	fuzzPeer := newFuzzClient()
	defer fuzzPeer.close()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for number := range 50 {
				uin := strconv.Itoa(10001 + i)
				record := []string{"CMD=Login&M5=0&PS=123456", "CMD=CLTMSG&UN=10001&MG=x", "CMD=GetMsgEx",
					"CMD=Query_Stat", "CMD=DelFromList&UN=10002"}[number%5]
				if _, _, err := fuzzPeer.post(context.Background(), i%2, url, contentType,
					[]byte("VER=1.1&SEQ=&UIN="+uin+"&"+record)); err != nil {
					t.Error(err)
				}
				if number%20 == 19 {
					fuzzPeer.moveClock(context.Background(), url, 1)
					fuzzPeer.reset(context.Background(), url)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkRequest(b *testing.B) {
	s, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	request := httptest.NewRequest("POST", "/", nil)
	for i := range b.N {
		body := "VER=1.1&CMD=CLTMSG&SEQ=" + strconv.Itoa(100000+i) + "&UIN=10001&UN=10002&MG=hello"
		if i%50 == 0 {
			s.state = newServerState(s.rules)
			body = "VER=1.1&CMD=Login&SEQ=1&UIN=10001&M5=0&PS=123456"
		}
		request.Body, request.RemoteAddr = io.NopCloser(strings.NewReader(body)), "127.0.0.1:1"
		s.ServeHTTP(httptest.NewRecorder(), request)
	}
}
