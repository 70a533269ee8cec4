// Package finding defines the results of a study: the types of protocol.json and
// differences.json. Packages study and compare fill them in, package report renders them.
// This package has no logic.
package finding

// Schema is the value of "schema" in protocol.json. schema.json describes the format.
const Schema = "rookery-probe-protocol-1"

// Study holds all results about one server, or about two that were compared.
type Study struct {
	Schema string `json:"schema"`
	// Name is the name in the experiment file.
	Name string `json:"name"`
	// Servers are one URL, or two URLs that were compared.
	Servers  []string `json:"servers"`
	Began    string   `json:"began"` // RFC 3339
	Seed     uint64   `json:"seed"`
	Budget   int      `json:"budget"`   // requests allowed to each server
	Requests []int    `json:"requests"` // requests sent to each server
	Tries    int      `json:"tries"`    // experiments, repetitions included
	Faults   int      `json:"faults"`   // transport failures; they do not count as answers
	Seconds  float64  `json:"seconds"`
	// Experiment is the text of the experiment file.
	Experiment string `json:"experiment,omitempty"`
	// Stopped says why the study ended early. It is empty for a complete study.
	Stopped string `json:"stopped,omitempty"`

	Commands []CommandSummary `json:"commands"`
	// Scenarios are in the order of the experiment file.
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
	// Sightings are differences that did not show again when the same steps were repeated.
	Sightings []ServerDifference `json:"sightings,omitempty"`
	Phases    []PhaseSummary     `json:"phases,omitempty"`
}

// CommandSummary summarizes one command of the server.
type CommandSummary struct {
	Name        string   `json:"name"`
	Purposes    []string `json:"does,omitempty"` // verbs from the experiment file
	Works       bool     `json:"works"`          // whether its base request succeeded
	Session     string   `json:"session"`        // needed, not needed, not known
	RequestKeys []string `json:"parameters"`     // keys of the request
	AnswerKeys  []string `json:"fields"`         // keys of the answer, in order
	Effect      string   `json:"effect,omitempty"`
	Example     Exchange `json:"example"`
}

// Exchange is a request and its answer. Placeholders replace secrets.
type Exchange struct {
	ID       string `json:"id"` // ID of the transcript's entry
	Request  string `json:"request"`
	Response string `json:"response"`
}

// ScenarioRecord is a scenario of the experiment file with what was sent and answered.
type ScenarioRecord struct {
	Name  string         `json:"name"`
	Steps []ScenarioStep `json:"steps"`
	// Facts are the IDs of the facts that the scenario's answers show.
	Facts []string `json:"facts,omitempty"`
}

// ScenarioStep is a request with its answer, or a wait.
type ScenarioStep struct {
	Step     string   `json:"step"`           // step notation of experiment files
	Wait     float64  `json:"wait,omitempty"` // seconds
	Exchange Exchange `json:"exchange"`
}

// Grade says how certain a fact is.
type Grade string

// The grades, most certain first.
const (
	Confirmed Grade = "confirmed" // seen often enough, in two sessions; attempts to refute it failed
	Observed  Grade = "observed"  // seen Observations times
	Inferred  Grade = "inferred"  // follows from other facts; not seen itself
	Contested Grade = "contested" // both the fact and its opposite were seen
	Refuted   Grade = "refuted"   // assumed, then shown wrong
	Untested  Grade = "untested"
)

// Grades returns all grades, most certain first.
func Grades() []Grade {
	return []Grade{Confirmed, Observed, Inferred, Contested, Refuted, Untested}
}

