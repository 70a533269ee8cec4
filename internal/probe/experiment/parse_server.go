package experiment

import (
	"fmt"
	"math"
	"mime"
	"strconv"
	"strings"
	"time"
)

func (r *fileReader) readSyntax(value yamlValue) {
	syntax := &r.file.Syntax
	fields := value.mapFields(`what differs from HTTP QQ, such as {pair: ";", list: "|"}`,
		"pair", "equals", "list", "escape", "path", "type", "close", "charsets")
	for _, separator := range []struct {
		key string
		to  *string
	}{{"pair", &syntax.PairSeparator}, {"equals", &syntax.KeySeparator}, {"list", &syntax.ListSeparator}} {
		if element, ok := fields[separator.key]; ok {
			element.readSeparator(separator.to)
		}
	}
	if element, ok := fields["escape"]; ok {
		syntax.EscapeSign, _ = element.scalarText(`what begins an escaped byte, in quotes, "" if nothing does`)
	}
	r.checkSeparators(value, fields)
	if element, ok := fields["path"]; ok {
		const form = "the target of requests, such as /"
		if path, ok := element.nonEmptyText(form); ok &&
			(path[0] != '/' || strings.ContainsFunc(path, isControlRune) || strings.Contains(path, " ")) {
			element.addProblem(
				"%q is no path: it begins with /, and has neither spaces nor control characters; write %s", path, form)
		} else if ok {
			syntax.RequestPath = path
		}
	}
	if element, ok := fields["type"]; ok {
		const form = "a Content-Type, such as text/plain; charset=UTF-8"
		text, ok := element.nonEmptyText(form)
		if _, _, err := mime.ParseMediaType(text); ok && (err != nil || strings.ContainsFunc(text, isControlRune)) {
			element.addProblem("%q is no media type; write %s", text, form)
		} else if ok {
			syntax.ContentType = text
		}
	}
	syntax.CloseConnections = fields["close"].boolOr(false)
	if element, ok := fields["charsets"]; ok {
		syntax.Charsets = element.distinctTexts("names such as [gbk, gb18030]")
		for _, name := range syntax.Charsets {
			if _, ok := LookUpCharset(name); !ok {
				element.addProblem("there is no charset %s; %s", name, suggestWord(name, charsetNames()))
			}
		}
	}
}

func isControlRune(character rune) bool { return character < ' ' || character == 0x7f }

// readSeparator leaves destination unchanged if the text is invalid.
func (v yamlValue) readSeparator(target *string) {
	const form = "one or more signs in quotes"
	text, ok := v.nonEmptyText(form)
	switch {
	case !ok:
	case strings.ContainsAny(text, "{}"):
		v.addProblem("%q holds a brace, which is for placeholders; write other signs", text)
	default:
		*target = text
	}
}

// checkSeparators makes sure that records can be split in only one way.
func (r *fileReader) checkSeparators(value yamlValue, fields map[string]yamlValue) {
	syntax := r.file.Syntax
	type sign struct{ key, text string }
	signs := []sign{{"pair", syntax.PairSeparator}, {"equals", syntax.KeySeparator}, {"list", syntax.ListSeparator},
		{"escape", syntax.EscapeSign}}
	for i, a := range signs {
		for _, sign := range signs[i+1:] {
			element, ok := fields[sign.key]
			if !ok {
				if element, ok = fields[a.key]; !ok {
					continue
				}
			}
			if sign.text != "" && (strings.Contains(a.text, sign.text) || strings.Contains(sign.text, a.text)) {
				element.addProblem("%s, %q, and %s, %q, cannot be told apart; write signs of which none holds another",
					a.key, a.text, sign.key, sign.text)
			}
		}
		isHex := strings.Trim(a.text, "0123456789abcdefABCDEF") == "" && a.text != ""
		if element, ok := fields[a.key]; ok && isHex && syntax.EscapeSign != "" {
			element.addProblem("%q could be the digits of an escape; write other signs, or no escape at all", a.text)
		}
	}
	if element, ok := fields["escape"]; ok && strings.ContainsAny(syntax.EscapeSign, "{}") {
		element.addProblem("%q holds a brace, which is for placeholders; write other signs", syntax.EscapeSign)
	}
}

func (r *fileReader) readAnswerFormat(value yamlValue) {
	fields := value.mapFields("{code: RES, done: [0], not_logged_in: [20]}", "code", "done", "not_logged_in", "prose")
	answer := &r.file.Answer
	answer.CodeKey, _ = fields["code"].nonEmptyText("the key of the field that says how it went, such as RES")
	for _, list := range []struct {
		key, form string
		to        *[]string
	}{
		{"done", "the code's values that mean success, such as [0]", &answer.SuccessCodes},
		{"not_logged_in", "the code's values that mean that a session is missing, such as [20]",
			&answer.NotLoggedInCodes},
		{"prose", "the fields whose wording means nothing, such as [RA]", &answer.ProseKeys},
	} {
		element, ok := fields[list.key]
		if !ok {
			continue
		}
		*list.to = element.distinctTexts(list.form)
		if _, hasCode := fields["code"]; !hasCode && list.key != "prose" {
			element.addProblem("stands without code; write code: with the key of the field that has these values")
		}
	}
}

