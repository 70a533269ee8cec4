package probetest

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A pair is a key and its value as they were sent.
type recordPair struct {
	key   string
	value []byte
}

// A record is a request, cut into pairs and not yet decoded.
type parsedRecord struct {
	pairs []recordPair
	rules *rules
}

// parse cuts a body into pairs. Where a text ends depends on the command, so
// the command is looked for first.
func parse(r *rules, body []byte) parsedRecord {
	body = trim(body)
	rec := parsedRecord{rules: r}
	for _, part := range bytes.Split(body, []byte{r.d.Pair}) {
		rec.pairs = append(rec.pairs, r.cut(part))
	}
	if row := rowOf(r.d.command(string(rec.word(KeyCommand)), r.record.exactCommands)); row.text != noKey {
		rec.pairs = r.parseText(body, row)
	}
	return rec
}

// cut makes a pair of what stands between two separators. Without a value it
// is none, and has no key.
func (r *rules) cut(part []byte) recordPair {
	key, value, ok := bytes.Cut(part, []byte{r.d.Assign})
	if !ok {
		return recordPair{}
	}
	return recordPair{string(key), value}
}

// parseText cuts a body that has a text. The text takes all that follows if
// every other key that the command needs stands before it, else it ends before
// the first of those that are still to come.
func (r *rules) parseText(body []byte, row responseRow) []recordPair {
	needed := []Key{KeyVersion, KeyCommand, KeySeq, KeyAccount}
	for _, key := range row.params {
		if key != row.text {
			needed = append(needed, key)
		}
	}
	var pairs []recordPair
	seen := false
	for rest := body; ; {
		part, after, more := bytes.Cut(rest, []byte{r.d.Pair})
		recordPair := r.cut(part)
		if !seen && r.sameKey(recordPair.key, row.text) {
			seen = true
			end := r.textEnd(rest, needed)
			recordPair = r.cut(rest[:end])
			more = end < len(rest)
			if more {
				after = rest[end+1:]
			}
		}
		pairs = append(pairs, recordPair)
		for i, key := range needed {
			if r.sameKey(recordPair.key, key) {
				needed = append(needed[:i], needed[i+1:]...)
				break
			}
		}
		if !more {
			return pairs
		}
		rest = after
	}
}

// textEnd is where the pair at the beginning of rest ends.
func (r *rules) textEnd(rest []byte, needed []Key) int {
	for i, b := range rest {
		if b != r.d.Pair {
			continue
		}
		key, _, ok := bytes.Cut(rest[i+1:], []byte{r.d.Assign})
		if !ok || bytes.IndexByte(key, r.d.Pair) >= 0 {
			continue
		}
		for _, k := range needed {
			if r.sameKey(string(key), k) {
				return i
			}
		}
	}
	return len(rest)
}

func (r *rules) sameKey(sent string, key Key) bool {
	name := r.d.Keys[key]
	return sent == name || !r.record.exactKeys && strings.EqualFold(sent, name)
}

// find is the value of a key as it was sent; the first counts if there are
// several.
func (rec parsedRecord) find(key Key) (value []byte, ok bool) {
	for _, recordPair := range rec.pairs {
		if rec.rules.sameKey(recordPair.key, key) {
			value, ok = recordPair.value, true
			if !rec.rules.record.lastCounts {
				break
			}
		}
	}
	return value, ok
}

// word is the value of a key that is ASCII if it is right: trimmed, and escapes
// decoded.
func (rec parsedRecord) word(key Key) []byte {
	value, _ := rec.find(key)
	return rec.rules.d.unescape(trim(value))
}

func trim(b []byte) []byte { return bytes.Trim(b, " \r\n") }

func trimEnd(b []byte) []byte { return bytes.TrimRight(b, " \r\n") }

func plusToSpace(b []byte) []byte { return bytes.ReplaceAll(b, []byte("+"), []byte(" ")) }