// Fact is one statement about the server.
type Fact struct {
	// ID is made of command, name and claim. It is the same in each study that finds the
	// fact.
	ID      string `json:"id"`
	Command string `json:"command"` // "*" for all commands
	Aspect  Aspect `json:"aspect"`
	Name    string `json:"name"`  // key, transition or timer
	Claim   string `json:"claim"` // one word: required, default, maximum, echo ...
	Value   string `json:"value"` // the claim's value, "" for none
	// Statement is the fact as an English sentence.
	Statement string `json:"statement"`
	Grade     Grade  `json:"grade"`
	// Observations, Sessions and Attacks count the experiments that support the fact. An
	// attack is an experiment that tries to refute it.
	Observations int `json:"observations"`
	Sessions     int `json:"sessions"`
	Attacks      int `json:"attacks,omitempty"`
	// Scope is the state in which the fact was seen, such as "logged in".
	Scope string `json:"scope,omitempty"`
	// Bound says how certain an absence is.
	Bound string `json:"bound,omitempty"`
	// Evidence and Against are IDs of transcript entries. Against is set for contested
	// facts.
	Evidence []string `json:"evidence,omitempty"`
	Against  []string `json:"against,omitempty"`
	// Witness is an experiment that shows the fact, with the expected answers.
	Witness []WitnessStep `json:"witness,omitempty"`
	// Replay is a shell command line that shows the fact again.
	Replay string `json:"replay,omitempty"`
}

// WitnessStep is a step in step notation and its answer in normal form: names of the
// values that were sent replace the values.
type WitnessStep struct {
	Step   string `json:"step"`
	Answer string `json:"answer,omitempty"`
}

// Aspect is the part of the protocol that a fact belongs to.
type Aspect string

// The aspects.
const (
	AspectParameter  Aspect = "parameter"  // values and defaults of request keys, also duplicates, case, version
	AspectField      Aspect = "field"      // content of answer fields
	AspectPaging     Aspect = "paging"     // order, bounds and positions of lists
	AspectSession    Aspect = "session"    // who counts as logged in
	AspectTimer      Aspect = "timer"      // durations, idle or absolute, and what refreshes them
	AspectPresence   Aspect = "presence"   // who sees which status
	AspectMessage    Aspect = "message"    // delivery, duplicates, order, marks
	AspectFriendship Aspect = "friendship" // lists and requests
	AspectEncoding   Aspect = "encoding"   // escapes and charsets
	AspectTransport  Aspect = "transport"  // HTTP, connections, missing answers
	AspectLimit      Aspect = "limit"      // how many requests of a kind are answered, and what follows
)

// Aspects returns all aspects in the order of reports.
func Aspects() []Aspect {
	return []Aspect{AspectSession, AspectParameter, AspectField, AspectPaging, AspectTimer, AspectPresence,
		AspectMessage, AspectFriendship, AspectEncoding, AspectTransport, AspectLimit}
}

// MatrixRow holds the results of varying one parameter of one command.
type MatrixRow struct {
	Command string       `json:"command"`
	Key     string       `json:"key"`
	Type    string       `json:"type"`
	Base    Exchange     `json:"base"`
	Cells   []MatrixCell `json:"cells"`
}

// MatrixCell is the result of one variant of one parameter.
type MatrixCell struct {
	// Variant names the change, such as absent, empty or negative. Equal names share a
	// column.
	Variant string `json:"variant"`
	// Outcome is same, other, refused, no session, nothing, or status.
	Outcome string `json:"outcome"`
	// Code is the code of the answer.
	Code     string   `json:"code,omitempty"`
	Exchange Exchange `json:"exchange"`
}

// AnswerField is one field of one command's answer.
type AnswerField struct {
	Command string `json:"command"`
	Key     string `json:"key"`
	// Place is the position in the answer, from 1.
	Place int `json:"place"`
	// Kind is echo, constant, enum, counter, clock, fresh, number, text, or list.
	Kind string `json:"kind"`
	// Of is what the field echoes, counts, or lists.
	Of     string   `json:"of,omitempty"`
	Values []string `json:"values,omitempty"` // some of the values that were seen
	// When is the condition under which the field is present, "" for always.
	When  string `json:"when,omitempty"`
	Grade Grade  `json:"grade"`
}

// CodeUsage counts the answers with one code by command and state.
type CodeUsage struct {
	Command string   `json:"command"`
	State   string   `json:"state"` // logged in, never logged in, logged out ...
	Code    string   `json:"code"`
	Count   int      `json:"count"`
	Example Exchange `json:"example"`
}

