package probetest

import (
	"fmt"
	"strings"
)

// A Dialect is all words of the wire. The behaviour knows only the names of
// this file, so a dialect renames the protocol and changes nothing of it.
type Dialect struct {
	Name string

	Pair    byte   // between two pairs: &
	Assign  byte   // between a key and its value: =
	ListEnd string // behind each element of a list: a comma
	Escape  byte   // begins an escape, two hex digits follow: %
	Escaped string // what is escaped in an answer, one byte each
	NewLine string // what a line end in an answer becomes

	Versions []Version
	Unspoken string // a version that is not spoken, for the mutant that does
	NoAnswer string // to a version that is not spoken: NULL

	Commands [CommandCount]string
	Keys     [KeyCount]string
	Head     []Key               // the pairs that every answer begins with
	Fields   [CommandCount][]Key // the order of those behind them

	Codes    [CodeCount]string
	Statuses [StatusCount]string
	Types    [TypeCount]string // of messages
	Results  [2]string         // of a Login: done, failed
	Last     [2]string         // more to come, the last page
	End      string            // what SimpleInfo2 ends with
	Proofs   [ProofCount]string
	Levels   [3]string // of GetInfo: brief, normal, detailed
	Added    [AddedCount]string
	Choices  [ChoiceCount]string
}

// A Version is what differs between the versions of one dialect.
type Version struct {
	Name        string
	LineEnd     string             // behind an answer
	Spelt       map[Command]string // commands that its answers spell otherwise
	Batch       int                // how many bytes an answer with messages may have
	AllStatuses bool               // older clients know three
}

// Commands.
type Command int

const (
	Unknown Command = iota - 1
	CmdLogin
	CmdLogout
	CmdChangeStat
	CmdList
	CmdQueryStat
	CmdQueryStat2
	CmdSimpleInfo2
	CmdGetInfo
	CmdAddToList
	CmdAckAddToList
	CmdDelFromList
	CmdFinger
	CmdMessage
	CmdCollect
	CommandCount
)

// Keys of requests and of answers. What HTTP QQ calls UN, RS or MT is several
// things, each of which has its own name here.
type Key int

const (
	KeyVersion Key = iota
	KeyCommand
	KeySeq
	KeyAccount
	KeyCode
	KeyReason
	KeyTime // only with Config.Time

	KeyPassword
	KeyProof
	KeyClient
	KeyStatus // also the list of them
	KeyMost
	KeyAfter // begin after this account
	KeyTarget
	KeyLevel
	KeyChoice // also AddToList's answer
	KeyWords
	KeyText

	KeyResult
	KeyInterval
	KeyLifetime
	KeyLast
	KeySize
	KeyNumbers
	KeyNext
	KeyMessages
	KeyTypes
	KeySenders
	KeyTexts
	KeyExtra // only one mutant has it

	// The profile.
	KeyAddress
	KeyAge
	KeyBlood
	KeyStar
	KeyCity
	KeyCV
	KeyCountry
	KeyMail
	KeyFace
	KeyHome
	KeyID
	KeyJob
	KeyMobile
	KeyMT
	KeyMV
	KeyPostCode
	KeyPhone
	KeyAbout
	KeyProvince
	KeyRealName
	KeySchool
	KeyAnimal
	KeySex
	KeyNick
	KeyCount
)

// Codes of answers.
type Code int

const (
	Done Code = iota
	NotLoggedIn
	NoAccount
	WrongParameter
	UnknownCommand
	Refused
	CodeCount
)

// Statuses.
type Status int

const (
	Online Status = iota
	Offline
	Away
	Invisible
	Busy
	TalkToMe
	DoNotDisturb
	StatusCount
)

// Types of messages.
type Type int

const (
	TypeText Type = iota
	TypeStatus
	TypeAsks
	TypeAccepted
	TypeRejected
	TypeAdded
	TypeCount
)

// How a password is proved. ProofOther is a value without meaning.
type Proof int

