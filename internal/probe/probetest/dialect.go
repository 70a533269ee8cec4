package probetest

import (
	"fmt"
	"strings"
)

// Dialect holds all names and separators that are sent over the network. The server's behaviour uses
// only the identifiers of this file, so a dialect renames the protocol without changing it. The
// arrays are indexed by those identifiers.
type Dialect struct {
	Name string

	Pair    byte   // separates pairs: &
	Assign  byte   // separates a key from its value: =
	ListEnd string // follows each element of a list: a comma
	Escape  byte   // begins an escape of two hex digits: %
	Escaped string // the bytes to escape in answers
	NewLine string // replaces each line end within a value of an answer

	Versions           []dialectVersion
	UnsupportedVersion string // a version that only a mutant accepts
	NoAnswer           string // the whole answer to an unknown version: NULL

	Commands [commandCount]string
	Keys     [keyCount]string
	Head     []keyID               // the first keys of every answer
	Fields   [commandCount][]keyID // the order of the other keys

	Codes    [codeCount]string
	Statuses [statusCount]string
	Types    [typeCount]string // of messages
	Results  [2]string         // of a login: success, failure
	Last     [2]string         // its value on the last page is the second one, on all others the first
	End      string            // stands for a cursor on the last page of SimpleInfo2
	Proofs   [proofCount]string
	Levels   [3]string // of GetInfo; indexed by levelBrief, levelNormal and levelDetailed
	Added    [addResultCount]string
	Choices  [choiceCount]string
}

// dialectVersion holds what differs between the versions of a dialect.
type dialectVersion struct {
	Name        string
	LineEnd     string               // after each answer
	Spelt       map[commandID]string // names of commands that answers spell differently from Commands
	Batch       int                  // maximum size of an answer with messages, in bytes
	AllStatuses bool                 // otherwise answers map each status to online, offline or away
}

// commandID identifies a command.
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

// keyID identifies a key of requests or answers. UN, RS and MT of HTTP QQ have several meanings,
// each with its own identifier.
type keyID int

