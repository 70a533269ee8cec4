package probetest

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// noKey is the textKey of a command without free text.
const noKey keyID = -1

// commandRow is a command's row in the table of docs/protocol.md.
type commandRow struct {
	parameters     []keyID
	textKey        keyID // the one of parameters that holds free text, or noKey
	needsNoSession bool  // may be sent without a login
	isChanging     bool  // a repeat with the same SEQ must have no second effect
}

// rowForCommand returns the row of a command. It is a function because code could modify a table.
func rowForCommand(command commandID) commandRow {
	switch command {
	case cmdLogin:
		return commandRow{parameters: []keyID{keyPassword, keyProof, keyClient, keyStatus}, textKey: noKey,
			needsNoSession: true}
	case cmdLogout:
		return commandRow{textKey: noKey, needsNoSession: true}
	case cmdChangeStat:
		return commandRow{parameters: []keyID{keyStatus}, textKey: noKey, isChanging: true}
	case cmdList, cmdQueryStat:
		return commandRow{parameters: []keyID{keyMaxCount, keyAfter}, textKey: noKey}
	case cmdQueryStat2, cmdSimpleInfo2:
		return commandRow{parameters: []keyID{keyAfter}, textKey: noKey}
	case cmdGetInfo:
		return commandRow{parameters: []keyID{keyTarget, keyLevel}, textKey: noKey}
	case cmdAddToList, cmdDelFromList:
		return commandRow{parameters: []keyID{keyTarget}, textKey: noKey, isChanging: true}
	case cmdAckAddToList:
		return commandRow{parameters: []keyID{keyTarget, keyChoice, keyWords}, textKey: keyWords, isChanging: true}
	case cmdFinger:
		return commandRow{parameters: []keyID{keyAge, keySex, keyProvince, keyAfter}, textKey: noKey}
	case cmdMessage:
		return commandRow{parameters: []keyID{keyTarget, keyText}, textKey: keyText, isChanging: true}
	}
	return commandRow{textKey: noKey}
}

// httpRequest is the part of an HTTP request that matters to the protocol.
type httpRequest struct {
	address   netip.Addr
	charset   charset
	isProxied bool // has a header that proxies add; this server trusts no proxy
	body      []byte
}

// serverCall is the execution of one request: the server's state, the request, and the answer so
// far. It is used while the server's lock is held.
type serverCall struct {
	*serverState
	httpRequest
	parsed            parsedRecord
	head              requestHead
	commandRow        commandRow
	uin               uint32        // the acting account's number, 0 if it is malformed
	account           *testAccount  // the acting account, nil if it does not exist
	previousRequestAt time.Duration // the session's lastRequestAt before this request
	preferredCharset  charset       // revealed by earlier texts of the session, or undeclared
	parameters        []parameter   // decoded, in the order of commandRow.parameters
	answer
}

// parameter is a decoded parameter of a request. isGiven tells an empty value from an absent key.
type parameter struct {
	key     keyID
	value   string
	isGiven bool
}

// runRequest executes a request. If the protocol version is unknown, nothing is executed and the
// head.version of the returned call is nil.
func (w *serverState) runRequest(request httpRequest) *serverCall {
	call := &serverCall{serverState: w, httpRequest: request, parsed: parseRecord(w.serverRules, request.body)}
	if call.readHead() {
		call.checkRequest()
	}
	return call
}

// readHead reads the keys that every request has. It returns false for an unknown version.
func (c *serverCall) readHead() bool {
	rules := c.serverRules
	word := string(c.parsed.findWord(keyVersion))
	_, given := c.parsed.findValue(keyVersion)
	c.head.version = rules.dialect.findVersion(word)
	switch {
	case c.head.version != nil:
	case rules.record.acceptsUnsupportedVersion && word == rules.dialect.UnsupportedVersion:
		version := rules.dialect.Versions[1]
		version.Name = word
		c.head.version = &version
	case rules.record.acceptsMissingVersion && !given:
		c.head.version = &rules.dialect.Versions[1]
	default:
		return false
	}
	name := string(c.parsed.findWord(keyCommand))
	c.head.command = rules.dialect.findCommand(name, rules.record.exactCommands)
	c.head.commandWord = dropInvalidRunes(name)
	c.head.account = dropInvalidRunes(string(c.parsed.findWord(keyAccount)))
	c.commandRow = rowForCommand(c.head.command)
	return true
}

// dropInvalidRunes drops bytes that are not UTF-8. The result only appears in the answer.
func dropInvalidRunes(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	valid := make([]rune, 0, len(text))
	for _, r := range text {
		if r != utf8.RuneError {
			valid = append(valid, r)
		}
	}
	return string(valid)
}

// checkRequest executes the request if it passes all checks. The order of the checks is that of
// docs/protocol.md and decides which error is answered.
func (c *serverCall) checkRequest() {
	seq, _ := c.parsed.findValue(keySeq)
	c.findSession()
	seqIsText := c.readText(keySeq, seq, &c.head.seq)
	number, ok := parseNumber(c.head.account)
	switch {
	case c.isProxied:
		c.refuse("a proxy's header came from an address that is no trusted proxy")
	case !ok || number < operatorUIN || number > 1<<32-1:
		c.fail(codeNoAccount, keyAccount, "is no account number")
	case c.head.command == cmdUnknown:
		c.answerUnknownCommand()
	case !c.checkSession():
		c.answer.code = codeNotLoggedIn
	case !seqIsText || utf8.RuneCountInString(c.head.seq) > c.record.maxSeqLength:
		c.failParameter(keySeq, "is too long or no text")
	case c.countAndLimit():
		c.refuse("too many requests")
	default:
		c.perform()
	}
	if c.code != codeDone && c.serverRules.session.refusalsDoNotRefresh && c.account != nil &&
		c.account.session.isLive {
		c.account.session.lastRequestAt = c.previousRequestAt
	}
}