const (
	ProofPlain Proof = iota
	ProofMD5
	ProofOther
	ProofCount
)

// What AddToList answers.
type Added int

const (
	AddedNow Added = iota
	AddedAsk
	AddedNobody
	AddedClosed
	AddedCount
)

// What Ack_AddToList says.
type Choice int

const (
	Accept Choice = iota
	Reject
	Ask
	ChoiceCount
)

// brief, normal and detailed are places in Dialect.Levels.
const (
	brief = iota
	normal
	detailed
)

// CommandName is the dialect's word for a command of HTTP QQ. What is no
// command, such as the "*" of a label, stays as it is. No dialect is HTTP QQ.
func (d *Dialect) CommandName(httpqq string) string {
	if d == nil {
		return httpqq
	}
	for i, name := range httpQQ.Commands {
		if name == httpqq {
			return d.Commands[i]
		}
	}
	return httpqq
}

// command looks up a word, in either case unless exact.
func (d *Dialect) command(word string, exact bool) Command {
	for i, name := range d.Commands {
		if name == word || !exact && strings.EqualFold(name, word) {
			return Command(i)
		}
	}
	return Unknown
}

func (d *Dialect) version(word string) *Version {
	for i := range d.Versions {
		if d.Versions[i].Name == word {
			return &d.Versions[i]
		}
	}
	return nil
}

// indexOf is the place of a word in a table, -1 if it is not there.
func indexOf(table []string, word string) int {
	for i, w := range table {
		if w == word {
			return i
		}
	}
	return -1
}

// check finds what a table lacks.
func (d *Dialect) check() error {
	for i, name := range d.Commands {
		if name == "" || len(d.Fields[i]) == 0 && Command(i) != CmdLogout && Command(i) != CmdChangeStat && Command(i) != CmdMessage {
			return fmt.Errorf("dialect %s: command %d has no name or no fields", d.Name, i)
		}
	}
	for i, name := range d.Keys {
		if name == "" {
			return fmt.Errorf("dialect %s: key %d has no name", d.Name, i)
		}
	}
	if len(d.Versions) == 0 || len(d.Head) == 0 || d.NoAnswer == "" {
		return fmt.Errorf("dialect %s: versions, head or the answer to an unknown version are missing", d.Name)
	}
	return nil
}

