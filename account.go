package rookery

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// UIN is an account number, 10000 to 4294967295.
type UIN uint32

// Account numbers with a meaning.
const (
	// System is the account of the server. It sends the operator's notices, and
	// nobody can log in to it.
	System UIN = 10000
	// FirstUIN is the lowest number of a user's account.
	FirstUIN UIN = 10001
)

// ParseUIN parses a decimal account number. It reports false for anything else and
// for numbers out of range.
func ParseUIN(s string) (UIN, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || UIN(n) < System {
		return 0, false
	}
	return UIN(n), true
}

func (u UIN) String() string { return strconv.FormatUint(uint64(u), 10) }

// Account is an account as its owner and the operator see it. Its password hash is
// stored separately, see [Credential].
type Account struct {
	UIN     UIN
	Profile Profile
	// FriendRule says how others become friends of the account.
	FriendRule FriendRule `json:"Rule"` // JSON names are those of the control socket
	// AllowStrangers allows messages from accounts that are not friends.
	AllowStrangers bool `json:"Strangers"`
	// Findable allows searches to return the account.
	Findable bool
	// ShowPrivate shows the private fields of the profile to everybody.
	ShowPrivate bool
	// DevicesOnly allows logins of devices only, which get a token. It refuses address
	// sessions, which anybody behind the same address could use.
	DevicesOnly bool
	Created     time.Time
	// Revision is 1 for a new account and grows with each change.
	Revision uint64
}

// NewAccount returns an account with default settings.
func NewAccount(uin UIN, nick string, created time.Time) Account {
	return Account{
		UIN:            uin,
		Profile:        Profile{Nick: nick},
		FriendRule:     RuleAsk,
		AllowStrangers: true,
		Findable:       true,
		Created:        created,
		Revision:       1,
	}
}

// Credential is an encoded password hash. The empty Credential matches no password.
type Credential string

// Profile describes an account's owner. Nick has at most MaxNickBytes, About at most
// MaxAboutBytes, and each other text at most MaxFieldBytes.
type Profile struct {
	Nick          string
	Face          int // index of a picture times three, as old clients count
	Age           int // in years, 0 unset
	Sex           int // 0 male, 1 female
	Blood         int // 0 unset, 1 A, 2 B, 3 O, 4 AB, 5 other
	Constellation int // 0 unset, 1 to 12 from Aquarius
	Animal        int // zodiac animal: 0 unset, 1 to 12 from Rat
	Country       string
	Province      string
	City          string
	School        string
	Job           string
	HomePage      string
	About         string

	// The private fields are visible to the owner and to friends, and to everybody
	// if the account sets ShowPrivate.
	RealName string
	Mail     string
	Phone    string
	Mobile   string
	Address  string
	PostCode string
}

// Limits of a profile: bytes of UTF-8 for texts, the largest value for numbers.
const (
	MaxNickBytes  = 96
	MaxFieldBytes = 256
	MaxAboutBytes = 1024
	MaxFace       = 9999
	MaxAge        = 255
)

// WithoutPrivate returns the profile without its private fields, as a stranger sees
// it.
func (p Profile) WithoutPrivate() Profile {
	p.RealName, p.Mail, p.Phone, p.Mobile, p.Address, p.PostCode = "", "", "", "", "", ""
	return p
}

// Validate returns an error with CodeParameter for the first field that is out of
// bounds.
func (p Profile) Validate() error {
	for _, number := range []struct {
		name     string
		got, max int
	}{
		{"face", p.Face, MaxFace}, {"age", p.Age, MaxAge}, {"sex", p.Sex, 1}, {"blood type", p.Blood, 5},
		{"constellation", p.Constellation, 12}, {"zodiac animal", p.Animal, 12},
	} {
		if number.got < 0 || number.got > number.max {
			return Errorf(CodeParameter, "%s is %d, allowed is 0 to %d", number.name, number.got, number.max)
		}
	}
	for _, text := range []struct {
		name, got string
		max       int
	}{
		{"nick", p.Nick, MaxNickBytes}, {"country", p.Country, MaxFieldBytes}, {"province", p.Province, MaxFieldBytes},
		{"city", p.City, MaxFieldBytes}, {"school", p.School, MaxFieldBytes}, {"job", p.Job, MaxFieldBytes},
		{"home page", p.HomePage, MaxFieldBytes}, {"about", p.About, MaxAboutBytes},
		{"real name", p.RealName, MaxFieldBytes},
		{"mail", p.Mail, MaxFieldBytes}, {"phone", p.Phone, MaxFieldBytes}, {"mobile", p.Mobile, MaxFieldBytes},
		{"address", p.Address, MaxFieldBytes}, {"post code", p.PostCode, MaxFieldBytes},
	} {
		switch {
		case len(text.got) > text.max:
			return Errorf(CodeParameter, "%s has %d bytes, allowed are %d", text.name, len(text.got), text.max)
		case !utf8.ValidString(text.got):
			return Errorf(CodeParameter, "%s is not valid UTF-8", text.name)
		}
	}
	return nil
}

// CheckNames returns an error with CodeParameter if Nick or RealName is not a valid
// name, see [CheckName]. A name that equals the one in before is accepted, because
// older accounts may have names that are no longer allowed. before is nil for a new
// profile.
func (p Profile) CheckNames(before *Profile) error {
	if before == nil || p.Nick != before.Nick {
		if err := CheckName("nick", p.Nick); err != nil {
			return err
		}
	}
	if p.RealName != "" && (before == nil || p.RealName != before.RealName) {
		return CheckName("real name", p.RealName)
	}
	return nil
}

// ProfileQuery is a search for accounts. A nil field matches every value.
type ProfileQuery struct {
	Age      *int
	Sex      *int
	Province *string
}

// Matches reports whether the account is findable and equals all fields of the
// query.
func (f ProfileQuery) Matches(account *Account) bool {
	return account.Findable &&
		(f.Age == nil || *f.Age == account.Profile.Age) &&
		(f.Sex == nil || *f.Sex == account.Profile.Sex) &&
		(f.Province == nil || *f.Province == account.Profile.Province)
}

// FriendRule says how others become friends of an account. Its values are those of the
// protocol's key CD.
type FriendRule uint8

// The friend rules.
const (
	RuleOpen   FriendRule = 0 // whoever adds the account is a friend immediately
	RuleAsk    FriendRule = 1 // the account accepts or rejects each request
	RuleClosed FriendRule = 3 // nobody can become a friend
)

var friendRuleNames = map[FriendRule]string{RuleOpen: "open", RuleAsk: "ask", RuleClosed: "closed"}

func (r FriendRule) String() string {
	if name, ok := friendRuleNames[r]; ok {
		return name
	}
	return fmt.Sprintf("rule %d", uint8(r))
}

// ParseFriendRule parses the name of a rule: open, ask or closed.
func ParseFriendRule(name string) (FriendRule, error) {
	for rule, n := range friendRuleNames {
		if n == name {
			return rule, nil
		}
	}
	return 0, Errorf(CodeParameter, "friend rule %q is none of open, ask, closed", name)
}
