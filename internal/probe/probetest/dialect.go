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

	Versions []dialectVersion
	Unspoken string // a version that is not spoken, for the mutant that does
	NoAnswer string // to a version that is not spoken: NULL

	Commands [commandCount]string
	Keys     [keyCount]string
	Head     []keyID               // the pairs that every answer begins with
	Fields   [commandCount][]keyID // the order of those behind them

	Codes    [codeCount]string
	Statuses [statusCount]string
	Types    [typeCount]string // of messages
	Results  [2]string         // of a Login: done, failed
	Last     [2]string         // more to come, the last page
	End      string            // what SimpleInfo2 ends with
	Proofs   [proofCount]string
	Levels   [3]string // of GetInfo: brief, normal, detailed
	Added    [addedCount]string
	Choices  [choiceCount]string
}

// A Version is what differs between the versions of one dialect.
type dialectVersion struct {
	Name        string
	LineEnd     string               // behind an answer
	Spelt       map[commandID]string // commands that its answers spell otherwise
	Batch       int                  // how many bytes an answer with messages may have
	AllStatuses bool                 // older clients know three
}

// Commands.
type commandID int

const (
	cmdUnknown commandID = iota - 1
	cmdLogin
	cmdLogout
	cmdChangeStat
	cmdList
	cmdQueryStat
	cmdQueryStat2
	cmdSimpleInfo2
	cmdGetInfo
	cmdAddToList
	cmdAckAddToList
	cmdDelFromList
	cmdFinger
	cmdMessage
	cmdCollect
	commandCount
)

// Keys of requests and of answers. What HTTP QQ calls UN, RS or MT is several
// things, each of which has its own name here.
type keyID int

const (
	keyVersion keyID = iota
	keyCommand
	keySeq
	keyAccount
	keyCode
	keyReason
	keyTime // only with Config.Time

	keyPassword
	keyProof
	keyClient
	keyStatus // also the list of them
	keyMaxCount
	keyAfter // begin after this account
	keyTarget
	keyLevel
	keyChoice // also AddToList's answer
	keyWords
	keyText

	keyResult
	keyInterval
	keyLifetime
	keyLast
	keySize
	keyNumbers
	keyNext
	keyMessages
	keyTypes
	keySenders
	keyTexts
	keyExtra // only one mutant has it

	// The profile.
	keyAddress
	keyAge
	keyBlood
	keyStar
	keyCity
	keyProfileCV
	keyCountry
	keyMail
	keyFace
	keyHome
	keyProfileID
	keyJob
	keyMobile
	keyProfileMT
	keyProfileMV
	keyPostCode
	keyPhone
	keyAbout
	keyProvince
	keyRealName
	keySchool
	keyAnimal
	keySex
	keyNick
	keyCount
)

// Codes of answers.
type answerCode int

const (
	codeDone answerCode = iota
	codeNotLoggedIn
	codeNoAccount
	codeWrongParameter
	codeUnknownCommand
	codeRefused
	codeCount
)

// Statuses.
type statusID int

const (
	statusOnline statusID = iota
	statusOffline
	statusAway
	statusInvisible
	statusBusy
	statusTalkToMe
	statusDoNotDisturb
	statusCount
)

// Types of messages.
type messageType int

const (
	typeText messageType = iota
	typeStatus
	typeRequest
	typeAccepted
	typeRejected
	typeAdded
	typeCount
)

// How a password is proved. proofOther is a value without meaning.
type proofKind int

const (
	proofPlain proofKind = iota
	proofMD5
	proofOther
	proofCount
)

// What AddToList answers.
type addResult int

const (
	addedNow addResult = iota
	addedAsk
	addedNobody
	addedClosed
	addedCount
)

// What Ack_AddToList says.
type friendChoice int

const (
	choiceAccept friendChoice = iota
	choiceReject
	choiceAsk
	choiceCount
)

// brief, normal and detailed are places in Dialect.Levels.
const (
	levelBrief = iota
	levelNormal
	levelDetailed
)

// CommandName is the dialect's word for a command of HTTP QQ. What is no
// command, such as the "*" of a label, stays as it is. No dialect is HTTP QQ.
func (d *Dialect) CommandName(httpqq string) string {
	if d == nil {
		return httpqq
	}
	for index, name := range httpQQ.Commands {
		if name == httpqq {
			return d.Commands[index]
		}
	}
	return httpqq
}

// findCommand looks up a word, in either case unless exact.
func (d *Dialect) findCommand(word string, exact bool) commandID {
	for index, name := range d.Commands {
		if name == word || !exact && strings.EqualFold(name, word) {
			return commandID(index)
		}
	}
	return cmdUnknown
}

func (d *Dialect) findVersion(word string) *dialectVersion {
	for index := range d.Versions {
		if d.Versions[index].Name == word {
			return &d.Versions[index]
		}
	}
	return nil
}

// indexOf is the place of a word in a table, -1 if it is not there.
func indexOf(table []string, word string) int {
	for index, w := range table {
		if w == word {
			return index
		}
	}
	return -1
}