const (
	keyVersion keyID = iota
	keyCommand
	keySeq
	keyAccount
	keyCode
	keyReason
	keyTime // only with Config.TimeField

	keyPassword
	keyProof
	keyClient
	keyStatus   // also the list of statuses in answers
	keyMaxCount // maximum size of a page
	keyAfter    // begin after this account
	keyTarget
	keyLevel
	keyChoice // also the result in answers of AddToList
	keyWords  // the text of a friend request or its answer
	keyText

	keyResult   // of a login
	keyInterval // seconds between the client's requests
	keyLifetime // seconds that a session lives without a request
	keyLast     // whether this is the last page
	keySize     // number of elements on the page
	keyNumbers  // account numbers
	keyNext     // cursor of the next page
	keyMessages // number of messages
	keyTypes
	keySenders
	keyTexts
	keyExtra // used by a mutant only

	// Keys of the profile.
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

// answerCode identifies a result code.
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

// statusID identifies a status.
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

// messageType identifies the type of a message.
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

// proofKind says whether a login sends the password itself or its MD5. proofOther is a value that
// the protocol does not define.
type proofKind int

const (
	proofPlain proofKind = iota
	proofMD5
	proofOther
	proofCount
)

// addResult is the result that AddToList answers.
type addResult int

const (
	addResultFriends addResult = iota
	addResultMustAsk
	addResultNoAccount
	addResultClosed
	addResultCount
)

// friendChoice says what an Ack_AddToList does: accept, reject or send a friend request.
type friendChoice int

const (
	choiceAccept friendChoice = iota
	choiceReject
	choiceAsk
	choiceCount
)

// Indexes into Dialect.Levels.
const (
	levelBrief = iota
	levelNormal
	levelDetailed
)

// CommandName returns the dialect's name for a command of HTTP QQ. It returns other words
// unchanged. A nil Dialect is HTTP QQ.
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

// findCommand returns the command with a name, cmdUnknown if there is none. It ignores case unless
// exact.
func (d *Dialect) findCommand(word string, exact bool) commandID {
	for i, name := range d.Commands {
		if name == word || !exact && strings.EqualFold(name, word) {
			return commandID(i)
		}
	}
	return cmdUnknown
}

// findVersion returns the version with the given name, or nil.
func (d *Dialect) findVersion(word string) *dialectVersion {
	for i := range d.Versions {
		if d.Versions[i].Name == word {
			return &d.Versions[i]
		}
	}
	return nil
}

// indexOf returns the index of a word in a table, -1 if it is absent.
func indexOf(table []string, word string) int {
	for i, w := range table {
		if w == word {
			return i
		}
	}
	return -1
}

// validate returns an error if the dialect lacks something.
func (d *Dialect) validate() error {
	for i, name := range d.Commands {
		if name == "" || len(d.Fields[i]) == 0 && commandID(i) != cmdLogout &&
			commandID(i) != cmdChangeStat && commandID(i) != cmdMessage {
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

// httpQQ is the dialect of docs/protocol.md.
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
	UnsupportedVersion: "1.5",
	NoAnswer:           "NULL",
	Commands: [commandCount]string{
		cmdLogin: "Login", cmdLogout: "Logout", cmdChangeStat: "Change_Stat", cmdList: "List",
		cmdQueryStat: "Query_Stat", cmdQueryStat2: "Query_Stat2", cmdSimpleInfo2: "SimpleInfo2", cmdGetInfo: "GetInfo",
		cmdAddToList: "AddToList", cmdAckAddToList: "Ack_AddToList", cmdDelFromList: "DelFromList",
		cmdFinger: "Finger", cmdMessage: "CLTMSG", cmdCollect: "GetMsgEx",
	},
	Keys: [keyCount]string{
		keyVersion: "VER", keyCommand: "CMD", keySeq: "SEQ", keyAccount: "UIN", keyCode: "RES", keyReason: "RA",
		keyTime: "TM", keyPassword: "PS", keyProof: "M5", keyClient: "LC", keyStatus: "ST", keyMaxCount: "TN",
		keyAfter: "UN", keyTarget: "UN", keyLevel: "LV", keyChoice: "CD", keyWords: "RS", keyText: "MG",
		keyResult: "RS", keyInterval: "HI", keyLifetime: "LI", keyLast: "FN", keySize: "SN", keyNumbers: "UN",
		keyNext: "NP", keyMessages: "MN", keyTypes: "MT", keySenders: "UN", keyTexts: "MG", keyExtra: "EX",
		keyAddress: "AD", keyAge: "AG", keyBlood: "BT", keyStar: "CO", keyCity: "CT", keyProfileCV: "CV",
		keyCountry: "CY", keyMail: "EM", keyFace: "FC", keyHome: "HP", keyProfileID: "ID", keyJob: "JB",
		keyMobile: "MO", keyProfileMT: "MT", keyProfileMV: "MV", keyPostCode: "PC", keyPhone: "PH", keyAbout: "PR",
		keyProvince: "PV", keyRealName: "RN", keySchool: "SC", keyAnimal: "SH", keySex: "SX", keyNick: "NK",
	},
	Head: []keyID{keyVersion, keyCommand, keySeq, keyAccount, keyCode},
	Fields: [commandCount][]keyID{
		cmdLogin:       {keyResult, keyInterval, keyLifetime},
		cmdList:        {keyLast, keySize, keyNumbers},
		cmdQueryStat:   {keyFace, keyLast, keySize, keyStatus, keyNumbers, keyNick},
		cmdQueryStat2:  {keyLast, keySize, keyStatus, keyNumbers},
		cmdSimpleInfo2: {keyNext, keySize, keyNumbers, keyFace, keyNick},
		cmdGetInfo: {keyAddress, keyAge, keyBlood, keyStar, keyCity, keyProfileCV, keyCountry, keyMail, keyFace,
			keyHome, keyProfileID, keyJob, keyLevel, keyMobile, keyProfileMT, keyProfileMV, keyPostCode, keyPhone,
			keyAbout, keyProvince, keyRealName, keySchool, keyAnimal, keySex, keyTarget, keyNick},
		cmdAddToList:    {keyChoice, keyTarget},
		cmdAckAddToList: {keyTarget, keyChoice},
		cmdDelFromList:  {keyTarget},
		cmdFinger:       {keyLast, keySize, keyNumbers, keyNick, keyFace, keySex, keyAge, keyProvince},
		cmdCollect:      {keyMessages, keyTypes, keySenders, keyTexts},
	},
	Codes: [codeCount]string{
		codeDone: "0", codeNotLoggedIn: "20", codeNoAccount: "5", codeWrongParameter: "1", codeUnknownCommand: "2",
		codeRefused: "3",
	},
	Statuses: [statusCount]string{
		statusOnline: "10", statusOffline: "20", statusAway: "30", statusInvisible: "40", statusBusy: "50",
		statusTalkToMe: "60", statusDoNotDisturb: "70",
	},
	Types: [typeCount]string{
		typeText: "9", typeStatus: "99", typeRequest: "2", typeAccepted: "3", typeRejected: "4", typeAdded: "1",
	},
	Results: [2]string{"0", "1"},
	Last:    [2]string{"0", "1"},
	End:     "65535",
	Proofs:  [proofCount]string{proofPlain: "0", proofMD5: "1", proofOther: "2"},
	Levels:  [3]string{"1", "2", "3"},
	Added: [addResultCount]string{addResultFriends: "0", addResultMustAsk: "1",
		addResultNoAccount: "2", addResultClosed: "3"},
	Choices: [choiceCount]string{choiceAccept: "0", choiceReject: "1", choiceAsk: "2"},
}
