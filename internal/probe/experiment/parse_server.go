package experiment

import (
	"math"
	"mime"
	"strconv"
	"strings"
	"time"
)

func (r *fileReader) readSyntax(value yamlValue, form string) {
	const separatorForm = "one or more signs in quotes, without braces, which are for placeholders"
	syntax := &r.file.Syntax
	storeSigns := func(to *string, mayBeEmpty bool) func(string) bool {
		return func(text string) bool {
			if strings.ContainsAny(text, "{}") || text == "" && !mayBeEmpty {
				return false
			}
			*to = text
			return true
		}
	}
	fields := value.readFields(form,
		optional("pair", storeSigns(&syntax.PairSeparator, false), separatorForm),
		optional("equals", storeSigns(&syntax.KeySeparator, false), separatorForm),
		optional("list", storeSigns(&syntax.ListSeparator, false), separatorForm),
		optional("escape", storeSigns(&syntax.EscapeSign, true),
			`what begins an escaped byte, in quotes and without braces, "" if nothing does`),
		optional("path", func(text string) bool {
			syntax.RequestPath = text
			return strings.HasPrefix(text, "/") && !strings.ContainsFunc(text, isControlRune) &&
				!strings.Contains(text, " ")
		}, "the target of requests, which begins with / and has neither spaces nor control characters, such as /"),
		optional("type", func(text string) bool {
			syntax.ContentType = text
			_, _, err := mime.ParseMediaType(text)
			return err == nil && !strings.ContainsFunc(text, isControlRune)
		}, "a Content-Type, such as text/plain; charset=UTF-8"),
		optional("close", &syntax.CloseConnections, "true or false"),
		optional("charsets", func(value yamlValue, form string) {
			syntax.Charsets = value.distinctTexts(form, yamlValue.charsetName)
		}, "names such as [gbk, gb18030]"))
	r.checkSeparators(fields)
}

func (v yamlValue) charsetName(form string) (string, bool) {
	name, ok := v.scalarText(form)
	if _, known := LookUpCharset(name); ok && !known {
		v.addProblem("there is no charset %s; %s", name, suggestWord(name, charsetNames()))
	}
	return name, ok
}

func isControlRune(character rune) bool { return character < ' ' || character == 0x7f }

// checkSeparators makes sure that records can be split in only one way.
func (r *fileReader) checkSeparators(fields map[string]yamlValue) {
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
}

func (r *fileReader) readAnswerFormat(value yamlValue, form string) {
	answer := &r.file.Answer
	fields := value.readFields(form,
		optional("code", &answer.CodeKey, "the key of the field that says how it went, such as RES"),
		optional("done", &answer.SuccessCodes, "the code's values that mean success, such as [0]"),
		optional("not_logged_in", &answer.NotLoggedInCodes,
			"the code's values that mean that a session is missing, such as [20]"),
		optional("prose", &answer.ProseKeys, "the fields whose wording means nothing, such as [RA]"))
	_, hasCode := fields["code"]
	for _, key := range []string{"done", "not_logged_in"} {
		if value, ok := fields[key]; ok && !hasCode {
			value.addProblem("stands without code; write code: with the key of the field that has these values")
		}
	}
}

func (r *fileReader) readReset(value yamlValue, form string) {
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

func (r *fileReader) readClock(value yamlValue, form string) {
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
	v.readFields(expectedForm, required("url", func(element yamlValue, form string) {
		text, ok := element.nonEmptyText(form)
		if _, isURL := element.parseURL(text, form); ok && isURL {
			target = text
		}
	}, "a URL, or a path on the server such as /reset", "/reset"))
	return "", target
}

func (r *fileReader) readLimits(value yamlValue, form string) {
	const timeForm = "a time with its unit, such as 90s, 10m or 1h30m"
	limits := &r.file.Limits
	parseRate := func(text string) (float64, error) { return strconv.ParseFloat(text, 64) }
	value.readFields(form,
		optional("requests", storeWithin(&limits.Requests, strconv.Atoi, 1, math.MaxInt32),
			"a whole number from 1 to 2147483647"),
		optional("rate", storeWithin(&limits.RequestRate, parseRate, 0, 1_000_000),
			"requests a second, up to 1000000, 0 for no limit"),
		optional("time", storeWithin(&limits.TotalTime, time.ParseDuration, 0, math.MaxInt64), timeForm),
		optional("failed_logins", limits.storeFailedLogins,
			"how many logins may fail between two right ones, such as 3, or 3 per 10m"),
		optional("wait", storeWithin(&limits.LongestWait, time.ParseDuration, 0, math.MaxInt64), timeForm))
}

// storeFailedLogins parses a number, or a number per period.
func (l *Limits) storeFailedLogins(text string) bool {
	number, period, hasPeriod := strings.Cut(text, " per ")
	return storeWithin(&l.FailedLogins, strconv.Atoi, 0, 1000)(strings.TrimSpace(number)) && (!hasPeriod ||
		storeWithin(&l.FailedLoginPeriod, time.ParseDuration, 1, math.MaxInt64)(strings.TrimSpace(period)))
}

func (r *fileReader) readPermissions(value yamlValue, form string) {
	value.readFields(form,
		optional("destructive", &r.file.Allow.Destructive, "true or false"),
		optional("hosts", r.readHosts, "names or addresses without scheme and port, such as [chat.example.org]"))
}

func (r *fileReader) readHosts(value yamlValue, form string) {
	for _, element := range value.listElements(form) {
		host, ok := element.nonEmptyText(form)
		if ok && strings.ContainsAny(host, "/ @") {
			element.addProblem("%q is no host; write %s", host, form)
		}
		r.file.Allow.Hosts = append(r.file.Allow.Hosts, host)
	}
}
