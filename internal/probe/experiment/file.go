package experiment

import "time"

// File is a parsed experiment file. It holds everything that the prober is told about a
// server and cannot find out.
type File struct {
	// Name is shown to people.
	Name string
	// Server is the server's URL. The command line can override it.
	Server string
	// Accounts are in the order of the file. The first is the main account, the second its
	// peer, the third a stranger to both.
	Accounts []Account
	// Places are addresses of this machine to send from, in the order of the file.
	// Requests come from the first unless a step says otherwise. Places is never empty. An
	// empty place lets the system choose.
	Places []string
	// Pool holds fresh accounts. It is nil if there are none.
	Pool   *AccountPool
	Syntax RecordSyntax
	Answer AnswerFormat
	// Parameters describe keys that many commands share. A command's own Parameters
	// take precedence.
	Parameters []Parameter
	// Commands are in the order of the file.
	Commands []*Command
	Reset    ResetMethod
	Clock    ServerClock
	// Friends are pairs of roles that are friends after a reset.
	Friends [][2]string
	// Setup holds the steps to take after each reset.
	Setup []Step
	// Scenarios are experiments that the author of the file wants to have tried.
	Scenarios []Scenario
	Limits    Limits
	Allow     Permissions

	// sourceText is the text that the file was parsed from.
	sourceText []byte
}

// Account is an account that the prober may use.
type Account struct {
	Role   string
	Number string // replaces {me}
	// Secret replaces {secret}. SecretHidden means that it came from the environment,
	// so it must not be written anywhere.
	Secret       string
	SecretHidden bool
	// SecretLine is the line of the secret in the file. SecretVariable is the environment
	// variable that it names, "" for none.
	SecretLine     int
	SecretVariable string
}

// AccountPool is a range of fresh accounts with one secret. Each experiment takes some of
// them in place of the accounts of the roles.
type AccountPool struct {
	First, Last    uint64
	Secret         string
	SecretHidden   bool
	SecretLine     int
	SecretVariable string
}

// RecordSyntax says how records are written. The default is the syntax of HTTP QQ.
type RecordSyntax struct {
	PairSeparator string // between pairs: "&"
	KeySeparator  string // between key and value: "="
	ListSeparator string // after each element of a list: ","
	// EscapeSign begins an escaped byte in a value and is followed by two hex digits: "%".
	// Empty means that there are no escapes.
	EscapeSign string
	// RequestPath is the path in the request line: "/".
	RequestPath string
	// ContentType is the Content-Type of requests: "text/plain; charset=UTF-8".
	ContentType string
	// CloseConnections uses one connection per request.
	CloseConnections bool
	// Charsets are charsets other than UTF-8, such as gbk, that the server is said to
	// understand when the Content-Type declares them.
	Charsets []string
}

// AnswerFormat says how to read answers.
type AnswerFormat struct {
	// CodeKey is the key of the field with the result code, such as RES. Empty means
	// unknown.
	CodeKey string
	// SuccessCodes are the codes that mean success.
	SuccessCodes []string
	// NotLoggedInCodes are the codes that mean that a session is missing. If empty, the
	// prober finds out.
	NotLoggedInCodes []string
	// ProseKeys are the keys of texts for people, whose wording has no meaning.
	ProseKeys []string
}

// Command is one of the server's commands, with a base request that is believed to work.
type Command struct {
	Name string
	// Line is the command's line in the file, from 1.
	Line int
	// Request holds the pairs of the base request. Values may contain placeholders.
	Request []Pair
	// Purposes says what the command can do. The first purpose is that of the base
	// request. Empty means unknown.
	Purposes []Purpose
	// SuccessFields are further fields that a successful answer must have, such as RS=0
	// after a Login.
	SuccessFields []Pair
	// Parameters describe keys of the request, and keys that are not in the base
	// request, in the order of the file.
	Parameters []Parameter
	// Destructive commands are sent only if Permissions allow it.
	Destructive bool
	// NeedsSession is false for commands that work without a session, such as Login.
	NeedsSession bool
}

// Pair is a key with its value. The value may contain placeholders.
type Pair struct{ Key, Value string }

