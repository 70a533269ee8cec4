package experiment

import (
	"fmt"
	"math"
	"mime"
	"strconv"
	"strings"
	"time"
)

// syntax reads how records are written.
func (r *fileReader) syntax(v yamlValue) {
	syntax := &r.file.Syntax
	fields := v.fields(`what differs from HTTP QQ, such as {pair: ";", list: "|"}`,
		"pair", "equals", "list", "escape", "path", "type", "close", "charsets")
	for _, separator := range []struct {
		key string
		to  *string
	}{{"pair", &syntax.PairSeparator}, {"equals", &syntax.KeySeparator}, {"list", &syntax.ListSeparator}} {
		if yamlValue, ok := fields[separator.key]; ok {
			yamlValue.separator(separator.to)
		}
	}
	if yamlValue, ok := fields["escape"]; ok {
		syntax.EscapeSign, _ = yamlValue.text(`what begins an escaped byte, in quotes, "" if nothing does`)
	}
	r.checkSeparators(v, fields)
	if yamlValue, ok := fields["path"]; ok {
		const form = "the target of requests, such as /"
		if path, ok := yamlValue.word(form); ok && (path[0] != '/' || strings.ContainsFunc(path, unprintable) || strings.Contains(path, " ")) {
			yamlValue.problem("%q is no path: it begins with /, and has neither spaces nor control characters; write %s", path, form)
		} else if ok {
			syntax.RequestPath = path
		}
	}
	if yamlValue, ok := fields["type"]; ok {
		const form = "a Content-Type, such as text/plain; charset=UTF-8"
		text, ok := yamlValue.word(form)
		if _, _, err := mime.ParseMediaType(text); ok && (err != nil || strings.ContainsFunc(text, unprintable)) {
			yamlValue.problem("%q is no media type; write %s", text, form)
		} else if ok {
			syntax.ContentType = text
		}
	}
	if yamlValue, ok := fields["close"]; ok {
		syntax.CloseConnections = yamlValue.bool(false)
	}
	if yamlValue, ok := fields["charsets"]; ok {
		syntax.Charsets = yamlValue.texts("names such as [gbk, gb18030]")
		for _, name := range syntax.Charsets {
			if _, ok := LookUpCharset(name); !ok {
				yamlValue.problem("there is no charset %s; %s", name, choose(name, charsetNames()))
			}
		}
	}
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f }

// separator keeps what stood there if the text is none.
func (v yamlValue) separator(to *string) {
	const form = "one or more signs in quotes"
	text, ok := v.word(form)
	switch {
	case !ok:
	case strings.ContainsAny(text, "{}"):
		v.problem("%q holds a brace, which is for placeholders; write other signs", text)
	default:
		*to = text
	}
}

// checkSeparators sees to it that a record can be cut in one way only.
func (r *fileReader) checkSeparators(v yamlValue, fields map[string]yamlValue) {
	syntax := r.file.Syntax
	type sign struct{ key, text string }
	signs := []sign{{"pair", syntax.PairSeparator}, {"equals", syntax.KeySeparator}, {"list", syntax.ListSeparator}, {"escape", syntax.EscapeSign}}
	for i, a := range signs {
		for _, sign := range signs[i+1:] {
			yamlValue, ok := fields[sign.key]
			if !ok {
				if yamlValue, ok = fields[a.key]; !ok {
					continue
				}
			}
			if sign.text != "" && (strings.Contains(a.text, sign.text) || strings.Contains(sign.text, a.text)) {
				yamlValue.problem("%s, %q, and %s, %q, cannot be told apart; write signs of which none holds another", a.key, a.text, sign.key, sign.text)
			}
		}
		hex := strings.Trim(a.text, "0123456789abcdefABCDEF") == "" && a.text != ""
		if yamlValue, ok := fields[a.key]; ok && hex && syntax.EscapeSign != "" {
			yamlValue.problem("%q could be the digits of an escape; write other signs, or no escape at all", a.text)
		}
	}
	if yamlValue, ok := fields["escape"]; ok && strings.ContainsAny(syntax.EscapeSign, "{}") {
		yamlValue.problem("%q holds a brace, which is for placeholders; write other signs", syntax.EscapeSign)
	}
}

// answer reads how answers are read.
func (r *fileReader) answer(v yamlValue) {
	fields := v.fields("{code: RES, done: [0], not_logged_in: [20]}", "code", "done", "not_logged_in", "prose")
	answer := &r.file.Answer
	if yamlValue, ok := fields["code"]; ok {
		answer.CodeKey, _ = yamlValue.word("the key of the field that says how it went, such as RES")
	}
	for _, list := range []struct {
		key, form string
		to        *[]string
	}{
		{"done", "the code's values that mean success, such as [0]", &answer.SuccessCodes},
		{"not_logged_in", "the code's values that mean that a session is missing, such as [20]", &answer.NotLoggedInCodes},
		{"prose", "the fields whose wording means nothing, such as [RA]", &answer.ProseKeys},
	} {
		yamlValue, ok := fields[list.key]
		if !ok {
			continue
		}
		*list.to = yamlValue.texts(list.form)
		if _, hasCode := fields["code"]; !hasCode && list.key != "prose" {
			yamlValue.problem("stands without code; write code: with the key of the field that has these values")
		}
	}
}

