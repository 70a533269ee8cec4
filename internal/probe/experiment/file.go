package experiment

import "time"

// A File is what an experiment file declares of a server that is to be studied:
// everything that the prober is told, and does not find out.
type File struct {
	// Name is what is studied, for people.
	Name string
	// Server is the server's URL; the command line may name another.
	Server string
	// Accounts are the accounts by role, in the file's order. The first is the one
	// that acts, the second is its peer, the third is a stranger to both.
	Accounts []Account
	// Places are addresses of this machine to ask from, in the file's order. The
	// first is where every account asks from if nothing else is said. Never empty:
	// an empty place leaves the choice to the system.
	Places []string
	// Pool holds fresh accounts, nil if there are none.
	Pool   *AccountPool
	Syntax RecordSyntax
	Answer AnswerFormat
	// Parameters are what is known of keys that many commands have; a command's own
	// say more.
	Parameters []Parameter
	// Commands are in the file's order.
	Commands []*Command
	Reset    ResetMethod
	Clock    ServerClock
	// Friends are pairs of roles that are friends after a reset.
	Friends [][2]string
	// Setup are steps that are taken after each reset, in the notation of [Step].
	Setup []Step
	// Scenarios are the user's own, asked by name.
	Scenarios []Scenario
	Limits    Limits
	Allow     Permissions

	// sourceText is the text that the file was parsed from.
	sourceText []byte
}

// An Account is one that the prober may act as.
type Account struct {
	Role   string
	Number string // what {me} stands for
	// Secret is what {secret} stands for. Hidden says that it came from the
	// environment, so that it is written nowhere.
	Secret       string
	SecretHidden bool
	// SecretLine is where the secret stands in the file, and Variable the one of the
	// environment that it names, "" for none.
	SecretLine     int
	SecretVariable string
}

// A Pool is a range of fresh accounts with one secret, of which each experiment
// takes some in place of the roles' own.
type AccountPool struct {
	First, Last    uint64
	Secret         string
	SecretHidden   bool
	SecretLine     int
	SecretVariable string
}

// RecordSyntax is how records are written. What a file leaves out is as in HTTP QQ.
type RecordSyntax struct {
	PairSeparator string // between pairs: "&"
	KeySeparator  string // between key and value: "="
	ListSeparator string // behind each element of a list: ","
	// EscapeSign begins an escaped byte in a value, two hex digits follow: "%". Empty:
	// there are no escapes.
	EscapeSign string
	// RequestPath is the target of a request: "/".
	RequestPath string
	// ContentType is the Content-Type of a request: "text/plain; charset=UTF-8".
	ContentType string
	// CloseConnections asks for a connection for each request.
	CloseConnections bool
	// Charsets are others than UTF-8 that the server is said to understand when
	// Type declares them, such as gbk.
	Charsets []string
}

// AnswerFormat is how answers are read.
type AnswerFormat struct {
	// CodeKey is the key of the field that says how it went, such as RES. Empty: none
	// is known.
	CodeKey string
	// SuccessCodes are the code's values that mean success.
	SuccessCodes []string
	// NotLoggedInCodes are the code's values that mean that a session is missing; empty
	// if the prober shall find out.
	NotLoggedInCodes []string
	// ProseKeys are fields whose wording means nothing, such as a reason for people.
	ProseKeys []string
}

// A Command is one of the server's commands, with a request that is known, or
// thought, to work.
type Command struct {
	Name string
	// Line is where it stands in the file, from 1.
	Line int
	// Request holds the pairs of the base request, with placeholders in the values.
	Request []Pair
	// Purposes are the purposes that the command serves, each with the pairs by which
	// it differs from the base request. The first is the base request's own.
	// Empty: nothing is known of it.
	Purposes []Purpose
	// SuccessFields are further fields with the values that they must have for success, such
	// as RS=0 behind a Login.
	SuccessFields []Pair
	// Parameters are what is known of the request's keys, and of keys that are not
	// in the base request, in the file's order.
	Parameters []Parameter
	// Destructive commands are sent only if Allow says so.
	Destructive bool
	// NeedsSession is false for a command that needs none; as Login.
	NeedsSession bool
}

