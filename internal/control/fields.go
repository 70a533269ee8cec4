package control

import (
	"sort"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery"
)

// Settings are what an operator sets about an account, as text by the names of
// Fields. What is not named stays as it is.
type Settings map[string]string

// Validate reports the first setting that has no such field or no such value,
// as an error with CodeParameter.
func (s Settings) Validate() error {
	var account rookery.Account
	return s.apply(&account)
}

func (s Settings) apply(account *rookery.Account) error {
	left := len(s)
	for _, field := range fields {
		value, ok := s[field.Name]
		if !ok {
			continue
		}
		left--
		if err := field.set(account, value); err != nil {
			return err
		}
	}
	if left > 0 {
		return rookery.Errorf(rookery.CodeParameter, "%s is no field of an account; there are %s", s.unknown(), strings.Join(names(), ", "))
	}
	return account.Profile.Validate()
}

// unknown is the first name that is no field's.
func (s Settings) unknown() string {
	known := Settings{}
	for _, name := range names() {
		known[name] = ""
	}
	var unknown []string
	for name := range s {
		if _, ok := known[name]; !ok {
			unknown = append(unknown, name)
		}
	}
	sort.Strings(unknown)
	return strconv.Quote(unknown[0])
}

// Field is one thing that can be set about an account. The flags of the
// commands, the columns of an import and a listing in JSON share its name.
type Field struct {
	Name string
	// Value is a word for its values, Usage a line that describes it.
	Value, Usage string

	get func(*rookery.Account) string
	set func(*rookery.Account, string) error
}

// Get returns the field of an account as Settings would have it.
func (f Field) Get(account rookery.Account) string { return f.get(&account) }

// Fields returns what can be set about an account, in the order in which to
// show it.
func Fields() []Field { return append([]Field(nil), fields...) }

func names() []string {
	all := make([]string, len(fields))
	for i, field := range fields {
		all[i] = field.Name
	}
	return all
}

var fields = []Field{
	text("nick", "the name that others see", func(account *rookery.Account) *string { return &account.Profile.Nick }),
	number("face", "face number: three times a picture's index", func(account *rookery.Account) *int { return &account.Profile.Face }),
	number("age", "years, 0 if unset", func(account *rookery.Account) *int { return &account.Profile.Age }),
	number("sex", "0 male, 1 female", func(account *rookery.Account) *int { return &account.Profile.Sex }),
	number("blood", "blood type: 0 unset, 1 A, 2 B, 3 O, 4 AB, 5 other", func(account *rookery.Account) *int { return &account.Profile.Blood }),
	number("constellation", "0 unset, 1 to 12 from Aquarius", func(account *rookery.Account) *int { return &account.Profile.Constellation }),
	number("animal", "zodiac animal: 0 unset, 1 to 12 from Rat", func(account *rookery.Account) *int { return &account.Profile.Animal }),
	text("country", "country", func(account *rookery.Account) *string { return &account.Profile.Country }),
	text("province", "province", func(account *rookery.Account) *string { return &account.Profile.Province }),
	text("city", "city", func(account *rookery.Account) *string { return &account.Profile.City }),
	text("school", "school", func(account *rookery.Account) *string { return &account.Profile.School }),
	text("job", "job", func(account *rookery.Account) *string { return &account.Profile.Job }),
	text("home-page", "address of a home page", func(account *rookery.Account) *string { return &account.Profile.HomePage }),
	text("about", "some words about the owner", func(account *rookery.Account) *string { return &account.Profile.About }),
	text("real-name", "real name (private)", func(account *rookery.Account) *string { return &account.Profile.RealName }),
	text("mail", "mail address (private)", func(account *rookery.Account) *string { return &account.Profile.Mail }),
	text("phone", "phone number (private)", func(account *rookery.Account) *string { return &account.Profile.Phone }),
	text("mobile", "mobile number (private)", func(account *rookery.Account) *string { return &account.Profile.Mobile }),
	text("address", "postal address (private)", func(account *rookery.Account) *string { return &account.Profile.Address }),
	text("post-code", "post code (private)", func(account *rookery.Account) *string { return &account.Profile.PostCode }),
	{
		Name: "rule", Value: "RULE", Usage: "who becomes a friend: open (anybody), ask (on request), closed (nobody)",
		get: func(account *rookery.Account) string { return account.Rule.String() },
		set: func(account *rookery.Account, s string) (err error) {
			account.Rule, err = rookery.ParseRule(s)
			return err
		},
	},
	yesNo("strangers", "whether accounts that are no friends may write", func(account *rookery.Account) *bool { return &account.Strangers }),
	yesNo("findable", "whether a search may return the account", func(account *rookery.Account) *bool { return &account.Findable }),
	yesNo("show-private", "whether everybody sees the private fields, not friends alone", func(account *rookery.Account) *bool { return &account.ShowPrivate }),
	yesNo("devices-only", "whether only devices may sign in, which have tokens, and no address", func(account *rookery.Account) *bool { return &account.DevicesOnly }),
}

func text(name, usage string, at func(*rookery.Account) *string) Field {
	return Field{
		Name: name, Value: "TEXT", Usage: usage,
		get: func(account *rookery.Account) string { return *at(account) },
		set: func(account *rookery.Account, s string) error {
			*at(account) = s
			return nil
		},
	}
}

func number(name, usage string, at func(*rookery.Account) *int) Field {
	return Field{
		Name: name, Value: "N", Usage: usage,
		get: func(account *rookery.Account) string { return strconv.Itoa(*at(account)) },
		set: func(account *rookery.Account, s string) error {
			n, err := strconv.Atoi(s)
			if err != nil {
				return rookery.Errorf(rookery.CodeParameter, "%s: %q is no number", name, s)
			}
			*at(account) = n
			return nil
		},
	}
}

func yesNo(name, usage string, at func(*rookery.Account) *bool) Field {
	words := map[bool]string{true: "yes", false: "no"}
	return Field{
		Name: name, Value: "yes|no", Usage: usage,
		get: func(account *rookery.Account) string { return words[*at(account)] },
		set: func(account *rookery.Account, s string) error {
			if s != words[true] && s != words[false] {
				return rookery.Errorf(rookery.CodeParameter, "%s: %q is neither yes nor no", name, s)
			}
			*at(account) = s == words[true]
			return nil
		},
	}
}
