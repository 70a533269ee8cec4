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
	y := &r.file.Syntax
	fields := v.fields(`what differs from HTTP QQ, such as {pair: ";", list: "|"}`,
		"pair", "equals", "list", "escape", "path", "type", "close", "charsets")
	for _, separator := range []struct {
		key string
		to  *string
	}{{"pair", &y.Pair}, {"equals", &y.Equals}, {"list", &y.List}} {
		if s, ok := fields[separator.key]; ok {
			s.separator(separator.to)
		}
	}
	if e, ok := fields["escape"]; ok {
		y.Escape, _ = e.text(`what begins an escaped byte, in quotes, "" if nothing does`)
	}
	r.checkSeparators(v, fields)
	if p, ok := fields["path"]; ok {
		const form = "the target of requests, such as /"
		if path, ok := p.word(form); ok && (path[0] != '/' || strings.ContainsFunc(path, unprintable) || strings.Contains(path, " ")) {
			p.problem("%q is no path: it begins with /, and has neither spaces nor control characters; write %s", path, form)
		} else if ok {
			y.Path = path
		}
	}
	if t, ok := fields["type"]; ok {
		const form = "a Content-Type, such as text/plain; charset=UTF-8"
		text, ok := t.word(form)
		if _, _, err := mime.ParseMediaType(text); ok && (err != nil || strings.ContainsFunc(text, unprintable)) {
			t.problem("%q is no media type; write %s", text, form)
		} else if ok {
			y.Type = text
		}
	}
	if c, ok := fields["close"]; ok {
		y.Close = c.bool(false)
	}
	if c, ok := fields["charsets"]; ok {
		y.Charsets = c.texts("names such as [gbk, gb18030]")
		for _, name := range y.Charsets {
			if _, ok := Charset(name); !ok {
				c.problem("there is no charset %s; %s", name, choose(name, charsetNames()))
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
	y := r.file.Syntax
	type sign struct{ key, text string }
	signs := []sign{{"pair", y.Pair}, {"equals", y.Equals}, {"list", y.List}, {"escape", y.Escape}}
	for i, a := range signs {
		for _, b := range signs[i+1:] {
			at, ok := fields[b.key]
			if !ok {
				if at, ok = fields[a.key]; !ok {
					continue
				}
			}
			if b.text != "" && (strings.Contains(a.text, b.text) || strings.Contains(b.text, a.text)) {
				at.problem("%s, %q, and %s, %q, cannot be told apart; write signs of which none holds another", a.key, a.text, b.key, b.text)
			}
		}
		hex := strings.Trim(a.text, "0123456789abcdefABCDEF") == "" && a.text != ""
		if at, ok := fields[a.key]; ok && hex && y.Escape != "" {
			at.problem("%q could be the digits of an escape; write other signs, or no escape at all", a.text)
		}
	}
	if e, ok := fields["escape"]; ok && strings.ContainsAny(y.Escape, "{}") {
		e.problem("%q holds a brace, which is for placeholders; write other signs", y.Escape)
	}
}

// answer reads how answers are read.
func (r *fileReader) answer(v yamlValue) {
	fields := v.fields("{code: RES, done: [0], not_logged_in: [20]}", "code", "done", "not_logged_in", "prose")
	a := &r.file.Answer
	if c, ok := fields["code"]; ok {
		a.Code, _ = c.word("the key of the field that says how it went, such as RES")
	}
	for _, list := range []struct {
		key, form string
		to        *[]string
	}{
		{"done", "the code's values that mean success, such as [0]", &a.Done},
		{"not_logged_in", "the code's values that mean that a session is missing, such as [20]", &a.NotLoggedIn},
		{"prose", "the fields whose wording means nothing, such as [RA]", &a.Prose},
	} {
		f, ok := fields[list.key]
		if !ok {
			continue
		}
		*list.to = f.texts(list.form)
		if _, hasCode := fields["code"]; !hasCode && list.key != "prose" {
			f.problem("stands without code; write code: with the key of the field that has these values")
		}
	}
}

func (r *fileReader) reset(v yamlValue) {
	const form = "commands, pool, or {url: /reset}"
	switch text, target := v.textOrURL(form); {
	case target != "":
		r.file.Reset = Reset{ResetURL, target}
	case text == string(ResetPool):
		r.file.Reset = Reset{Kind: ResetPool}
		if r.file.Pool == nil {
			v.problem("there is no pool to take accounts from; declare one, as in " +
				"pool: {first: 20000, last: 20999, secret: $PROBE_POOL}, or write commands or {url: /reset}")
		}
	case text == string(ResetCommands):
		r.file.Reset = Reset{Kind: ResetCommands}
	case text != "":
		v.problem("%q is no way to begin anew; write %s", text, form)
	}
}

func (r *fileReader) clock(v yamlValue) {
	const form = "real, or {url: /clock}"
	text, target := v.textOrURL(form)
	r.file.Clock = Clock{target}
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
	if u, ok := fields["url"]; ok {
		const urlForm = "a URL, or a path on the server such as /reset"
		if text, ok := u.word(urlForm); ok {
			if _, ok := u.url(text, urlForm); ok {
				return "", text
			}
		}
	}
	return "", ""
}

func (r *fileReader) limits(v yamlValue) {
	fields := v.fields("{requests: 3000, rate: 200, time: 1h, failed_logins: 3, wait: 10m}",
		"requests", "rate", "time", "failed_logins", "wait")
	l := &r.file.Limits
	if n, ok := fields["requests"]; ok {
		l.Requests = n.int(1, math.MaxInt32, l.Requests)
	}
	if n, ok := fields["rate"]; ok {
		l.Rate = n.rate(l.Rate)
	}
	if d, ok := fields["time"]; ok {
		l.Time = d.duration(l.Time)
	}
	if n, ok := fields["failed_logins"]; ok {
		l.failedLogins(n)
	}
	if d, ok := fields["wait"]; ok {
		l.Wait = d.duration(l.Wait)
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
	l.FailedPer = d
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
	if d, ok := fields["destructive"]; ok {
		r.file.Allow.Destructive = d.bool(false)
	}
	h, ok := fields["hosts"]
	if !ok {
		return
	}
	const form = "names or addresses without scheme and port, such as [chat.example.org]"
	for _, e := range h.list(form) {
		host, ok := e.word(form)
		if ok && strings.ContainsAny(host, "/ @") {
			e.problem("%q is no host; write %s", host, form)
		}
		r.file.Allow.Hosts = append(r.file.Allow.Hosts, host)
	}
}
