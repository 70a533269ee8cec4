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
	Pool   *Pool
	Syntax Syntax
	Answer Answer
	// Parameters are what is known of keys that many commands have; a command's own
	// say more.
	Parameters []Parameter
	// Commands are in the file's order.
	Commands []*Command
	Reset    Reset
	Clock    Clock
	// Friends are pairs of roles that are friends after a reset.
	Friends [][2]string
	// Setup are steps that are taken after each reset, in the notation of [Step].
	Setup []Step
	// Scenarios are the user's own, asked by name.
	Scenarios []Scenario
	Limits    Limits
	Allow     Allow

	// source is the text that the file was parsed from.
	source []byte
}

// An Account is one that the prober may act as.
type Account struct {
	Role   string
	Number string // what {me} stands for
	// Secret is what {secret} stands for. Hidden says that it came from the
	// environment, so that it is written nowhere.
	Secret string
	Hidden bool
	// Line is where the secret stands in the file, and Variable the one of the
	// environment that it names, "" for none.
	Line     int
	Variable string
}

// A Pool is a range of fresh accounts with one secret, of which each experiment
// takes some in place of the roles' own.
type Pool struct {
	First, Last uint64
	Secret      string
	Hidden      bool
	Line        int
	Variable    string
}

// Syntax is how records are written. What a file leaves out is as in HTTP QQ.
type Syntax struct {
	Pair   string // between pairs: "&"
	Equals string // between key and value: "="
	List   string // behind each element of a list: ","
	// Escape begins an escaped byte in a value, two hex digits follow: "%". Empty:
	// there are no escapes.
	Escape string
	// Path is the target of a request: "/".
	Path string
	// Type is the Content-Type of a request: "text/plain; charset=UTF-8".
	Type string
	// Close asks for a connection for each request.
	Close bool
	// Charsets are others than UTF-8 that the server is said to understand when
	// Type declares them, such as gbk.
	Charsets []string
}

// Answer is how answers are read.
type Answer struct {
	// Code is the key of the field that says how it went, such as RES. Empty: none
	// is known.
	Code string
	// Done are the code's values that mean success.
	Done []string
	// NotLoggedIn are the code's values that mean that a session is missing; empty
	// if the prober shall find out.
	NotLoggedIn []string
	// Prose are fields whose wording means nothing, such as a reason for people.
	Prose []string
}

// A Command is one of the server's commands, with a request that is known, or
// thought, to work.
type Command struct {
	Name string
	// Line is where it stands in the file, from 1.
	Line int
	// Request holds the pairs of the base request, with placeholders in the values.
	Request []Pair
	// Does are the purposes that the command serves, each with the pairs by which
	// it differs from the base request. The first is the base request's own.
	// Empty: nothing is known of it.
	Does []Purpose
	// Done are further fields with the values that they must have for success, such
	// as RS=0 behind a Login.
	Done []Pair
	// Parameters are what is known of the request's keys, and of keys that are not
	// in the base request, in the file's order.
	Parameters []Parameter
	// Destructive commands are sent only if Allow says so.
	Destructive bool
	// Session is false for a command that needs none; as Login.
	Session bool
}

// A Pair is a key with its value, which may hold placeholders.
type Pair struct{ Key, Value string }

// A Purpose is what a command is for.
type Purpose struct {
	Verb Verb
	With []Pair
}

// A Verb names what commands of this kind of server do.
type Verb string

// The verbs that a file can use.
const (
	Login   Verb = "login"   // begins the session of {me}
	Logout  Verb = "logout"  // ends it
	Status  Verb = "status"  // sets what others see of {me}
	Friends Verb = "friends" // lists the friends
	Online  Verb = "online"  // lists friends who look online, with what they show
	Info    Verb = "info"    // tells about {to}
	Find    Verb = "find"    // lists accounts that fit
	Add     Verb = "add"     // adds {to}, if that is open to everybody
	Request Verb = "request" // asks {to} to be a friend
	Accept  Verb = "accept"  // says yes to the request of {to}
	Reject  Verb = "reject"  // says no to it
	Delete  Verb = "delete"  // ends the friendship with {to}
	Send    Verb = "send"    // sends {text} to {to}
	Receive Verb = "receive" // collects what has come
	Read    Verb = "read"    // changes nothing, whatever it tells
)

// A Parameter is what is known of one key of a command's request.
type Parameter struct {
	Key    string
	Type   Type
	Values []string // of an enum
	// Min and Max bound a number or a count, as far as they are known; "" if not.
	Min, Max string
	// Declared is true for what the file says, false for what was inferred.
	Declared bool
	Line     int
}

// A Type is what kind of value a parameter has.
type Type string

// The types. What a file does not say follows from the placeholder in the base
// request, else from the look of its value.
const (
	Constant Type = "constant" // always the same, as a client's name
	Version  Type = "version"  // the protocol's
	Name     Type = "name"     // the command's
	Mark     Type = "mark"     // the client's mark for a request: {seq}
	Self     Type = "self"     // the account that acts: {me}
	Target   Type = "target"   // another account: {to}
	Secret   Type = "secret"   // a proof: {secret}, {md5(secret)}
	Text     Type = "text"     // words of a user: {text}
	Count    Type = "count"    // at most so many elements of a list
	Cursor   Type = "cursor"   // where in a list to go on
	Number   Type = "number"
	Enum     Type = "enum" // one of Values
	Opaque   Type = "opaque"
)

// Reset is how the server comes back to the state in which each experiment
// begins.
type Reset struct {
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

// Clock is what time means. With a URL the server has a clock for tests, which
// a POST of the seconds moves; without, waiting is waiting.
type Clock struct{ URL string }

// A Scenario is a row of steps that the user wants to have tried.
type Scenario struct {
	Name  string
	Steps []Step
}

// Limits bound what is done to a server.
type Limits struct {
	Requests int           // in all
	Rate     float64       // requests a second, 0: no limit
	Time     time.Duration // in all, 0: no limit
	// FailedLogins is how many logins of an account may fail between two right ones, and
	// in each FailedPer if that is not 0. A control URL that resets the server lifts both.
	FailedLogins int
	FailedPer    time.Duration
	Wait         time.Duration // the longest single wait where time is real
}

// Allow is what the file permits beyond the harmless.
type Allow struct {
	Destructive bool
	// Hosts are names or addresses of servers beyond this machine's loopback that
	// may be studied with --remote.
	Hosts []string
}