func (r *fileReader) reset(v yamlValue) {
	const form = "commands, pool, or {url: /reset}"
	switch text, target := v.textOrURL(form); {
	case target != "":
		r.file.Reset = ResetMethod{ResetURL, target}
	case text == string(ResetPool):
		r.file.Reset = ResetMethod{Kind: ResetPool}
		if r.file.Pool == nil {
			v.problem("there is no pool to take accounts from; declare one, as in " +
				"pool: {first: 20000, last: 20999, secret: $PROBE_POOL}, or write commands or {url: /reset}")
		}
	case text == string(ResetCommands):
		r.file.Reset = ResetMethod{Kind: ResetCommands}
	case text != "":
		v.problem("%q is no way to begin anew; write %s", text, form)
	}
}

func (r *fileReader) clock(v yamlValue) {
	const form = "real, or {url: /clock}"
	text, target := v.textOrURL(form)
	r.file.Clock = ServerClock{target}
	if text != "" && text != "real" {
		v.problem("%q is no clock; write %s", text, form)
	}
}

// textOrURL is a word, or the URL of a map that has only that.
func (v yamlValue) textOrURL(form string) (text, target string) {
	if v.null() || !v.mapped() {
		text, _ = v.word(form)
		return text, ""
	}
	fields := v.fields(form, "url")
	v.need(fields, "url")
	if yamlValue, ok := fields["url"]; ok {
		const urlForm = "a URL, or a path on the server such as /reset"
		if text, ok := yamlValue.word(urlForm); ok {
			if _, ok := yamlValue.url(text, urlForm); ok {
				return "", text
			}
		}
	}
	return "", ""
}

func (r *fileReader) limits(v yamlValue) {
	fields := v.fields("{requests: 3000, rate: 200, time: 1h, failed_logins: 3, wait: 10m}",
		"requests", "rate", "time", "failed_logins", "wait")
	limits := &r.file.Limits
	if yamlValue, ok := fields["requests"]; ok {
		limits.Requests = yamlValue.int(1, math.MaxInt32, limits.Requests)
	}
	if yamlValue, ok := fields["rate"]; ok {
		limits.RequestRate = yamlValue.rate(limits.RequestRate)
	}
	if yamlValue, ok := fields["time"]; ok {
		limits.TotalTime = yamlValue.duration(limits.TotalTime)
	}
	if yamlValue, ok := fields["failed_logins"]; ok {
		limits.failedLogins(yamlValue)
	}
	if yamlValue, ok := fields["wait"]; ok {
		limits.LongestWait = yamlValue.duration(limits.LongestWait)
	}
}

// failedLogins is a number, or so many per a time.
func (l *Limits) failedLogins(v yamlValue) {
	const form = "how many logins may fail between two right ones, such as 3, or 3 per 10m"
	text, ok := v.text(form)
	if !ok {
		return
	}
	number, per, timed := strings.Cut(text, " per ")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || n < 0 || n > 1000 {
		v.problem("%s is out of range, or no number; write %s", text, form)
		return
	}
	l.FailedLogins = n
	if !timed {
		return
	}
	d, err := time.ParseDuration(strings.TrimSpace(per))
	if err != nil || d <= 0 {
		v.problem("%s is no time; write %s", per, form)
		return
	}
	l.FailedLoginPeriod = d
}

// rate is requests a second.
func (v yamlValue) rate(otherwise float64) float64 {
	const most = 1_000_000
	form := fmt.Sprintf("requests a second, up to %d, 0 for no limit", most)
	text, ok := v.text(form)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= most) {
		v.problem("%s is out of range, or no number; write %s", text, form)
		return otherwise
	}
	return n
}

func (r *fileReader) allow(v yamlValue) {
	fields := v.fields("{destructive: true, hosts: [chat.example.org]}", "destructive", "hosts")
	if yamlValue, ok := fields["destructive"]; ok {
		r.file.Allow.Destructive = yamlValue.bool(false)
	}
	h, ok := fields["hosts"]
	if !ok {
		return
	}
	const form = "names or addresses without scheme and port, such as [chat.example.org]"
	for _, yamlValue := range h.list(form) {
		host, ok := yamlValue.word(form)
		if ok && strings.ContainsAny(host, "/ @") {
			yamlValue.problem("%q is no host; write %s", host, form)
		}
		r.file.Allow.Hosts = append(r.file.Allow.Hosts, host)
	}
}
