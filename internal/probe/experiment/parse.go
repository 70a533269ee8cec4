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

// Parse reads an experiment file. name is what problems call it; getenv looks up
// the variables that its secrets name, as os.LookupEnv does. An error is of type
// [Problems], and holds all that is wrong with the file.
func Parse(name string, text []byte, getenv func(string) (string, bool)) (*File, error) {
	r := &fileReader{name: name, getenv: getenv, file: &File{
		Name:   strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)),
		Places: []string{""},
		Syntax: httpQQ(),
		Reset:  ResetMethod{Kind: ResetCommands},
		Limits: Limits{Requests: 3000, RequestRate: 200, FailedLogins: 3, LongestWait: 2 * time.Minute},
		source: bytes.Clone(text),
	}}
	if root, ok := r.document(text); ok {
		r.root(root)
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
		return nil, r.problems
	}
	return r.file, nil
}

// A part of a file has a key at the top.
type fileSection struct {
	key  string
	read func(yamlValue)
}

// parts are in the order in which one may lean on another, whatever the order in
// the file.
func (r *fileReader) parts() []fileSection {
	return []fileSection{
		{"name", r.title},
		{"server", r.server},
		{"syntax", r.syntax},
		{"accounts", r.accounts},
		{"pool", r.pool},
		{"places", r.places},
		{"answer", r.answer},
		{"allow", r.allow},
		{"parameters", r.common},
		{"commands", r.commands},
		{"friends", r.friends},
		{"reset", r.reset},
		{"clock", r.clock},
		{"limits", r.limits},
		{"setup", r.setup},
		{"scenarios", r.scenarios},
	}
}

func (r *fileReader) root(root yamlValue) {
	var keys []string
	for _, fileSection := range r.parts() {
		keys = append(keys, fileSection.key)
	}
	slices.Sort(keys)
	fields := root.fields("accounts, commands and what else the server needs", keys...)
	root.need(fields, "accounts", "commands")
	for _, fileSection := range r.parts() {
		if yamlValue, ok := fields[fileSection.key]; ok {
			fileSection.read(yamlValue)
		}
	}
}

func (r *fileReader) title(v yamlValue) {
	if name, ok := v.word("what is studied, for people"); ok {
		r.file.Name = name
	}
}

func (r *fileReader) server(v yamlValue) {
	const form = "a URL such as http://127.0.0.1:8000/"
	if text, ok := v.word(form); ok {
		if u, ok := v.url(text, form); ok && !u.IsAbs() {
			v.problem("%q is not whole; write %s", text, form)
		}
		r.file.Server = text
	}
}

// url checks a URL, which may be relative.
func (v yamlValue) url(text, form string) (*url.URL, bool) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		v.problem("%q is no URL; write %s", text, form)
		return nil, false
	case u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https":
		v.problem("%q is no http URL, its scheme is %s; write %s", text, u.Scheme, form)
		return nil, false
	case u.IsAbs() && u.Hostname() == "":
		v.problem("%q names no host; write %s", text, form)
		return nil, false
	case u.User != nil:
		v.problem("the URL holds a user name; leave it out, accounts stand under accounts")
		return nil, false
	}
	return u, true
}

const accountsForm = "at least two, by role: a: {account: 10001, secret: $PROBE_A}"

var (
	roleName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	variable = regexp.MustCompile(`(?s)^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(:-.*)?\})$`)
)

func (r *fileReader) accounts(v yamlValue) {
	entries := v.entries(accountsForm)
	for _, yamlEntry := range entries {
		if taken := append([]string{"wait"}, placeholders...); !roleName.MatchString(yamlEntry.name) || slices.Contains(taken, yamlEntry.name) {
			r.problem(yamlEntry.line, yamlEntry.key, "is no name for a role; use letters and digits, a letter first, and none of %s",
				"wait, seq, me, to, text, command, time, secret")
		}
		// Kept even if it is wrong, so that steps do not complain about it too.
		r.file.Accounts = append(r.file.Accounts, r.account(yamlEntry))
	}
	if n := len(entries); n < 2 && v.mapped() {
		v.problem("there are too few, %d; declare %s", n, accountsForm)
	}
}

func (r *fileReader) account(e yamlEntry) Account {
	account := Account{Role: e.name}
	fields := e.fields("{account: 10001, secret: $PROBE_A}", "account", "secret")
	e.need(fields, "account", "secret")
	if yamlValue, ok := fields["account"]; ok {
		account.Number, _ = yamlValue.word("the account's number")
		for _, other := range r.file.Accounts {
			if other.Number == account.Number && account.Number != "" {
				yamlValue.problem("%s is the account of %s too; each role needs its own", account.Number, other.Role)
			}
		}
		if strings.Contains(account.Number, r.file.Syntax.PairSeparator) {
			yamlValue.problem("%q holds %q, which separates pairs; write the account's number", account.Number, r.file.Syntax.PairSeparator)
		}
	}
	if yamlValue, ok := fields["secret"]; ok {
		account.Secret, account.SecretHidden = yamlValue.secret()
		account.SecretLine, account.SecretVariable = yamlValue.line, yamlValue.variable()
	}
	return account
}