func (r *fileReader) readReset(value yamlValue) {
	const form = "commands, pool, or {url: /reset}"
	switch text, target := value.textOrURL(form); {
	case target != "":
		r.file.Reset = ResetMethod{ResetURL, target}
	case text == string(ResetPool):
		r.file.Reset = ResetMethod{Kind: ResetPool}
		if r.file.Pool == nil {
			value.addProblem("there is no pool to take accounts from; declare one, as in " +
				"pool: {first: 20000, last: 20999, secret: $PROBE_POOL}, or write commands or {url: /reset}")
		}
	case text == string(ResetCommands):
		r.file.Reset = ResetMethod{Kind: ResetCommands}
	case text != "":
		value.addProblem("%q is no way to begin anew; write %s", text, form)
	}
}

func (r *fileReader) readClock(value yamlValue) {
	const form = "real, or {url: /clock}"
	text, target := value.textOrURL(form)
	r.file.Clock = ServerClock{target}
	if text != "" && text != "real" {
		value.addProblem("%q is no clock; write %s", text, form)
	}
}

// textOrURL returns a scalar, or the URL of a map such as {url: /reset}.
func (v yamlValue) textOrURL(expectedForm string) (text, target string) {
	if v.isNull() || !v.isMapOrNull() {
		text, _ = v.nonEmptyText(expectedForm)
		return text, ""
	}
	fields := v.mapFields(expectedForm, "url")
	v.requireFields(fields, "url")
	if element, ok := fields["url"]; ok {
		const urlForm = "a URL, or a path on the server such as /reset"
		if text, ok := element.nonEmptyText(urlForm); ok {
			if _, ok := element.parseURL(text, urlForm); ok {
				return "", text
			}
		}
	}
	return "", ""
}

func (r *fileReader) readLimits(value yamlValue) {
	fields := value.mapFields("{requests: 3000, rate: 200, time: 1h, failed_logins: 3, wait: 10m}",
		"requests", "rate", "time", "failed_logins", "wait")
	limits := &r.file.Limits
	limits.Requests = fields["requests"].intOr(1, math.MaxInt32, limits.Requests)
	limits.RequestRate = fields["rate"].rateOr(limits.RequestRate)
	limits.TotalTime = fields["time"].durationOr(limits.TotalTime)
	limits.readFailedLogins(fields["failed_logins"])
	limits.LongestWait = fields["wait"].durationOr(limits.LongestWait)
}

// readFailedLogins reads a number, or a number per period.
func (l *Limits) readFailedLogins(value yamlValue) {
	const form = "how many logins may fail between two right ones, such as 3, or 3 per 10m"
	text, ok := value.scalarText(form)
	if !ok {
		return
	}
	number, period, timed := strings.Cut(text, " per ")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || n < 0 || n > 1000 {
		value.addProblem("%s is out of range, or no number; write %s", text, form)
		return
	}
	l.FailedLogins = n
	if !timed {
		return
	}
	duration, err := time.ParseDuration(strings.TrimSpace(period))
	if err != nil || duration <= 0 {
		value.addProblem("%s is no time; write %s", period, form)
		return
	}
	l.FailedLoginPeriod = duration
}

// rateOr returns requests per second.
func (v yamlValue) rateOr(fallback float64) float64 {
	const most = 1_000_000
	expectedForm := fmt.Sprintf("requests a second, up to %d, 0 for no limit", most)
	text, ok := v.scalarText(expectedForm)
	if !ok {
		return fallback
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || !(number >= 0 && number <= most) {
		v.addProblem("%s is out of range, or no number; write %s", text, expectedForm)
		return fallback
	}
	return number
}

func (r *fileReader) readPermissions(value yamlValue) {
	fields := value.mapFields("{destructive: true, hosts: [chat.example.org]}", "destructive", "hosts")
	r.file.Allow.Destructive = fields["destructive"].boolOr(false)
	hostsValue, ok := fields["hosts"]
	if !ok {
		return
	}
	const form = "names or addresses without scheme and port, such as [chat.example.org]"
	for _, element := range hostsValue.listElements(form) {
		host, ok := element.nonEmptyText(form)
		if ok && strings.ContainsAny(host, "/ @") {
			element.addProblem("%q is no host; write %s", host, form)
		}
		r.file.Allow.Hosts = append(r.file.Allow.Hosts, host)
	}
}
