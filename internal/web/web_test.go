package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/web"
)

func TestPages(t *testing.T) {
	for _, test := range []struct {
		name         string
		method, path string
		host         string
		status       int
		holds        []string
	}{
		{"the front page says in two languages what this is", "GET", "/", "chat.example:8000", 200,
			[]string{"instant messenger server", "即时通信服务器", `lang="zh-Hans"`}},
		{"the example speaks to the host that was asked for", "GET", "/", "chat.example:8000", 200,
			[]string{"http://chat.example:8000/</pre>"}},
		{"the example speaks to an IPv6 host", "GET", "/", "[::1]:8000", 200, []string{"http://[::1]:8000/</pre>"}},
		{"a host that a shell would take apart is not repeated", "GET", "/", "x$(reboot)", 200,
			[]string{"http://127.0.0.1:8000/</pre>"}},
		{"a request without a host gets an example all the same", "GET", "/", "", 200,
			[]string{"http://127.0.0.1:8000/</pre>"}},
		{"a query leads to the front page", "GET", "/?from=here", "chat.example", 200, []string{"VER=1.1"}},
		{"any other path is not found and leads back", "GET", "/friends", "chat.example", 404,
			[]string{`<a href="/">`}},
		{"a POST elsewhere is not found and leads back", "POST", "/friends", "chat.example", 404,
			[]string{`<a href="/">`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := httptest.NewRequest(test.method, test.path, nil)
			request.Host = test.host
			w := httptest.NewRecorder()
			web.New("").ServeHTTP(w, request)
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			for _, want := range test.holds {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("the page does not hold %q:\n%s", want, w.Body)
				}
			}
		})
	}
}

func TestAPageRunsAndFetchesNothing(t *testing.T) {
	w := httptest.NewRecorder()
	web.New("").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("the policy is %q, want one that allows nothing by default", policy)
	}
	for _, unwanted := range []string{"<script", "src=", "url(", "@import"} {
		if strings.Contains(w.Body.String(), unwanted) {
			t.Errorf("the page holds %s", unwanted)
		}
	}
}

func TestTheFirstPublicURLIsWhatPeopleAreShown(t *testing.T) {
	w := httptest.NewRecorder()
	web.New("https://chat.example").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(w.Body.String(), "https://chat.example/</pre>") {
		t.Errorf("the example speaks to another server:\n%s", w.Body)
	}
}

func TestAWrongNameGetsAPageThatNamesTheSetting(t *testing.T) {
	for _, test := range []struct {
		name, publicURL, host string
		holds, lacks          string
	}{
		{"the name, as it would be set", "", "nas.lan:8000", "--public-url http://nas.lan:8000</pre>",
			"Its address is"},
		{"the address that is set", "https://chat.example", "nas.lan",
			`<a href="https://chat.example/">https://chat.example</a>`, "x$(reboot)"},
		{"in Chinese too", "", "nas.lan", "请用 <code>--public-url</code> 设置", "x$(reboot)"},
		{"no name that a shell would take apart", "", "x$(reboot)", "--public-url https://chat.example</pre>",
			"reboot"},
	} {
		request := httptest.NewRequest(http.MethodGet, "/friends", nil)
		request.Host = test.host
		w := httptest.NewRecorder()
		web.New(test.publicURL).ServeWrongHost(w, request)
		body := w.Body.String()
		if w.Code != http.StatusMisdirectedRequest || !strings.Contains(body, test.holds) ||
			strings.Contains(body, test.lacks) {
			t.Errorf("%s: got %d\n%s", test.name, w.Code, body)
		}
	}
}
