package probetest

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// noKey is where a command has no text.
const noKey Key = -1

// A row is what a command takes.
type responseRow struct {
	params   []Key
	text     Key  // one of them, or noKey
	free     bool // needs no session
	changing bool
}

// rowOf is the table of commands. A function, for a table that everybody can
// write to would be none.
func rowOf(cmd Command) responseRow {
	switch cmd {
	case CmdLogin:
		return responseRow{params: []Key{KeyPassword, KeyProof, KeyClient, KeyStatus}, text: noKey, free: true}
	case CmdLogout:
		return responseRow{text: noKey, free: true}
	case CmdChangeStat:
		return responseRow{params: []Key{KeyStatus}, text: noKey, changing: true}
	case CmdList, CmdQueryStat:
		return responseRow{params: []Key{KeyMost, KeyAfter}, text: noKey}
	case CmdQueryStat2, CmdSimpleInfo2:
		return responseRow{params: []Key{KeyAfter}, text: noKey}
	case CmdGetInfo:
		return responseRow{params: []Key{KeyTarget, KeyLevel}, text: noKey}
	case CmdAddToList, CmdDelFromList:
		return responseRow{params: []Key{KeyTarget}, text: noKey, changing: true}
	case CmdAckAddToList:
		return responseRow{params: []Key{KeyTarget, KeyChoice, KeyWords}, text: KeyWords, changing: true}
	case CmdFinger:
		return responseRow{params: []Key{KeyAge, KeySex, KeyProvince, KeyAfter}, text: noKey}
	case CmdMessage:
		return responseRow{params: []Key{KeyTarget, KeyText}, text: KeyText, changing: true}
	}
	return responseRow{text: noKey}
}

// A request is what came in over HTTP.
type httpRequest struct {
	addr    netip.Addr
	charset charset
	proxied bool // a header says that somebody else sent it
	body    []byte
}

// A call is one request on its way through the checks.
type serverCall struct {
	*serverState
	httpRequest
	rec     parsedRecord
	head    head
	row     responseRow
	uin     uint32
	me      *testAccount  // nil if there is none, or none that is logged in where one has to be
	last    time.Duration // when the asker was last heard of
	prefers charset
	params  []parameter
	answer
}

type parameter struct {
	key   Key
	value string
	given bool
}

// run answers a request. The answer is nil where none has the form of a record.
func (w *serverState) run(req httpRequest) *serverCall {
	c := &serverCall{serverState: w, httpRequest: req, rec: parse(w.rules, req.body)}
	if c.readHead() {
		c.check()
	}
	return c
}

// readHead reads what every request carries; it is false for a version that is
// not spoken.
func (c *serverCall) readHead() bool {
	rules := c.rules
	word := string(c.rec.word(KeyVersion))
	_, given := c.rec.find(KeyVersion)
	c.head.version = rules.d.version(word)
	switch {
	case c.head.version != nil:
	case rules.record.alsoUnspoken && word == rules.d.Unspoken:
		version := rules.d.Versions[1]
		version.Name = word
		c.head.version = &version
	case rules.record.alsoNone && !given:
		c.head.version = &rules.d.Versions[1]
	default:
		return false
	}
	name := string(c.rec.word(KeyCommand))
	c.head.cmd = rules.d.command(name, rules.record.exactCommands)
	c.head.asked = readable(name)
	c.head.account = readable(string(c.rec.word(KeyAccount)))
	c.row = rowOf(c.head.cmd)
	return true
}

// readable drops what is no text: such a word is not understood, only echoed.
func readable(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r != utf8.RuneError {
			out = append(out, r)
		}
	}
	return string(out)
}

// check makes the checks in their order, then does what the command says.
func (c *serverCall) check() {
	seq, _ := c.rec.find(KeySeq)
	c.findSession()
	seqIsText := c.readText(KeySeq, seq, &c.head.seq)
	n, ok := number(c.head.account)
	switch {
	case c.proxied:
		c.refuse("a proxy's header came from an address that is no trusted proxy")
	case !ok || n < operator || n > 1<<32-1:
		c.fail(NoAccount, KeyAccount, "is no account number")
	case c.head.cmd == Unknown:
		c.unknownCommand()
	case !c.loggedIn():
		c.answer.code = NotLoggedIn
	case !seqIsText || utf8.RuneCountInString(c.head.seq) > c.record.seqMost:
		c.wrong(KeySeq, "is too long or no text")
	case c.tooMany():
		c.refuse("too many requests")
	default:
		c.perform()
	}
	if c.code != Done && c.rules.session.refusedIsIdle && c.me != nil && c.me.session.live {
		c.me.session.last = c.last
	}
}

