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
		want         []string // parts of the page
	}{
		{"the home page is in two languages", "GET", "/", "chat.example:8000", 200,
			[]string{"instant messenger server", "即时通信服务器", `lang="zh-Hans"`}},
		{"the example uses the requested host", "GET", "/", "chat.example:8000", 200,
			[]string{"http://chat.example:8000/</pre>"}},
		{"the example uses an IPv6 host", "GET", "/", "[::1]:8000", 200, []string{"http://[::1]:8000/</pre>"}},
		{"the example omits a host with shell syntax", "GET", "/", "x$(reboot)", 200,
			[]string{"http://127.0.0.1:8000/</pre>"}},
		{"without a host the example uses the fallback", "GET", "/", "", 200,
			[]string{"http://127.0.0.1:8000/</pre>"}},
		{"a query is ignored", "GET", "/?from=here", "chat.example", 200, []string{"VER=1.1"}},
		{"GET of another path gets 404 and a link", "GET", "/friends", "chat.example", 404,
			[]string{`<a href="/">`}},
		{"POST to another path gets 404 and a link", "POST", "/friends", "chat.example", 404,
			[]string{`<a href="/">`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := httptest.NewRequest(test.method, test.path, nil)
			request.Host = test.host
			w := httptest.NewRecorder()
			web.New("").ServeHTTP(w, request)
			if w.Code != test.status {
				t.Errorf("status = %d, want %d", w.Code, test.status)
			}
			for _, want := range test.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("the page does not contain %q:\n%s", want, w.Body)
				}
			}
		})
	}
}

func TestPageHasNoScriptsAndLoadsNothing(t *testing.T) {
	w := httptest.NewRecorder()
	web.New("").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("Content-Security-Policy = %q, want default-src 'none'", policy)
	}
	for _, unwanted := range []string{"<script", "src=", "url(", "@import"} {
		if strings.Contains(w.Body.String(), unwanted) {
			t.Errorf("the page contains %s", unwanted)
		}
	}
}

func TestHomePageShowsThePublicURL(t *testing.T) {
	w := httptest.NewRecorder()
	web.New("https://chat.example").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(w.Body.String(), "https://chat.example/</pre>") {
		t.Errorf("the page does not show https://chat.example:\n%s", w.Body)
	}
}

func TestWrongHostPageNamesTheSetting(t *testing.T) {
	for _, test := range []struct {
		name, publicURL, host string
		want, unwanted        string // parts of the page
	}{
		{"the requested name becomes the example", "", "nas.lan:8000", "--public-url http://nas.lan:8000</pre>",
			"Its address is"},
		{"a configured URL is linked", "https://chat.example", "nas.lan",
			`<a href="https://chat.example/">https://chat.example</a>`, "x$(reboot)"},
		{"the Chinese text names the setting", "", "nas.lan", "请用 <code>--public-url</code> 设置", "x$(reboot)"},
		{"a name with shell syntax is omitted", "", "x$(reboot)", "--public-url https://chat.example</pre>",
			"reboot"},
	} {
		request := httptest.NewRequest(http.MethodGet, "/friends", nil)
		request.Host = test.host
		w := httptest.NewRecorder()
		web.New(test.publicURL).ServeWrongHost(w, request)
		body := w.Body.String()
		if w.Code != http.StatusMisdirectedRequest || !strings.Contains(body, test.want) ||
			strings.Contains(body, test.unwanted) {
			t.Errorf("%s: got status %d, want 421, %q and not %q:\n%s", test.name, w.Code, test.want, test.unwanted,
				body)
		}
	}
}
