package transcript

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// directives maps the words that steps begin with to what reads their
// arguments.
func directives() map[string]func(args []string) (Action, error) {
	return map[string]func([]string) (Action, error){
		"account": account,
		"set":     set,
		"friends": friends,
		"setting": setting,
		"notice":  notice,
		"remove":  remove,
		"passwd":  passwd,
		"restart": restart,
		"wait":    wait,
		"charset": charset,
		"login":   login,
	}
}

// fields cuts a line at its spaces; between quotation marks they are kept.
func fields(line string) ([]string, error) {
	var words []string
	for line != "" {
		word, rest, err := cutWord(line)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), rest
	}
	return words, nil
}

func cutWord(line string) (word, rest string, err error) {
	i := strings.IndexAny(line, ` "`)
	switch {
	case i < 0:
		return line, "", nil
	case line[i] == ' ':
		return line[:i], line[i+1:], nil
	}
	text, rest, err := unescape(line[i+1:], true)
	if err != nil {
		return "", "", err
	}
	if rest == "" {
		return "", "", errors.New("a quotation mark without its partner")
	}
	rest = rest[1:]
	if rest != "" && rest[0] != ' ' {
		return "", "", fmt.Errorf("%q directly behind a quotation mark", rest)
	}
	return line[:i] + string(text), strings.TrimPrefix(rest, " "), nil
}

func account(args []string) (Action, error) {
	if len(args) == 0 {
		return nil, errors.New("usage: account UIN[-UIN] {NAME=VALUE}")
	}
	first, last, err := parseRange(args[0])
	if err != nil {
		return nil, err
	}
	given, err := parseFields(args[1:], append(Fields(), "password"))
	if err != nil {
		return nil, err
	}
	account := &Account{UIN: first, Last: last, Password: DefaultPassword}
	for _, field := range given {
		if field.Name == "password" {
			account.Password = field.Value
		} else {
			account.Fields = append(account.Fields, field)
		}
	}
	return account, nil
}

func set(args []string) (Action, error) {
	if len(args) < 2 {
		return nil, errors.New("usage: set UIN {NAME=VALUE}")
	}
	uin, err := parseUIN(args[0])
	if err != nil {
		return nil, err
	}
	given, err := parseFields(args[1:], Fields())
	if err != nil {
		return nil, err
	}
	return &Set{UIN: uin, Fields: given}, nil
}

func friends(args []string) (Action, error) {
	if len(args) != 2 {
		return nil, errors.New("usage: friends UIN UIN[-UIN]")
	}
	uin, err := parseUIN(args[0])
	if err != nil {
		return nil, err
	}
	first, last, err := parseRange(args[1])
	if err != nil {
		return nil, err
	}
	return &Friends{UIN: uin, First: first, Last: last}, nil
}

func setting(args []string) (Action, error) {
	if len(args) != 2 {
		return nil, errors.New("usage: setting NAME VALUE")
	}
	if strings.Trim(args[0], "abcdefghijklmnopqrstuvwxyz-") != "" {
		return nil, fmt.Errorf("a setting has the name of a flag, not %q", args[0])
	}
	return &Setting{Name: args[0], Value: args[1]}, nil
}

func notice(args []string) (Action, error) {
	if len(args) != 2 {
		return nil, errors.New(`usage: notice UIN,UIN|all "TEXT"`)
	}
	notice := &Notice{Text: args[1]}
	if args[0] == "all" {
		return notice, nil
	}
	for name := range strings.SplitSeq(args[0], ",") {
		uin, err := parseUIN(name)
		if err != nil {
			return nil, err
		}
		notice.To = append(notice.To, uin)
	}
	return notice, nil
}

func remove(args []string) (Action, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: remove UIN")
	}
	uin, err := parseUIN(args[0])
	return &Remove{UIN: uin}, err
}

func passwd(args []string) (Action, error) {
	if len(args) != 2 {
		return nil, errors.New("usage: passwd UIN PASSWORD")
	}
	uin, err := parseUIN(args[0])
	return &SetPassword{UIN: uin, Password: args[1]}, err
}

func restart(args []string) (Action, error) {
	switch len(args) {
	case 0:
		return &Restart{}, nil
	case 1:
		d, err := parseDuration(args[0])
		return &Restart{Down: d}, err
	}
	return nil, errors.New("usage: restart [DURATION]")
}

func wait(args []string) (Action, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: wait DURATION")
	}
	d, err := parseDuration(args[0])
	return &Wait{For: d}, err
}

func client(name string) (Action, error) {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return nil, fmt.Errorf("a client's name is of small letters, not %q", name)
	}
	return &Client{Name: name}, nil
}

func login(args []string) (Action, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: login UIN[-UIN]")
	}
	first, last, err := parseRange(args[0])
	return &Login{UIN: first, Last: last}, err
}

func charset(args []string) (Action, error) {
	if len(args) != 1 || strings.ContainsFunc(args[0], needsQuotes) {
		return nil, errors.New("usage: charset NAME")
	}
	return &Charset{Name: args[0]}, nil
}

func parseFields(args, names []string) ([]Field, error) {
	var all []Field
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not of the form NAME=VALUE", arg)
		}
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("no field is named %q; there are %s", name, strings.Join(names, " "))
		}
		all = append(all, Field{name, value})
	}
	return all, nil
}

func parseUIN(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < 10000 {
		return 0, fmt.Errorf("%q is no account number: 10000 to 4294967295", s)
	}
	return uint32(n), nil
}

// maxRange keeps a slip of the pen from making a million accounts.
const maxRange = 10000

func parseRange(s string) (first, last uint32, err error) {
	from, to, isRange := strings.Cut(s, "-")
	if first, err = parseUIN(from); err != nil || !isRange {
		return first, first, err
	}
	if last, err = parseUIN(to); err != nil {
		return 0, 0, err
	}
	if last <= first || last-first >= maxRange {
		return 0, 0, fmt.Errorf("%q is no range of 2 to %d accounts", s, maxRange)
	}
	return first, last, nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no duration, as 300s is", s)
	}
	return d, nil
}