// secret is a password as it stands, or from the environment.
func (v yamlValue) secret() (secret string, hidden bool) {
	const form = `$NAME for an environment variable, "${NAME:-PASSWORD}" with a password for where it is not set, or the password itself`
	text, ok := v.text(form)
	if !ok || !strings.HasPrefix(text, "$") {
		return text, false
	}
	if rest, doubled := strings.CutPrefix(text, "$$"); doubled {
		return "$" + rest, false
	}
	found := variable.FindStringSubmatch(text)
	if found == nil {
		v.problem("begins with a dollar sign and is no variable; write %s, with $$ for a dollar sign at its beginning", form)
		return "", false
	}
	name := found[1] + found[2]
	if secret, ok := v.getenv(name); ok && secret != "" {
		return secret, true
	}
	if found[3] == "" {
		v.problem("the environment variable %s is not set; set it to the account's password, as in %s=... rookery probe, "+
			`or write "${%s:-PASSWORD}" with a password for where it is not set`, name, name, name)
	}
	return strings.TrimPrefix(found[3], ":-"), false
}

// variable is the name of the variable that a secret is in, "" for none.
func (v yamlValue) variable() string {
	if found := variable.FindStringSubmatch(v.node.Value); found != nil {
		return found[1] + found[2]
	}
	return ""
}

func (r *fileReader) pool(v yamlValue) {
	fields := v.fields("{first: 20000, last: 20999, secret: $PROBE_POOL}", "first", "last", "secret")
	v.need(fields, "first", "last", "secret")
	pool := &AccountPool{}
	r.file.Pool = pool
	for _, bound := range []struct {
		key string
		to  *uint64
	}{{"first", &pool.First}, {"last", &pool.Last}} {
		if yamlValue, ok := fields[bound.key]; ok {
			*bound.to = yamlValue.account()
		}
	}
	if secret, ok := fields["secret"]; ok {
		pool.Secret, pool.SecretHidden = secret.secret()
		pool.SecretLine, pool.SecretVariable = secret.line, secret.variable()
	}
	switch size := pool.Last - pool.First + 1; {
	case pool.First == 0 || pool.Last == 0:
	case pool.Last < pool.First:
		v.problem("last, %d, is before first, %d; write the lower number first", pool.Last, pool.First)
	case size < uint64(len(r.file.Accounts)):
		v.problem("there are %d accounts for %d roles; each experiment needs one for each, make it larger", size, len(r.file.Accounts))
	}
}

// account is a number of an account in a pool, 0 if it is none.
func (v yamlValue) account() uint64 {
	const form = "the number of an account, from 1"
	text, ok := v.text(form)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 || n == math.MaxUint64 {
		v.problem("%s is no number of an account; write %s", text, form)
		return 0
	}
	return n
}

func (r *fileReader) places(v yamlValue) {
	const form = "addresses of this machine, such as [127.0.0.1, 127.0.0.2]"
	var places []string
	for _, yamlValue := range v.list(form) {
		text, ok := yamlValue.text(form)
		if !ok {
			continue
		}
		if _, err := netip.ParseAddr(text); err != nil && text != "" {
			yamlValue.problem("%q is no IP address; write %s, or \"\" for whatever the system chooses", text, form)
		}
		if slices.Contains(places, text) {
			yamlValue.problem("%q stands twice; leave one of them", text)
		}
		places = append(places, text)
	}
	if len(places) > 0 {
		r.file.Places = places
	}
}

func (r *fileReader) friends(v yamlValue) {
	const form = "pairs of roles, such as [[a, b]]"
	for _, yamlValue := range v.list(form) {
		pair := yamlValue.list(form)
		if len(pair) != 2 {
			if len(pair) > 0 || yamlValue.null() {
				yamlValue.problem("a pair has two roles, here are %d; write %s", len(pair), form)
			}
			continue
		}
		first, ok := r.role(pair[0])
		second, ok2 := r.role(pair[1])
		switch {
		case !ok || !ok2:
		case first == second:
			yamlValue.problem("%s cannot be a friend of itself; write %s", first, form)
		case slices.Contains(r.file.Friends, [2]string{first, second}) || slices.Contains(r.file.Friends, [2]string{second, first}):
			yamlValue.problem("%s and %s stand twice; leave one of them", first, second)
		default:
			r.file.Friends = append(r.file.Friends, [2]string{first, second})
		}
	}
}

// role is one that is declared. Where there are no accounts at all that is said
// once, and not for each.
func (r *fileReader) role(v yamlValue) (string, bool) {
	if len(r.file.Accounts) == 0 {
		return "", false
	}
	return v.oneOf("role", r.file.roles())
}
