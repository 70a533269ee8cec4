package control

import (
	"sort"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery"
)

// Settings maps names of Fields to values in text form. Fields that are absent stay unchanged.
type Settings map[string]string

// Validate returns an error with CodeParameter for the first unknown field or invalid value.
func (s Settings) Validate() error {
	var account rookery.Account
	return s.applyTo(&account)
}

func (s Settings) applyTo(account *rookery.Account) error {
	unused := len(s)
	for _, field := range accountFields {
		value, ok := s[field.Name]
		if !ok {
			continue
		}
		unused--
		if err := field.set(account, value); err != nil {
			return err
		}
	}
	if unused > 0 {
		return rookery.Errorf(rookery.CodeParameter, "%s is no field of an account; use %s", s.firstUnknownName(),
			strings.Join(fieldNames(), ", "))
	}
	return account.Profile.Validate()
}

// firstUnknownName returns, in quotes, the alphabetically first name that is not a field.
func (s Settings) firstUnknownName() string {
	known := Settings{}
	for _, name := range fieldNames() {
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

// Field is one setting of an account. Command flags, columns of an import file and keys of the JSON listing
// all use its name.
type Field struct {
	Name string
	// Placeholder stands for a value in help texts, such as TEXT. Usage describes the field in one line.
	Placeholder, Usage string

	get func(*rookery.Account) string
	set func(*rookery.Account, string) error
}

// Get returns the field's value in the text form that Settings use.
func (f Field) Get(account rookery.Account) string { return f.get(&account) }

// Fields returns all fields in display order.
func Fields() []Field { return append([]Field(nil), accountFields...) }

func fieldNames() []string {
	names := make([]string, len(accountFields))
	for i, field := range accountFields {
		names[i] = field.Name
	}
	return names
}

var accountFields = []Field{
	textField("nick", "the name that others see",
		func(account *rookery.Account) *string { return &account.Profile.Nick }),
	numberField("face", "face number: three times a picture's index",
		func(account *rookery.Account) *int { return &account.Profile.Face }),
	numberField("age", "years, 0 if unset", func(account *rookery.Account) *int { return &account.Profile.Age }),
	numberField("sex", "0 male, 1 female", func(account *rookery.Account) *int { return &account.Profile.Sex }),
	numberField("blood", "blood type: 0 unset, 1 A, 2 B, 3 O, 4 AB, 5 other",
		func(account *rookery.Account) *int { return &account.Profile.Blood }),
	numberField("constellation", "0 unset, 1 to 12 from Aquarius",
		func(account *rookery.Account) *int { return &account.Profile.Constellation }),
	numberField("animal", "zodiac animal: 0 unset, 1 to 12 from Rat",
		func(account *rookery.Account) *int { return &account.Profile.Animal }),
	textField("country", "country", func(account *rookery.Account) *string { return &account.Profile.Country }),
	textField("province", "province", func(account *rookery.Account) *string { return &account.Profile.Province }),
	textField("city", "city", func(account *rookery.Account) *string { return &account.Profile.City }),
	textField("school", "school", func(account *rookery.Account) *string { return &account.Profile.School }),
	textField("job", "job", func(account *rookery.Account) *string { return &account.Profile.Job }),
	textField("home-page", "address of a home page",
		func(account *rookery.Account) *string { return &account.Profile.HomePage }),
	textField("about", "some words about the owner",
		func(account *rookery.Account) *string { return &account.Profile.About }),
	textField("real-name", "real name (private)",
		func(account *rookery.Account) *string { return &account.Profile.RealName }),
	textField("mail", "mail address (private)",
		func(account *rookery.Account) *string { return &account.Profile.Mail }),
	textField("phone", "phone number (private)",
		func(account *rookery.Account) *string { return &account.Profile.Phone }),
	textField("mobile", "mobile number (private)",
		func(account *rookery.Account) *string { return &account.Profile.Mobile }),
	textField("address", "postal address (private)",
		func(account *rookery.Account) *string { return &account.Profile.Address }),
	textField("post-code", "post code (private)",
		func(account *rookery.Account) *string { return &account.Profile.PostCode }),
	{
		Name: "rule", Placeholder: "RULE",
		Usage: "who becomes a friend: open (anybody), ask (on request), closed (nobody)",
		get:   func(account *rookery.Account) string { return account.FriendRule.String() },
		set: func(account *rookery.Account, value string) (err error) {
			account.FriendRule, err = rookery.ParseFriendRule(value)
			return err
		},
	},
	yesNoField("strangers", "whether accounts that are no friends may write",
		func(account *rookery.Account) *bool { return &account.AllowStrangers }),
	yesNoField("findable", "whether a search may return the account",
		func(account *rookery.Account) *bool { return &account.Findable }),
	yesNoField("show-private", "whether everybody sees the private fields, not friends alone",
		func(account *rookery.Account) *bool { return &account.ShowPrivate }),
	yesNoField("devices-only", "whether only devices may sign in, which have tokens, and no address",
		func(account *rookery.Account) *bool { return &account.DevicesOnly }),
}

func textField(name, usage string, target func(*rookery.Account) *string) Field {
	return Field{
		Name: name, Placeholder: "TEXT", Usage: usage,
		get: func(account *rookery.Account) string { return *target(account) },
		set: func(account *rookery.Account, value string) error {
			*target(account) = value
			return nil
		},
	}
}

func numberField(name, usage string, target func(*rookery.Account) *int) Field {
	return Field{
		Name: name, Placeholder: "N", Usage: usage,
		get: func(account *rookery.Account) string { return strconv.Itoa(*target(account)) },
		set: func(account *rookery.Account, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil {
				return rookery.Errorf(rookery.CodeParameter, "%s: %q is not a number", name, value)
			}
			*target(account) = n
			return nil
		},
	}
}

func yesNoField(name, usage string, target func(*rookery.Account) *bool) Field {
	words := map[bool]string{true: "yes", false: "no"}
	return Field{
		Name: name, Placeholder: "yes|no", Usage: usage,
		get: func(account *rookery.Account) string { return words[*target(account)] },
		set: func(account *rookery.Account, value string) error {
			if value != words[true] && value != words[false] {
				return rookery.Errorf(rookery.CodeParameter, "%s: %q is neither yes nor no", name, value)
			}
			*target(account) = value == words[true]
			return nil
		},
	}
}