// PageWalk is a list that was read page by page.
type PageWalk struct {
	Command string     `json:"command"`
	Role    string     `json:"role"`
	Size    int        `json:"size"` // elements requested per page
	Pages   []ListPage `json:"pages"`
	Ended   string     `json:"ended"` // how the end was recognized
}

// ListPage is one page of a PageWalk.
type ListPage struct {
	Cursor   string   `json:"cursor"`
	Elements []string `json:"elements"`
	Marker   string   `json:"marker,omitempty"` // the field that says whether more pages follow
	ID       string   `json:"id"`
}

// StateMachine is a learned Mealy machine.
type StateMachine struct {
	Aspect      string              `json:"aspect"`
	Inputs      []string            `json:"inputs"`
	States      []MachineState      `json:"states"` // the first is the initial state
	Transitions []MachineTransition `json:"transitions"`
	Queries     int                 `json:"queries"`
	// Guarantee is a sentence such as: complete up to n states, m random tests without a
	// counterexample.
	Guarantee string `json:"guarantee"`
	DOT       string `json:"dot"`
}

// MachineState is a state of a machine. Access is the shortest input sequence that leads
// to it.
type MachineState struct {
	Name   string   `json:"name"`
	Access []string `json:"access"`
}

// MachineTransition is the output and the next state for one input in one state.
type MachineTransition struct {
	From   string `json:"from"`
	Input  string `json:"input"`
	Output string `json:"output"`
	To     string `json:"to"`
}

// Timer is a duration that the server enforces.
type Timer struct {
	Name string `json:"name"`
	// Low and High bound the duration, in seconds. At Low the timer had not expired, at
	// High it had.
	Low         float64      `json:"low"`
	High        float64      `json:"high"`
	Kind        string       `json:"kind"` // idle, absolute, not known
	RefreshedBy []string     `json:"refreshed_by,omitempty"`
	NotBy       []string     `json:"not_refreshed_by,omitempty"`
	Points      []TimerPoint `json:"points"`
}

// TimerPoint is one measurement of a timer.
type TimerPoint struct {
	After float64 `json:"after"` // seconds
	Alive bool    `json:"alive"`
	ID    string  `json:"id"`
}

// VolatileField is a field whose value differs between equal requests.
type VolatileField struct {
	Command string   `json:"command"`
	Key     string   `json:"key"`
	Values  []string `json:"values"`
}

// UntestedItem names something that was not tested, and the reason.
type UntestedItem struct {
	What string `json:"what"`
	Why  string `json:"why"`
	// Requests estimates how many more requests a test would take. 0 means unknown.
	Requests int `json:"requests,omitempty"`
}

// PhaseSummary describes one phase of a study.
type PhaseSummary struct {
	Name     string  `json:"name"`
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
	Facts    int     `json:"facts"`
	Ended    string  `json:"ended,omitempty"` // reason, if it ended early
}

// ServerDifference is a difference between two servers, as in differences.json.
type ServerDifference struct {
	Command string           `json:"command"`
	Aspect  Aspect           `json:"aspect"`
	Name    string           `json:"name"`
	Summary string           `json:"summary"`
	Witness []PairedExchange `json:"witness"`
	// Replayed says in how many of its repetitions the witness showed the difference, such
	// as "3 of 3".
	Replayed string `json:"replayed"`
	// Commands are all whose answers differ alike.
	Commands []string `json:"commands,omitempty"`
}

// PairedExchange is a step sent to both servers: a wait, or a request with two answers.
type PairedExchange struct {
	Role    string  `json:"role,omitempty"`
	Wait    float64 `json:"wait,omitempty"` // seconds
	Request string  `json:"request,omitempty"`
	// RequestBase64 is set if the request is not UTF-8.
	RequestBase64 []byte `json:"request_base64,omitempty"`
	A             string `json:"a,omitempty"`
	B             string `json:"b,omitempty"`
	// From is the client address, if it is not the first one. HTTP is the form of HTTP, if
	// it is not the usual one. Step is the step in step notation.
	From string `json:"from,omitempty"`
	HTTP string `json:"http,omitempty"`
	Step string `json:"step"`
}
