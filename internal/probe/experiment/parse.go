package experiment

import (
	"bytes"
	"cmp"
	"math"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parse parses an experiment file. Problems show name as the file's name. getenv looks up
// the environment variables of secrets, as os.LookupEnv does. An error has the type
// [Problems] and lists everything that is wrong with the file.
func Parse(name string, text []byte, getenv func(string) (string, bool)) (*File, error) {
	r := &fileReader{fileName: name, getenv: getenv, file: &File{
		Name:       strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)),
		Places:     []string{""},
		Syntax:     httpQQSyntax(),
		Reset:      ResetMethod{Kind: ResetCommands},
		Limits:     Limits{Requests: 3000, RequestRate: 200, FailedLogins: 3, LongestWait: 2 * time.Minute},
		sourceText: bytes.Clone(text),
	}}
	if root, ok := r.readDocument(text); ok {
		r.readRoot(root)
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
		return nil, r.problems
	}
	return r.file, nil
}

// readRoot reads the top-level keys. Some refer to others, so their order here matters; in the file it does not.
func (r *fileReader) readRoot(root yamlValue) {
	root.readFields("accounts, commands and what else the server needs",
		optional("name", &r.file.Name, "what is studied, for people"),
		optional("server", r.readServerURL, "a URL such as http://127.0.0.1:8000/"),
		optional("syntax", r.readSyntax, `what differs from HTTP QQ, such as {pair: ";", list: "|"}`),
		required("accounts", r.readAccounts, accountsExample, "with "+accountsExample),
		optional("pool", r.readPool, "{first: 20000, last: 20999, secret: $PROBE_POOL}"),
		optional("places", r.readPlaces, "addresses of this machine, such as [127.0.0.1, 127.0.0.2]"),
		optional("answer", r.readAnswerFormat, "{code: RES, done: [0], not_logged_in: [20]}"),
		optional("allow", r.readPermissions, "{destructive: true, hosts: [chat.example.org]}"),
		optional("parameters", r.readCommonParameters, parametersExample),
		required("commands", r.readCommands, commandsExample, "with "+commandsExample),
		optional("friends", r.readFriends, "pairs of roles, such as [[a, b]]"),
		optional("reset", r.readReset, "commands, pool, or {url: /reset}"),
		optional("clock", r.readClock, "real, or {url: /clock}"),
		optional("limits", r.readLimits, "{requests: 3000, rate: 200, time: 1h, failed_logins: 3, wait: 10m}"),
		optional("setup", r.readSetup, stepsExample),
		optional("scenarios", r.readScenarios, "names with lists of steps"))
}

func (r *fileReader) readServerURL(value yamlValue, form string) {
	if text, ok := value.nonEmptyText(form); ok {
		if parsedURL, ok := value.parseURL(text, form); ok && !parsedURL.IsAbs() {
			value.addProblem("%q is not whole; write %s", text, form)
		}
		r.file.Server = text
	}
}

// parseURL parses a URL, which may be relative.
func (v yamlValue) parseURL(text, expectedForm string) (*url.URL, bool) {
	parsedURL, err := url.Parse(text)
	switch {
	case err != nil:
		v.addProblem("%q is no URL; write %s", text, expectedForm)
		return nil, false
	case parsedURL.Scheme != "" && parsedURL.Scheme != "http" && parsedURL.Scheme != "https":
		v.addProblem("%q is no http URL, its scheme is %s; write %s", text, parsedURL.Scheme, expectedForm)
		return nil, false
	case parsedURL.IsAbs() && parsedURL.Hostname() == "":
		v.addProblem("%q names no host; write %s", text, expectedForm)
		return nil, false
	case parsedURL.User != nil:
		v.addProblem("the URL holds a user name; leave it out, accounts stand under accounts")
		return nil, false
	}
	return parsedURL, true
}

const accountsExample = "at least two, by role: a: {account: 10001, secret: $PROBE_A}"

var (
	roleNamePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	variablePattern = regexp.MustCompile(`(?s)^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(:-.*)?\})$`)
)

func (r *fileReader) readAccounts(value yamlValue, form string) {
	entries := value.mapEntries(form)
	for _, entry := range entries {
		if reservedNames := append([]string{"wait"}, placeholders...); !roleNamePattern.MatchString(entry.name) ||
			slices.Contains(reservedNames, entry.name) {
			r.addProblem(entry.line, entry.path,
				"is no name for a role; use letters and digits, a letter first, and none of %s",
				"wait, seq, me, to, text, command, time, secret")
		}
		// Keep an invalid account, so that steps with its role cause no further problems.
		r.file.Accounts = append(r.file.Accounts, r.readAccount(entry))
	}
	if number := len(entries); number < 2 && value.isMapOrNull() {
		value.addProblem("there are too few, %d; declare %s", number, form)
	}
}

const secretForm = `$NAME for an environment variable, ` +
	`"${NAME:-PASSWORD}" with a password for where it is not set, or the password itself`