// httpQQ is the dialect of PROTOCOL.md.
var httpQQ = &Dialect{
	Name:    "HTTP QQ",
	Pair:    '&',
	Assign:  '=',
	ListEnd: ",",
	Escape:  '%',
	Escaped: "%&,",
	NewLine: "\r",
	Versions: []Version{
		{Name: "1.0", Batch: 8 << 10},
		{Name: "1.1", Batch: 8 << 10},
		{Name: "1.2", Batch: 8 << 10},
		{Name: "1.3", Batch: 8 << 10},
		{Name: "1.4", Batch: 32 << 10, LineEnd: "\r\n", AllStatuses: true, Spelt: map[Command]string{
			CmdQueryStat2: "QUERY_STAT2", CmdSimpleInfo2: "SIMPLEINFO2", CmdGetInfo: "GETINFO",
		}},
	},
	Unspoken: "1.5",
	NoAnswer: "NULL",
	Commands: [CommandCount]string{
		CmdLogin: "Login", CmdLogout: "Logout", CmdChangeStat: "Change_Stat",
		CmdList: "List", CmdQueryStat: "Query_Stat", CmdQueryStat2: "Query_Stat2", CmdSimpleInfo2: "SimpleInfo2",
		CmdGetInfo: "GetInfo", CmdAddToList: "AddToList", CmdAckAddToList: "Ack_AddToList", CmdDelFromList: "DelFromList",
		CmdFinger: "Finger", CmdMessage: "CLTMSG", CmdCollect: "GetMsgEx",
	},
	Keys: [KeyCount]string{
		KeyVersion: "VER", KeyCommand: "CMD", KeySeq: "SEQ", KeyAccount: "UIN", KeyCode: "RES", KeyReason: "RA", KeyTime: "TM",
		KeyPassword: "PS", KeyProof: "M5", KeyClient: "LC", KeyStatus: "ST", KeyMost: "TN", KeyAfter: "UN", KeyTarget: "UN",
		KeyLevel: "LV", KeyChoice: "CD", KeyWords: "RS", KeyText: "MG",
		KeyResult: "RS", KeyInterval: "HI", KeyLifetime: "LI", KeyLast: "FN", KeySize: "SN", KeyNumbers: "UN", KeyNext: "NP",
		KeyMessages: "MN", KeyTypes: "MT", KeySenders: "UN", KeyTexts: "MG", KeyExtra: "EX",
		KeyAddress: "AD", KeyAge: "AG", KeyBlood: "BT", KeyStar: "CO", KeyCity: "CT", KeyCV: "CV", KeyCountry: "CY",
		KeyMail: "EM", KeyFace: "FC", KeyHome: "HP", KeyID: "ID", KeyJob: "JB", KeyMobile: "MO", KeyMT: "MT", KeyMV: "MV",
		KeyPostCode: "PC", KeyPhone: "PH", KeyAbout: "PR", KeyProvince: "PV", KeyRealName: "RN", KeySchool: "SC",
		KeyAnimal: "SH", KeySex: "SX", KeyNick: "NK",
	},
	Head: []Key{KeyVersion, KeyCommand, KeySeq, KeyAccount, KeyCode},
	Fields: [CommandCount][]Key{
		CmdLogin:       {KeyResult, KeyInterval, KeyLifetime},
		CmdList:        {KeyLast, KeySize, KeyNumbers},
		CmdQueryStat:   {KeyFace, KeyLast, KeySize, KeyStatus, KeyNumbers, KeyNick},
		CmdQueryStat2:  {KeyLast, KeySize, KeyStatus, KeyNumbers},
		CmdSimpleInfo2: {KeyNext, KeySize, KeyNumbers, KeyFace, KeyNick},
		CmdGetInfo: {KeyAddress, KeyAge, KeyBlood, KeyStar, KeyCity, KeyCV, KeyCountry, KeyMail, KeyFace, KeyHome, KeyID, KeyJob,
			KeyLevel, KeyMobile, KeyMT, KeyMV, KeyPostCode, KeyPhone, KeyAbout, KeyProvince, KeyRealName, KeySchool, KeyAnimal,
			KeySex, KeyTarget, KeyNick},
		CmdAddToList:    {KeyChoice, KeyTarget},
		CmdAckAddToList: {KeyTarget, KeyChoice},
		CmdDelFromList:  {KeyTarget},
		CmdFinger:       {KeyLast, KeySize, KeyNumbers, KeyNick, KeyFace, KeySex, KeyAge, KeyProvince},
		CmdCollect:      {KeyMessages, KeyTypes, KeySenders, KeyTexts},
	},
	Codes: [CodeCount]string{
		Done: "0", NotLoggedIn: "20", NoAccount: "5", WrongParameter: "1", UnknownCommand: "2", Refused: "3",
	},
	Statuses: [StatusCount]string{
		Online: "10", Offline: "20", Away: "30", Invisible: "40", Busy: "50", TalkToMe: "60", DoNotDisturb: "70",
	},
	Types: [TypeCount]string{
		TypeText: "9", TypeStatus: "99", TypeAsks: "2", TypeAccepted: "3", TypeRejected: "4", TypeAdded: "1",
	},
	Results: [2]string{"0", "1"},
	Last:    [2]string{"0", "1"},
	End:     "65535",
	Proofs:  [ProofCount]string{ProofPlain: "0", ProofMD5: "1", ProofOther: "2"},
	Levels:  [3]string{"1", "2", "3"},
	Added:   [AddedCount]string{AddedNow: "0", AddedAsk: "1", AddedNobody: "2", AddedClosed: "3"},
	Choices: [ChoiceCount]string{Accept: "0", Reject: "1", Ask: "2"},
}