// unescape decodes escapes; what begins none stands for itself.
func (d *Dialect) unescape(b []byte) []byte {
	if bytes.IndexByte(b, d.Escape) < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == d.Escape && i+2 < len(b) {
			if hi, lo := unhex(b[i+1]), unhex(b[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// badEscape reports whether an escape character begins no escape.
func (d *Dialect) badEscape(b []byte) bool {
	for i, c := range b {
		if c == d.Escape && (i+2 >= len(b) || unhex(b[i+1]) < 0 || unhex(b[i+2]) < 0) {
			return true
		}
	}
	return false
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// A field is one pair of an answer, of a value or of a list.
type field struct {
	key    Key
	value  string
	list   []string
	isList bool
}

// An answer is what a command says, before it has a dialect and a version.
type answer struct {
	code   Code
	fields []field
	reason string
}

func (a *answer) set(key Key, value string) {
	a.fields = append(a.fields, field{key: key, value: value})
}

func (a *answer) list(key Key, list []string) {
	a.fields = append(a.fields, field{key: key, list: list, isList: true})
}

func (a *answer) number(key Key, n int) { a.set(key, strconv.Itoa(n)) }

// head is what of the request every answer repeats.
type head struct {
	version *Version
	cmd     Command
	asked   string // the command's name as it was sent
	seq     string
	account string
}

// write makes bytes of an answer.
func (r *rules) write(h head, a answer, now string) []byte {
	dialect := r.d
	out := make([]byte, 0, 128)
	for _, key := range dialect.Head {
		out = r.appendKey(out, key)
		switch key {
		case KeyVersion:
			out = append(out, h.version.Name...)
		case KeyCommand:
			out = r.appendEscaped(out, r.spell(h))
		case KeySeq:
			out = r.appendEscaped(out, r.echoSeq(h.seq))
		case KeyAccount:
			out = r.appendEscaped(out, h.account)
		case KeyCode:
			out = append(out, dialect.Codes[a.code]...)
		}
	}
	for _, field := range r.ordered(h.cmd, a.fields) {
		out = r.appendField(out, field)
	}
	if a.reason != "" && !r.record.noReason {
		out = r.appendEscaped(r.appendKey(out, KeyReason), r.reason(a.reason))
	}
	if h.cmd == CmdLogin && a.code == Done && r.login.extraField {
		out = append(r.appendKey(out, KeyExtra), '1')
	}
	if now != "" && a.code == Done {
		out = append(r.appendKey(out, KeyTime), now...)
	}
	return append(out, h.version.LineEnd...)
}

func (r *rules) spell(h head) string {
	if h.cmd == Unknown {
		return h.asked
	}
	if name, ok := h.version.Spelt[h.cmd]; ok {
		return name
	}
	return r.d.Commands[h.cmd]
}

// ordered puts fields in the order of the dialect.
func (r *rules) ordered(cmd Command, fields []field) []field {
	if cmd == Unknown || len(fields) == 0 {
		return fields
	}
	out := make([]field, 0, len(fields))
	for _, key := range r.d.Fields[cmd] {
		for _, field := range fields {
			if field.key == key {
				out = append(out, field)
			}
		}
	}
	if r.record.otherOrder {
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
	}
	return out
}

func (r *rules) appendKey(out []byte, key Key) []byte {
	if len(out) > 0 {
		out = append(out, r.d.Pair)
	}
	return append(append(out, r.d.Keys[key]...), r.d.Assign)
}

func (r *rules) appendField(out []byte, f field) []byte {
	out = r.appendKey(out, f.key)
	if !f.isList {
		return r.appendEscaped(out, f.value)
	}
	for _, v := range f.list {
		out = append(r.appendEscaped(out, v), r.d.ListEnd...)
	}
	return out
}

const hexDigits = "0123456789abcdef"

// appendEscaped writes a value: separators are escaped, line ends are one
// character, other control characters are dropped.
func (r *rules) appendEscaped(out []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			out = append(out, r.d.NewLine...)
		case c == '\n' && r.record.keepLineFeed:
			out = append(out, c)
		case c == '\n':
			out = append(out, r.d.NewLine...)
		case c < ' ' && c != '\t' || c == 0x7f:
		case c == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0: // U+0080 to U+009F
			i++
		case strings.IndexByte(r.record.escaped, c) >= 0:
			out = append(out, r.d.Escape, hexDigits[c>>4], hexDigits[c&15])
		default:
			out = append(out, c)
		}
	}
	return out
}

// echoSeq is what an answer says for the mark of the request.
func (r *rules) echoSeq(seq string) string {
	if utf8.RuneCountInString(seq) > r.record.seqEcho {
		return string([]rune(seq)[:r.record.seqEcho])
	}
	return seq
}

// number reads a decimal number. What has more digits than fit is the largest.
func number(s string) (n int, ok bool) {
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if n = n*10 + int(s[i]-'0'); n > 1<<40 {
			n = 1 << 40
		}
	}
	return n, true
}
