// Package finding holds what a study has found: the types of protocol.json and
// differences.json, which reports are made of. It decides nothing.
package finding

// Schema names the form of protocol.json; schema.json describes it.
const Schema = "rookery-probe-protocol-1"

// A Study is all that was found out about one server, or about two.
type Study struct {
	Schema string `json:"schema"`
	// Name is what the experiment file calls it.
	Name string `json:"name"`
	// Servers are the URLs: one, or two that were compared.
	Servers  []string `json:"servers"`
	Began    string   `json:"began"` // RFC 3339
	Seed     uint64   `json:"seed"`
	Budget   int      `json:"budget"`   // requests to each server
	Requests []int    `json:"requests"` // sent to each
	Tries    int      `json:"tries"`    // experiments, with those that were repeated
	Faults   int      `json:"faults"`   // transport failures, which are no answers
	Seconds  float64  `json:"seconds"`
	// Experiment is the text of the experiment file.
	Experiment string `json:"experiment,omitempty"`
	// Stopped is why the study ended before it was whole, "" if it is whole.
	Stopped string `json:"stopped,omitempty"`

	Commands []CommandSummary `json:"commands"`
	// Scenarios are those of the experiment file, in its order.
	Scenarios   []ScenarioRecord   `json:"scenarios,omitempty"`
	Facts       []Fact             `json:"facts"`
	Matrix      []MatrixRow        `json:"matrix,omitempty"`
	Fields      []AnswerField      `json:"fields,omitempty"`
	Codes       []CodeUsage        `json:"codes,omitempty"`
	Walks       []PageWalk         `json:"walks,omitempty"`
	Machines    []StateMachine     `json:"machines,omitempty"`
	Timers      []Timer            `json:"timers,omitempty"`
	Noise       []VolatileField    `json:"noise,omitempty"`
	Untested    []UntestedItem     `json:"untested,omitempty"`
	Differences []ServerDifference `json:"differences,omitempty"`
	// Sightings are differences that were seen, and did not show again.
	Sightings []ServerDifference `json:"sightings,omitempty"`
	Phases    []PhaseSummary     `json:"phases,omitempty"`
}

// A Command is one of the server's commands, in short.
type CommandSummary struct {
	Name        string   `json:"name"`
	Purposes    []string `json:"does,omitempty"` // as the file says
	Works       bool     `json:"works"`          // its base request was done
	Session     string   `json:"session"`        // needed, not needed, not known
	RequestKeys []string `json:"parameters"`     // the keys of its request
	AnswerKeys  []string `json:"fields"`         // the keys of its answer, in their order
	Effect      string   `json:"effect,omitempty"`
	Example     Exchange `json:"example"`
}

// An Exchange is a request and its answer, as they were but for secrets.
type Exchange struct {
	ID       string `json:"id"` // the transcript's entry
	Request  string `json:"request"`
	Response string `json:"response"`
}

// A Scenario is one of the experiment file, as it was sent and answered.
type ScenarioRecord struct {
	Name  string         `json:"name"`
	Steps []ScenarioStep `json:"steps"`
	// Facts are the IDs of the facts that follow from its answers.
	Facts []string `json:"facts,omitempty"`
}

// A ScenarioStep is a step with what was sent and answered, or a wait.
type ScenarioStep struct {
	Step     string   `json:"step"`           // in the notation of experiment files
	Wait     float64  `json:"wait,omitempty"` // seconds
	Exchange Exchange `json:"exchange"`
}

// A Grade says how sure a fact is.
type Grade string

// The grades, surest first.
const (
	Confirmed Grade = "confirmed" // seen often enough, in two sessions, and attacked in vain
	Observed  Grade = "observed"  // seen, as often as Observations says
	Inferred  Grade = "inferred"  // follows from others, not seen itself
	Contested Grade = "contested" // seen, and its opposite too
	Refuted   Grade = "refuted"   // thought, and shown wrong
	Untested  Grade = "untested"
)

// Grades are all grades, surest first.
func Grades() []Grade {
	return []Grade{Confirmed, Observed, Inferred, Contested, Refuted, Untested}
}