// findSession looks up who asks, for how its texts are read depends on what it
// said before.
func (c *serverCall) findSession() {
	if n, ok := number(c.head.account); ok && n >= operator && n < 1<<32 {
		c.uin = uint32(n)
		c.me = c.accounts[c.uin]
	}
	if c.me == nil {
		return
	}
	c.last = c.me.session.last
	if c.me.session.at(c.addr) {
		c.prefers = c.me.session.prefers
	}
}

// loggedIn is the session check. A request that passes it keeps the session
// alive.
func (c *serverCall) loggedIn() bool {
	if c.row.free {
		return true
	}
	if c.me == nil {
		return false
	}
	testSession := &c.me.session
	rules := &c.rules.session
	if testSession.at(c.addr) || testSession.live && !testSession.forever && rules.anyAddress {
		if !rules.noRefresh[c.head.cmd] {
			testSession.last = c.now
		}
		return true
	}
	return rules.withoutLogin[c.head.cmd] || rules.afterLogout[c.head.cmd] && slices.Contains(testSession.left, c.addr)
}

// perform reads the parameters and does what the command says, or repeats what
// it said before.
func (c *serverCall) perform() {
	ok := c.readParams()
	if ok && c.row.changing {
		c.once(c.do)
	} else if ok {
		c.do()
	}
}

// do is the command itself.
func (c *serverCall) do() {
	switch c.head.cmd {
	case CmdLogin:
		c.login()
	case CmdLogout:
		c.logout()
	case CmdChangeStat:
		c.changeStat()
	case CmdList, CmdQueryStat, CmdQueryStat2, CmdSimpleInfo2:
		c.listFriends()
	case CmdFinger:
		c.finger()
	case CmdGetInfo:
		c.getInfo()
	case CmdAddToList:
		c.addToList()
	case CmdAckAddToList:
		c.ackAddToList()
	case CmdDelFromList:
		c.delFromList()
	case CmdMessage:
		c.send()
	case CmdCollect:
		c.collect()
	}
}

func (c *serverCall) unknownCommand() {
	switch c.record.unknown {
	case saysDone:
	default:
		c.fail(UnknownCommand, KeyCommand, "names no command")
	}
}

// readParams decodes what the command takes, and reports whether all of it is
// text.
func (c *serverCall) readParams() bool {
	for _, key := range c.row.params {
		p := parameter{key: key}
		var raw []byte
		if raw, p.given = c.rec.find(key); !c.readText(key, raw, &p.value) {
			c.wrong(key, "is no text")
			return false
		}
		c.params = append(c.params, p)
	}
	return true
}

// readText decodes one value. Of a text only the end is trimmed, and some
// mutants read texts in a way of their own.
func (c *serverCall) readText(key Key, raw []byte, to *string) bool {
	textRules := &c.rules.text
	if key == c.row.text {
		raw = trimEnd(raw)
		if textRules.refuseEscape && c.d.badEscape(raw) {
			return false
		}
		if textRules.plusIsSpace {
			raw = plusToSpace(raw)
		}
	} else {
		raw = trim(raw)
	}
	b := c.d.unescape(raw)
	if textRules.decodeTwice && key == c.row.text {
		b = c.d.unescape(b)
	}
	text, says, ok := c.decode(b, c.charset, c.prefers)
	if !ok {
		return false
	}
	if says != undeclared {
		c.prefers = says
		if c.me != nil && c.me.session.at(c.addr) {
			c.me.session.prefers = says
		}
	}
	*to = text
	return true
}

// parameter is the value of a parameter, "" if it was not given.
func (c *serverCall) param(key Key) string {
	for _, parameter := range c.params {
		if parameter.key == key {
			return parameter.value
		}
	}
	return ""
}

func (c *serverCall) given(key Key) bool {
	for _, parameter := range c.params {
		if parameter.key == key {
			return parameter.given
		}
	}
	return false
}

// fail, wrong and refuse say no, with a reason that names the key.
func (c *serverCall) fail(code Code, key Key, reason string) {
	c.code, c.reason = code, c.d.Keys[key]+" "+reason
}

func (c *serverCall) wrong(key Key, reason string) { c.fail(WrongParameter, key, reason) }

func (c *serverCall) refuse(reason string) { c.code, c.answer.reason = Refused, reason }

// reason is the wording of a reason, which no client may depend on.
func (r *rules) reason(s string) string {
	if r.record.otherReasons {
		return "Sorry, no! Word: " + s + " (at least so it seems)."
	}
	return s
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