func (r *fileReader) readAccount(entry yamlEntry) Account {
	account := Account{Role: entry.name}
	fields := entry.readFields("{account: 10001, secret: $PROBE_A}",
		required("account", &account.Number, "the account's number", "10001"),
		required("secret", func(value yamlValue, form string) {
			account.Secret, account.SecretHidden = value.readSecret(form)
			account.SecretLine, account.SecretVariable = value.line, value.secretVariable()
		}, secretForm, "$PROBE_A"))
	if account.Number == "" {
		return account
	}
	for _, other := range r.file.Accounts {
		if other.Number == account.Number {
			fields["account"].addProblem("%s is the account of %s too; each role needs its own", account.Number,
				other.Role)
		}
	}
	if separator := r.file.Syntax.PairSeparator; strings.Contains(account.Number, separator) {
		fields["account"].addProblem("%q holds %q, which separates pairs; write the account's number", account.Number,
			separator)
	}
	return account
}

// readSecret returns a password from the file or from the environment.
func (v yamlValue) readSecret(form string) (secret string, hidden bool) {
	text, ok := v.scalarText(form)
	if !ok || !strings.HasPrefix(text, "$") {
		return text, false
	}
	if remaining, isDoubled := strings.CutPrefix(text, "$$"); isDoubled {
		return "$" + remaining, false
	}
	match := variablePattern.FindStringSubmatch(text)
	if match == nil {
		v.addProblem(
			"begins with a dollar sign and is no variable; write %s, with $$ for a dollar sign at its beginning", form)
		return "", false
	}
	name := match[1] + match[2]
	if secret, ok := v.getenv(name); ok && secret != "" {
		return secret, true
	}
	if match[3] == "" {
		v.addProblem(
			"the environment variable %s is not set; set it to the account's password, as in %s=... rookery probe, "+
				`or write "${%s:-PASSWORD}" with a password for where it is not set`, name, name, name)
	}
	return strings.TrimPrefix(match[3], ":-"), false
}

// secretVariable returns the environment variable that a secret names, or "".
func (v yamlValue) secretVariable() string {
	if match := variablePattern.FindStringSubmatch(v.node.Value); match != nil {
		return match[1] + match[2]
	}
	return ""
}

func (r *fileReader) readPool(value yamlValue, form string) {
	const accountForm = "the number of an account, from 1"
	parseNumber := func(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) }
	pool := &AccountPool{}
	r.file.Pool = pool
	value.readFields(form,
		required("first", storeWithin(&pool.First, parseNumber, 1, math.MaxUint64-1), accountForm, "20000"),
		required("last", storeWithin(&pool.Last, parseNumber, 1, math.MaxUint64-1), accountForm, "20999"),
		required("secret", func(value yamlValue, form string) {
			pool.Secret, pool.SecretHidden = value.readSecret(form)
			pool.SecretLine, pool.SecretVariable = value.line, value.secretVariable()
		}, secretForm, "$PROBE_POOL"))
	switch size := pool.Last - pool.First + 1; {
	case pool.First == 0 || pool.Last == 0:
	case pool.Last < pool.First:
		value.addProblem("last, %d, is before first, %d; write the lower number first", pool.Last, pool.First)
	case size < uint64(len(r.file.Accounts)):
		value.addProblem("there are %d accounts for %d roles; each experiment needs one for each, make it larger", size,
			len(r.file.Accounts))
	}
}

func (r *fileReader) readPlaces(value yamlValue, form string) {
	if places := value.distinctTexts(form, yamlValue.placeAddress); len(places) > 0 {
		r.file.Places = places
	}
}

func (v yamlValue) placeAddress(form string) (string, bool) {
	text, ok := v.scalarText(form)
	if _, err := netip.ParseAddr(text); err != nil && text != "" {
		v.addProblem("%q is no IP address; write %s, or \"\" for whatever the system chooses", text, form)
	}
	return text, ok
}

func (r *fileReader) readFriends(value yamlValue, form string) {
	for _, element := range value.listElements(form) {
		roleValues := element.listElements(form)
		if len(roleValues) != 2 {
			if len(roleValues) > 0 || element.isNull() {
				element.addProblem("a pair has two roles, here are %d; write %s", len(roleValues), form)
			}
			continue
		}
		first, ok := r.readRole(roleValues[0])
		second, secondOK := r.readRole(roleValues[1])
		switch {
		case !ok || !secondOK:
		case first == second:
			element.addProblem("%s cannot be a friend of itself; write %s", first, form)
		case slices.Contains(r.file.Friends, [2]string{first, second}) ||
			slices.Contains(r.file.Friends, [2]string{second, first}):
			element.addProblem("%s and %s stand twice; leave one of them", first, second)
		default:
			r.file.Friends = append(r.file.Friends, [2]string{first, second})
		}
	}
}

// readRole returns a declared role. If the file declares no accounts, that is reported
// once and not for each role.
func (r *fileReader) readRole(value yamlValue) (string, bool) {
	if len(r.file.Accounts) == 0 {
		return "", false
	}
	return value.textOneOf("role", r.file.roleNames())
}