// A Fact is one thing that is known of the server.
type Fact struct {
	// ID is the same in each study that finds the fact: command, name and claim.
	ID      string `json:"id"`
	Command string `json:"command"` // "*" for all
	Aspect  Aspect `json:"aspect"`
	Name    string `json:"name"`  // the key, transition or timer
	Claim   string `json:"claim"` // what is claimed of it, in a word: required, default, maximum, echo ...
	Value   string `json:"value"` // the claim's value, "" if it has none
	// Statement is the same for people.
	Statement string `json:"statement"`
	Grade     Grade  `json:"grade"`
	// Observations, Sessions and Attacks count what speaks for it.
	Observations int `json:"observations"`
	Sessions     int `json:"sessions"`
	Attacks      int `json:"attacks,omitempty"`
	// Scope is the state in which it was seen, such as "logged in".
	Scope string `json:"scope,omitempty"`
	// Bound says how sure an absence is.
	Bound string `json:"bound,omitempty"`
	// Evidence are the transcript's entries; of a contested fact those against it are
	// in Against.
	Evidence []string `json:"evidence,omitempty"`
	Against  []string `json:"against,omitempty"`
	// Witness are the steps that show it, with the answers that are expected.
	Witness []WitnessStep `json:"witness,omitempty"`
	// Replay is one line for a shell that shows it again.
	Replay string `json:"replay,omitempty"`
}

// A WitnessStep is a step in the notation of experiment files, and the answer in
// its normal form, with the names of what was sent in place of the values.
type WitnessStep struct {
	Step   string `json:"step"`
	Answer string `json:"answer,omitempty"`
}

// An Aspect is a side of the protocol.
type Aspect string

// The aspects.
const (
	AspectParameter  Aspect = "parameter"  // what a request key accepts or defaults to, also duplicates, case, version
	AspectField      Aspect = "field"      // what an answer field holds
	AspectPaging     Aspect = "paging"     // order, bounds and positions of lists
	AspectSession    Aspect = "session"    // who counts as logged in
	AspectTimer      Aspect = "timer"      // lengths, idle or absolute, what refreshes
	AspectPresence   Aspect = "presence"   // who sees which status
	AspectMessage    Aspect = "message"    // arriving, doubling, order, marks
	AspectFriendship Aspect = "friendship" // lists and requests
	AspectEncoding   Aspect = "encoding"   // escapes and charsets
	AspectTransport  Aspect = "transport"  // HTTP, connections, no answer at all
	AspectLimit      Aspect = "limit"      // how many requests of a kind are answered, and what then
)

// Aspects are all aspects.
func Aspects() []Aspect {
	return []Aspect{AspectSession, AspectParameter, AspectField, AspectPaging, AspectTimer, AspectPresence, AspectMessage, AspectFriendship, AspectEncoding, AspectTransport, AspectLimit}
}

// A MatrixRow is one parameter of one command, and what became of its variants.
type MatrixRow struct {
	Command string       `json:"command"`
	Key     string       `json:"key"`
	Type    string       `json:"type"`
	Base    Exchange     `json:"base"`
	Cells   []MatrixCell `json:"cells"`
}

// A Cell is one variant of one parameter.
type MatrixCell struct {
	// Variant is what was changed, such as absent, empty, negative; columns are made
	// of equal ones.
	Variant string `json:"variant"`
	// Outcome is same, other, refused, no session, nothing, or status.
	Outcome string `json:"outcome"`
	// Code is the answer's code.
	Code     string   `json:"code,omitempty"`
	Exchange Exchange `json:"exchange"`
}

// A Field is one field of one command's answer.
type AnswerField struct {
	Command string `json:"command"`
	Key     string `json:"key"`
	// Place is where it stands in the answer, from 1.
	Place int `json:"place"`
	// Kind is echo, constant, enum, counter, clock, fresh, number, text, or list.
	Kind string `json:"kind"`
	// Of is what it echoes, counts, or lists.
	Of     string   `json:"of,omitempty"`
	Values []string `json:"values,omitempty"` // those that were seen, a few
	// When says when the field is there, "" for always.
	When  string `json:"when,omitempty"`
	Grade Grade  `json:"grade"`
}