// A Pair is a key with its value, which may hold placeholders.
type Pair struct{ Key, Value string }

// A Purpose is what a command is for.
type Purpose struct {
	Verb  Verb
	Pairs []Pair
}

// A Verb names what commands of this kind of server do.
type Verb string

// The verbs that a file can use.
const (
	VerbLogin   Verb = "login"   // begins the session of {me}
	VerbLogout  Verb = "logout"  // ends it
	VerbStatus  Verb = "status"  // sets what others see of {me}
	VerbFriends Verb = "friends" // lists the friends
	VerbOnline  Verb = "online"  // lists friends who look online, with what they show
	VerbInfo    Verb = "info"    // tells about {to}
	VerbFind    Verb = "find"    // lists accounts that fit
	VerbAdd     Verb = "add"     // adds {to}, if that is open to everybody
	VerbRequest Verb = "request" // asks {to} to be a friend
	VerbAccept  Verb = "accept"  // says yes to the request of {to}
	VerbReject  Verb = "reject"  // says no to it
	VerbDelete  Verb = "delete"  // ends the friendship with {to}
	VerbSend    Verb = "send"    // sends {text} to {to}
	VerbReceive Verb = "receive" // collects what has come
	VerbRead    Verb = "read"    // changes nothing, whatever it tells
)

// A Parameter is what is known of one key of a command's request.
type Parameter struct {
	Key    string
	Type   ParameterType
	Values []string // of an enum
	// Min and Max bound a number or a count, as far as they are known; "" if not.
	Min, Max string
	// Declared is true for what the file says, false for what was inferred.
	Declared bool
	Line     int
}

// A Type is what kind of value a parameter has.
type ParameterType string

// The types. What a file does not say follows from the placeholder in the base
// request, else from the look of its value.
const (
	TypeConstant    ParameterType = "constant" // always the same, as a client's name
	TypeVersion     ParameterType = "version"  // the protocol's
	TypeCommandName ParameterType = "name"     // the command's
	TypeMark        ParameterType = "mark"     // the client's mark for a request: {seq}
	TypeSelf        ParameterType = "self"     // the account that acts: {me}
	TypeTarget      ParameterType = "target"   // another account: {to}
	TypeSecret      ParameterType = "secret"   // a proof: {secret}, {md5(secret)}
	TypeText        ParameterType = "text"     // words of a user: {text}
	TypeCount       ParameterType = "count"    // at most so many elements of a list
	TypeCursor      ParameterType = "cursor"   // where in a list to go on
	TypeNumber      ParameterType = "number"
	TypeEnum        ParameterType = "enum" // one of Values
	TypeOpaque      ParameterType = "opaque"
)

// ResetMethod is how the server comes back to the state in which each experiment
// begins.
type ResetMethod struct {
	Kind ResetKind
	// URL is asked with POST; relative to the server's URL, or absolute.
	URL string
}

// A ResetKind is one of the ways to begin anew.
type ResetKind string

// The ways to begin anew.
const (
	ResetURL      ResetKind = "url"      // by a POST to a URL
	ResetPool     ResetKind = "pool"     // by fresh accounts
	ResetCommands ResetKind = "commands" // by collecting, logging out, and befriending as in Friends
)

// ServerClock is what time means. With a URL the server has a clock for tests, which
// a POST of the seconds moves; without, waiting is waiting.
type ServerClock struct{ URL string }

// A Scenario is a row of steps that the user wants to have tried.
type Scenario struct {
	Name  string
	Steps []Step
}

// Limits bound what is done to a server.
type Limits struct {
	Requests    int           // in all
	RequestRate float64       // requests a second, 0: no limit
	TotalTime   time.Duration // in all, 0: no limit
	// FailedLogins is how many logins of an account may fail between two right ones, and
	// in each FailedPer if that is not 0. A control URL that resets the server lifts both.
	FailedLogins      int
	FailedLoginPeriod time.Duration
	LongestWait       time.Duration // the longest single wait where time is real
}

// Permissions is what the file permits beyond the harmless.
type Permissions struct {
	Destructive bool
	// Hosts are names or addresses of servers beyond this machine's loopback that
	// may be studied with --remote.
	Hosts []string
}