// findSession sets the acting account, and the preferred charset of its session if the request
// comes from the session's address.
func (c *serverCall) findSession() {
	if number, ok := parseNumber(c.head.account); ok && number >= operatorUIN && number < 1<<32 {
		c.uin = uint32(number)
		c.account = c.accounts[c.uin]
	}
	if c.account == nil {
		return
	}
	c.previousRequestAt = c.account.session.lastRequestAt
	if c.account.session.isAt(c.address) {
		c.preferredCharset = c.account.session.preferredCharset
	}
}

// checkSession reports whether the command needs no session or the account has one at the client's
// address. It extends that session.
func (c *serverCall) checkSession() bool {
	if c.commandRow.needsNoSession {
		return true
	}
	if c.account == nil {
		return false
	}
	session := &c.account.session
	rules := &c.serverRules.session
	if session.isAt(c.address) || session.isLive && !session.isPermanent && rules.acceptsAnyAddress {
		if !rules.doesNotRefresh[c.head.command] {
			session.lastRequestAt = c.now
		}
		return true
	}
	return rules.needsNoLogin[c.head.command] || rules.worksAfterLogout[c.head.command] &&
		slices.Contains(session.loggedOutFrom, c.address)
}

// perform decodes the parameters and executes the command. A repeat of a changing request gets the
// earlier answer instead.
func (c *serverCall) perform() {
	ok := c.readParameters()
	if ok && c.commandRow.isChanging {
		c.executeOnce(c.execute)
	} else if ok {
		c.execute()
	}
}

// execute calls the handler of the command. Handlers add fields to the answer, or set an error code
// and a reason.
func (c *serverCall) execute() {
	switch c.head.command {
	case cmdLogin:
		c.login()
	case cmdLogout:
		c.logout()
	case cmdChangeStat:
		c.changeStat()
	case cmdList, cmdQueryStat, cmdQueryStat2, cmdSimpleInfo2:
		c.listFriends()
	case cmdFinger:
		c.findPeople()
	case cmdGetInfo:
		c.getInfo()
	case cmdAddToList:
		c.handleAddToList()
	case cmdAckAddToList:
		c.handleAckAddToList()
	case cmdDelFromList:
		c.handleDelFromList()
	case cmdMessage:
		c.sendMessage()
	case cmdCollect:
		c.collectMessages()
	}
}

// answerUnknownCommand sets the answer to an unknown command. handleRequest implements the reactions
// that send no record.
func (c *serverCall) answerUnknownCommand() {
	switch c.record.unknownCommand {
	case replyDone:
	default:
		c.fail(codeUnknownCommand, keyCommand, "names no command")
	}
}

// readParameters decodes the command's parameters. If one of them is not text, it sets the error and
// returns false.
func (c *serverCall) readParameters() bool {
	for _, key := range c.commandRow.parameters {
		parsed := parameter{key: key}
		var raw []byte
		if raw, parsed.isGiven = c.parsed.findValue(key); !c.readText(key, raw, &parsed.value) {
			c.failParameter(key, "is no text")
			return false
		}
		c.parameters = append(c.parameters, parsed)
	}
	return true
}

// readText decodes the value of a key into to. It returns false and leaves to unchanged if the bytes
// are not text in any accepted charset. Free text keeps its leading spaces; other values are trimmed
// at both ends. A charset that the value reveals becomes the session's preferred one.
func (c *serverCall) readText(key keyID, raw []byte, to *string) bool {
	rules := &c.serverRules.text
	if key == c.commandRow.textKey {
		raw = trimRight(raw)
		if rules.refusesBadEscape && c.dialect.hasBadEscape(raw) {
			return false
		}
		if rules.plusIsSpace {
			raw = plusToSpace(raw)
		}
	} else {
		raw = trimSpace(raw)
	}
	b := c.dialect.unescape(raw)
	if rules.decodesTwice && key == c.commandRow.textKey {
		b = c.dialect.unescape(b)
	}
	text, newPreference, ok := c.decodeText(b, c.charset, c.preferredCharset)
	if !ok {
		return false
	}
	if newPreference != undeclared {
		c.preferredCharset = newPreference
		if c.account != nil && c.account.session.isAt(c.address) {
			c.account.session.preferredCharset = newPreference
		}
	}
	*to = text
	return true
}

// parameterValue returns the value of a parameter, "" if it is absent.
func (c *serverCall) parameterValue(key keyID) string {
	for _, parameter := range c.parameters {
		if parameter.key == key {
			return parameter.value
		}
	}
	return ""
}

// hasParameter reports whether the request contains a parameter, which may be empty.
func (c *serverCall) hasParameter(key keyID) bool {
	for _, parameter := range c.parameters {
		if parameter.key == key {
			return parameter.isGiven
		}
	}
	return false
}

// fail sets the answer to an error. The reason begins with the name of the key, as
// docs/protocol.md requires.
func (c *serverCall) fail(code answerCode, key keyID, reason string) {
	c.code, c.reason = code, c.dialect.Keys[key]+" "+reason
}

// failParameter sets the answer to an error about a wrong parameter.
func (c *serverCall) failParameter(key keyID, reason string) { c.fail(codeWrongParameter, key, reason) }

// refuse sets the answer to a refusal that concerns no single key.
func (c *serverCall) refuse(reason string) { c.code, c.answer.reason = codeRefused, reason }

// formatReason returns the wording of a reason. An equivalent mutant changes the wording, because
// clients must not depend on it.
func (r *serverRules) formatReason(text string) string {
	if r.record.rewordsReasons {
		return "Sorry, no! Word: " + text + " (at least so it seems)."
	}
	return text
}

func formatUIN(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