// A CodeUsage counts an answer's code by command and state.
type CodeUsage struct {
	Command string   `json:"command"`
	State   string   `json:"state"` // logged in, never logged in, logged out ...
	Code    string   `json:"code"`
	Count   int      `json:"count"`
	Example Exchange `json:"example"`
}

// A Walk is a list that was read page by page.
type PageWalk struct {
	Command string     `json:"command"`
	Role    string     `json:"role"`
	Size    int        `json:"size"` // asked for, of each page
	Pages   []ListPage `json:"pages"`
	Ended   string     `json:"ended"` // how it was known that there are no more
}

// A Page is one page of a walk.
type ListPage struct {
	Cursor   string   `json:"cursor"`
	Elements []string `json:"elements"`
	Marker   string   `json:"marker,omitempty"` // the field that says whether there are more
	ID       string   `json:"id"`
}

// A Machine is a Mealy machine that was learned.
type StateMachine struct {
	Aspect      string              `json:"aspect"`
	Inputs      []string            `json:"inputs"`
	States      []MachineState      `json:"states"` // the first is where it begins
	Transitions []MachineTransition `json:"transitions"`
	Queries     int                 `json:"queries"`
	// Guarantee is a sentence: complete up to n states, m random tests without a
	// counterexample.
	Guarantee string `json:"guarantee"`
	DOT       string `json:"dot"`
}

// A State is a state of a machine, with the shortest way to it.
type MachineState struct {
	Name   string   `json:"name"`
	Access []string `json:"access"`
}

// A Transition is what a machine does on an input.
type MachineTransition struct {
	From   string `json:"from"`
	Input  string `json:"input"`
	Output string `json:"output"`
	To     string `json:"to"`
}

// A Timer is a time that the server keeps.
type Timer struct {
	Name string `json:"name"`
	// Low and High bound it, in seconds: at Low it had not run out, at High it had.
	Low         float64      `json:"low"`
	High        float64      `json:"high"`
	Kind        string       `json:"kind"` // idle, absolute, not known
	RefreshedBy []string     `json:"refreshed_by,omitempty"`
	NotBy       []string     `json:"not_refreshed_by,omitempty"`
	Points      []TimerPoint `json:"points"`
}

// A TimerPoint is one look at a timer.
type TimerPoint struct {
	After float64 `json:"after"` // seconds
	Alive bool    `json:"alive"`
	ID    string  `json:"id"`
}

// A Noise is a field that differs between equal requests.
type VolatileField struct {
	Command string   `json:"command"`
	Key     string   `json:"key"`
	Values  []string `json:"values"`
}

// A Gap is what was not tested, and why.
type UntestedItem struct {
	What string `json:"what"`
	Why  string `json:"why"`
	// Requests is about how many more would test it, 0 if that is not known.
	Requests int `json:"requests,omitempty"`
}

// A Phase is a part of a study.
type PhaseSummary struct {
	Name     string  `json:"name"`
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
	Facts    int     `json:"facts"`
	Ended    string  `json:"ended,omitempty"` // why, if early
}

// A Difference is one between two servers, as differences.json has it.
type ServerDifference struct {
	Command string           `json:"command"`
	Aspect  Aspect           `json:"aspect"`
	Name    string           `json:"name"`
	Summary string           `json:"summary"`
	Witness []PairedExchange `json:"witness"`
	// Replayed is how often the witness showed the difference, of how many times.
	Replayed string `json:"replayed"`
	// Commands are all whose answers differ alike.
	Commands []string `json:"commands,omitempty"`
}

// A Both is a step that both servers were asked: a wait, or a request.
type PairedExchange struct {
	Role    string  `json:"role,omitempty"`
	Wait    float64 `json:"wait,omitempty"` // seconds
	Request string  `json:"request,omitempty"`
	// RequestBase64 is there if the request is no UTF-8.
	RequestBase64 []byte `json:"request_base64,omitempty"`
	A             string `json:"a,omitempty"`
	B             string `json:"b,omitempty"`
	// From is the address it is asked from, if not the first; HTTP the form of HTTP,
	// if not the usual one; Step the step in the notation of experiment files.
	From string `json:"from,omitempty"`
	HTTP string `json:"http,omitempty"`
	Step string `json:"step"`
}