// validate finds what a table lacks.
func (d *Dialect) validate() error {
	for index, name := range d.Commands {
		if name == "" || len(d.Fields[index]) == 0 && commandID(index) != cmdLogout && commandID(index) != cmdChangeStat && commandID(index) != cmdMessage {
			return fmt.Errorf("dialect %s: command %d has no name or no fields", d.Name, index)
		}
	}
	for index, name := range d.Keys {
		if name == "" {
			return fmt.Errorf("dialect %s: key %d has no name", d.Name, index)
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
	Versions: []dialectVersion{
		{Name: "1.0", Batch: 8 << 10},
		{Name: "1.1", Batch: 8 << 10},
		{Name: "1.2", Batch: 8 << 10},
		{Name: "1.3", Batch: 8 << 10},
		{Name: "1.4", Batch: 32 << 10, LineEnd: "\r\n", AllStatuses: true, Spelt: map[commandID]string{
			cmdQueryStat2: "QUERY_STAT2", cmdSimpleInfo2: "SIMPLEINFO2", cmdGetInfo: "GETINFO",
		}},
	},
	Unspoken: "1.5",
	NoAnswer: "NULL",
	Commands: [commandCount]string{
		cmdLogin: "Login", cmdLogout: "Logout", cmdChangeStat: "Change_Stat",
		cmdList: "List", cmdQueryStat: "Query_Stat", cmdQueryStat2: "Query_Stat2", cmdSimpleInfo2: "SimpleInfo2",
		cmdGetInfo: "GetInfo", cmdAddToList: "AddToList", cmdAckAddToList: "Ack_AddToList", cmdDelFromList: "DelFromList",
		cmdFinger: "Finger", cmdMessage: "CLTMSG", cmdCollect: "GetMsgEx",
	},
	Keys: [keyCount]string{
		keyVersion: "VER", keyCommand: "CMD", keySeq: "SEQ", keyAccount: "UIN", keyCode: "RES", keyReason: "RA", keyTime: "TM",
		keyPassword: "PS", keyProof: "M5", keyClient: "LC", keyStatus: "ST", keyMaxCount: "TN", keyAfter: "UN", keyTarget: "UN",
		keyLevel: "LV", keyChoice: "CD", keyWords: "RS", keyText: "MG",
		keyResult: "RS", keyInterval: "HI", keyLifetime: "LI", keyLast: "FN", keySize: "SN", keyNumbers: "UN", keyNext: "NP",
		keyMessages: "MN", keyTypes: "MT", keySenders: "UN", keyTexts: "MG", keyExtra: "EX",
		keyAddress: "AD", keyAge: "AG", keyBlood: "BT", keyStar: "CO", keyCity: "CT", keyProfileCV: "CV", keyCountry: "CY",
		keyMail: "EM", keyFace: "FC", keyHome: "HP", keyProfileID: "ID", keyJob: "JB", keyMobile: "MO", keyProfileMT: "MT", keyProfileMV: "MV",
		keyPostCode: "PC", keyPhone: "PH", keyAbout: "PR", keyProvince: "PV", keyRealName: "RN", keySchool: "SC",
		keyAnimal: "SH", keySex: "SX", keyNick: "NK",
	},
	Head: []keyID{keyVersion, keyCommand, keySeq, keyAccount, keyCode},
	Fields: [commandCount][]keyID{
		cmdLogin:       {keyResult, keyInterval, keyLifetime},
		cmdList:        {keyLast, keySize, keyNumbers},
		cmdQueryStat:   {keyFace, keyLast, keySize, keyStatus, keyNumbers, keyNick},
		cmdQueryStat2:  {keyLast, keySize, keyStatus, keyNumbers},
		cmdSimpleInfo2: {keyNext, keySize, keyNumbers, keyFace, keyNick},
		cmdGetInfo: {keyAddress, keyAge, keyBlood, keyStar, keyCity, keyProfileCV, keyCountry, keyMail, keyFace, keyHome, keyProfileID, keyJob,
			keyLevel, keyMobile, keyProfileMT, keyProfileMV, keyPostCode, keyPhone, keyAbout, keyProvince, keyRealName, keySchool, keyAnimal,
			keySex, keyTarget, keyNick},
		cmdAddToList:    {keyChoice, keyTarget},
		cmdAckAddToList: {keyTarget, keyChoice},
		cmdDelFromList:  {keyTarget},
		cmdFinger:       {keyLast, keySize, keyNumbers, keyNick, keyFace, keySex, keyAge, keyProvince},
		cmdCollect:      {keyMessages, keyTypes, keySenders, keyTexts},
	},
	Codes: [codeCount]string{
		codeDone: "0", codeNotLoggedIn: "20", codeNoAccount: "5", codeWrongParameter: "1", codeUnknownCommand: "2", codeRefused: "3",
	},
	Statuses: [statusCount]string{
		statusOnline: "10", statusOffline: "20", statusAway: "30", statusInvisible: "40", statusBusy: "50", statusTalkToMe: "60", statusDoNotDisturb: "70",
	},
	Types: [typeCount]string{
		typeText: "9", typeStatus: "99", typeRequest: "2", typeAccepted: "3", typeRejected: "4", typeAdded: "1",
	},
	Results: [2]string{"0", "1"},
	Last:    [2]string{"0", "1"},
	End:     "65535",
	Proofs:  [proofCount]string{proofPlain: "0", proofMD5: "1", proofOther: "2"},
	Levels:  [3]string{"1", "2", "3"},
	Added:   [addedCount]string{addedNow: "0", addedAsk: "1", addedNobody: "2", addedClosed: "3"},
	Choices: [choiceCount]string{choiceAccept: "0", choiceReject: "1", choiceAsk: "2"},
}
