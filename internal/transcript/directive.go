package transcript

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// directiveParsers maps the first word of a step to the parser of its arguments.
func directiveParsers() map[string]func(args []string) (Action, error) {
	return map[string]func([]string) (Action, error){
		"account": parseAccount,
		"set":     parseSet,
		"friends": parseFriends,
		"setting": parseSetting,
		"notice":  parseNotice,
		"remove":  parseRemove,
		"passwd":  parsePasswd,
		"restart": parseRestart,
		"wait":    parseWait,
		"charset": parseCharset,
		"login":   parseLogin,
	}
}

// splitWords splits a line at spaces, except between quotation marks.
func splitWords(line string) ([]string, error) {
	var words []string
	for line != "" {
		word, remaining, err := cutWord(line)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), remaining
	}
	return words, nil
}

func cutWord(line string) (word, remaining string, err error) {
	i := strings.IndexAny(line, ` "`)
	switch {
	case i < 0:
		return line, "", nil
	case line[i] == ' ':
		return line[:i], line[i+1:], nil
	}
	text, remaining, err := unescape(line[i+1:], true)
	if err != nil {
		return "", "", err
	}
	if remaining == "" {
		return "", "", errors.New("a quotation mark without its partner")
	}
	remaining = remaining[1:]
	if remaining != "" && remaining[0] != ' ' {
		return "", "", fmt.Errorf("%q directly behind a quotation mark", remaining)
	}
	return line[:i] + string(text), strings.TrimPrefix(remaining, " "), nil
}

func parseAccount(args []string) (Action, error) {
	if len(args) == 0 {
		return nil, errors.New("usage: account UIN[-UIN] {NAME=VALUE}")
	}
	firstUIN, lastUIN, err := parseRange(args[0])
	if err != nil {
		return nil, err
	}
	fields, err := parseFields(args[1:], append(AccountFieldNames(), "password"))
	if err != nil {
		return nil, err
	}
	account := &CreateAccounts{UIN: firstUIN, Last: lastUIN, Password: DefaultPassword}
	for _, field := range fields {
		if field.Name == "password" {
			account.Password = field.Value
		} else {
			account.AccountFields = append(account.AccountFields, field)
		}
	}
	return account, nil
}

func parseSet(args []string) (Action, error) {
	if len(args) < 2 {
		return nil, errors.New("usage: set UIN {NAME=VALUE}")
	}
	uin, err := parseUIN(args[0])
	if err != nil {
		return nil, err
	}
	fields, err := parseFields(args[1:], AccountFieldNames())
	if err != nil {
		return nil, err
	}
	return &ChangeAccount{UIN: uin, Fields: fields}, nil
}

func parseFriends(args []string) (Action, error) {
	if len(args) != 2 {
		return nil, errors.New("usage: friends UIN UIN[-UIN]")
	}
	uin, err := parseUIN(args[0])
	if err != nil {
		return nil, err
	}
	firstUIN, lastUIN, err := parseRange(args[1])
	if err != nil {
		return nil, err
	}
	return &Befriend{UIN: uin, First: firstUIN, Last: lastUIN}, nil
}

func parseSetting(args []string) (Action, error) {
	if len(args) != 2 {
		return nil, errors.New("usage: setting NAME VALUE")
	}
	if strings.Trim(args[0], "abcdefghijklmnopqrstuvwxyz-") != "" {
		return nil, fmt.Errorf("a setting has the name of a flag, not %q", args[0])
	}
	return &ServerSetting{Name: args[0], Value: args[1]}, nil
}

func parseNotice(args []string) (Action, error) {
	if len(args) != 2 {
		return nil, errors.New(`usage: notice UIN,UIN|all "TEXT"`)
	}
	notice := &SendNotice{Text: args[1]}
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

func parseRemove(args []string) (Action, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: remove UIN")
	}
	uin, err := parseUIN(args[0])
	return &RemoveAccount{UIN: uin}, err
}

func parsePasswd(args []string) (Action, error) {
	if len(args) != 2 {
		return nil, errors.New("usage: passwd UIN PASSWORD")
	}
	uin, err := parseUIN(args[0])
	return &SetPassword{UIN: uin, Password: args[1]}, err
}

func parseRestart(args []string) (Action, error) {
	switch len(args) {
	case 0:
		return &RestartServer{}, nil
	case 1:
		duration, err := parseDuration(args[0])
		return &RestartServer{Downtime: duration}, err
	}
	return nil, errors.New("usage: restart [DURATION]")
}

func parseWait(args []string) (Action, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: wait DURATION")
	}
	duration, err := parseDuration(args[0])
	return &AdvanceClock{Duration: duration}, err
}

func parseClientName(name string) (Action, error) {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return nil, fmt.Errorf("a client's name is of small letters, not %q", name)
	}
	return &SwitchClient{Name: name}, nil
}

func parseLogin(args []string) (Action, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: login UIN[-UIN]")
	}
	firstUIN, lastUIN, err := parseRange(args[0])
	return &LogInAccounts{UIN: firstUIN, Last: lastUIN}, err
}

func parseCharset(args []string) (Action, error) {
	if len(args) != 1 || strings.ContainsFunc(args[0], needsQuotes) {
		return nil, errors.New("usage: charset NAME")
	}
	return &SetCharset{Name: args[0]}, nil
}

func parseFields(args, names []string) ([]AccountField, error) {
	var all []AccountField
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not of the form NAME=VALUE", arg)
		}
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("no field is named %q; there are %s", name, strings.Join(names, " "))
		}
		all = append(all, AccountField{name, value})
	}
	return all, nil
}

func parseUIN(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 10000 {
		return 0, fmt.Errorf("%q is no account number: 10000 to 4294967295", text)
	}
	return uint32(n), nil
}

// maxRangeLength protects against a typing error that would create millions of accounts.
const maxRangeLength = 10000

func parseRange(text string) (firstUIN, lastUIN uint32, err error) {
	from, to, isRange := strings.Cut(text, "-")
	if firstUIN, err = parseUIN(from); err != nil || !isRange {
		return firstUIN, firstUIN, err
	}
	if lastUIN, err = parseUIN(to); err != nil {
		return 0, 0, err
	}
	if lastUIN <= firstUIN || lastUIN-firstUIN >= maxRangeLength {
		return 0, 0, fmt.Errorf("%q is no range of 2 to %d accounts", text, maxRangeLength)
	}
	return firstUIN, lastUIN, nil
}

func parseDuration(text string) (time.Duration, error) {
	duration, err := time.ParseDuration(text)
	if err != nil || duration <= 0 {
		return 0, fmt.Errorf("%q is no duration, as 300s is", text)
	}
	return duration, nil
}