// Purpose is one use of a command. Pairs are the pairs of the request that differ from the
// base request.
type Purpose struct {
	Verb  Verb
	Pairs []Pair
}

// Verb names an action that commands of such servers perform.
type Verb string

// The verbs that a file can use.
const (
	VerbLogin   Verb = "login"   // begins the session of {me}
	VerbLogout  Verb = "logout"  // ends the session of {me}
	VerbStatus  Verb = "status"  // sets what others see of {me}
	VerbFriends Verb = "friends" // lists the friends
	VerbOnline  Verb = "online"  // lists friends that appear online, with their visible status
	VerbInfo    Verb = "info"    // returns the profile of {to}
	VerbFind    Verb = "find"    // searches accounts
	VerbAdd     Verb = "add"     // adds {to} as a friend, if {to} admits everybody
	VerbRequest Verb = "request" // asks {to} to be a friend
	VerbAccept  Verb = "accept"  // accepts the friend request of {to}
	VerbReject  Verb = "reject"  // rejects the friend request of {to}
	VerbDelete  Verb = "delete"  // ends the friendship with {to}
	VerbSend    Verb = "send"    // sends {text} to {to}
	VerbReceive Verb = "receive" // collects messages
	VerbRead    Verb = "read"    // any other command that changes nothing
)

// Parameter describes one key of a command's request.
type Parameter struct {
	Key    string
	Type   ParameterType
	Values []string // of an enum
	// Min and Max bound a number or a count. "" means unknown.
	Min, Max string
	// Declared is true for parameters from the file, false for inferred ones.
	Declared bool
	Line     int
}

// ParameterType is the kind of value that a parameter takes.
type ParameterType string

// The types. A type that the file does not declare is inferred, see [File.TypeOf].
const (
	TypeConstant    ParameterType = "constant" // always the same, such as the name of a client
	TypeVersion     ParameterType = "version"  // protocol version
	TypeCommandName ParameterType = "name"     // command name
	TypeMark        ParameterType = "mark"     // request identifier chosen by the client: {seq}
	TypeSelf        ParameterType = "self"     // the acting account: {me}
	TypeTarget      ParameterType = "target"   // another account: {to}
	TypeSecret      ParameterType = "secret"   // password proof: {secret}, {md5(secret)}
	TypeText        ParameterType = "text"     // text written by a user: {text}
	TypeCount       ParameterType = "count"    // maximum number of list elements
	TypeCursor      ParameterType = "cursor"   // position in a list
	TypeNumber      ParameterType = "number"
	TypeEnum        ParameterType = "enum" // one of Values
	TypeOpaque      ParameterType = "opaque"
)

// ResetMethod says how to bring the server back to the state in which each experiment
// begins.
type ResetMethod struct {
	Kind ResetKind
	// URL receives a POST. It is absolute, or relative to the server's URL.
	URL string
}

// ResetKind is the kind of reset.
type ResetKind string

// The kinds of resets.
const (
	ResetURL      ResetKind = "url"      // POST to a control URL
	ResetPool     ResetKind = "pool"     // use fresh accounts
	ResetCommands ResetKind = "commands" // collect, log out, and restore the friendships in Friends
)

// ServerClock says how time passes. A test server has a control URL that takes a POST of
// seconds and advances its clock. Without a URL, the prober waits in real time.
type ServerClock struct{ URL string }

// Scenario is a named sequence of steps.
type Scenario struct {
	Name  string
	Steps []Step
}

// Limits bound the load on a server.
type Limits struct {
	Requests    int           // in all
	RequestRate float64       // requests a second, 0: no limit
	TotalTime   time.Duration // in all, 0: no limit
	// FailedLogins is how many logins of an account may fail between two successful ones.
	// If FailedLoginPeriod is not 0, it also bounds the failures in each such period.
	// Neither applies if a control URL resets the server.
	FailedLogins      int
	FailedLoginPeriod time.Duration
	LongestWait       time.Duration // the longest single wait where time is real
}

// Permissions allow what the prober does not do by default.
type Permissions struct {
	Destructive bool
	// Hosts are names or addresses of remote servers that may be studied with --remote.
	Hosts []string
}
