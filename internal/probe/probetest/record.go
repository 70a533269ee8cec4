package probetest

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// recordPair is a key as sent, with its value before escapes and charset are decoded.
type recordPair struct {
	key   string
	value []byte
}

// parsedRecord is a request that is split into pairs but not decoded.
type parsedRecord struct {
	pairs []recordPair
	rules *serverRules
}

// parseRecord splits a body into pairs. It looks for the command first, because only commands with
// free text allow separators in a value.
func parseRecord(rules *serverRules, body []byte) parsedRecord {
	body = trimSpace(body)
	parsed := parsedRecord{rules: rules}
	for _, part := range bytes.Split(body, []byte{rules.dialect.Pair}) {
		parsed.pairs = append(parsed.pairs, rules.cutPair(part))
	}
	if row := rowForCommand(rules.dialect.findCommand(string(parsed.findWord(keyCommand)),
		rules.record.exactCommands)); row.textKey != noKey {
		parsed.pairs = rules.parseWithText(body, row)
	}
	return parsed
}

// cutPair splits a pair at its first separator. A part without a separator becomes an empty pair.
func (r *serverRules) cutPair(part []byte) recordPair {
	key, value, ok := bytes.Cut(part, []byte{r.dialect.Assign})
	if !ok {
		return recordPair{}
	}
	return recordPair{string(key), value}
}

// parseWithText splits a body that contains free text, which may contain unescaped separators. If all
// other keys of the command precede the text, the text extends to the end of the body. Otherwise it
// ends before the first key that is still missing.
func (r *serverRules) parseWithText(body []byte, row commandRow) []recordPair {
	needed := []keyID{keyVersion, keyCommand, keySeq, keyAccount}
	for _, key := range row.parameters {
		if key != row.textKey {
			needed = append(needed, key)
		}
	}
	var pairs []recordPair
	seen := false
	for remaining := body; ; {
		part, after, more := bytes.Cut(remaining, []byte{r.dialect.Pair})
		pair := r.cutPair(part)
		if !seen && r.isKey(pair.key, row.textKey) {
			seen = true
			end := r.textEnd(remaining, needed)
			pair = r.cutPair(remaining[:end])
			more = end < len(remaining)
			if more {
				after = remaining[end+1:]
			}
		}
		pairs = append(pairs, pair)
		for i, key := range needed {
			if r.isKey(pair.key, key) {
				needed = append(needed[:i], needed[i+1:]...)
				break
			}
		}
		if !more {
			return pairs
		}
		remaining = after
	}
}

// textEnd returns the length of the text pair at the beginning of remaining. needed are the keys that
// have not been seen yet.
func (r *serverRules) textEnd(remaining []byte, needed []keyID) int {
	for i, char := range remaining {
		if char != r.dialect.Pair {
			continue
		}
		key, _, ok := bytes.Cut(remaining[i+1:], []byte{r.dialect.Assign})
		if !ok || bytes.IndexByte(key, r.dialect.Pair) >= 0 {
			continue
		}
		for _, k := range needed {
			if r.isKey(string(key), k) {
				return i
			}
		}
	}
	return len(remaining)
}

// isKey reports whether a sent key names key. The case is ignored unless a mutant compares exactly.
func (r *serverRules) isKey(sent string, key keyID) bool {
	name := r.dialect.Keys[key]
	return sent == name || !r.record.exactKeys && strings.EqualFold(sent, name)
}

// findValue returns the undecoded value of a key. If the key is given twice, the first value counts,
// or the last one in a mutant. ok is false if the key is absent.
func (rec parsedRecord) findValue(key keyID) (value []byte, ok bool) {
	for _, pair := range rec.pairs {
		if rec.rules.isKey(pair.key, key) {
			value, ok = pair.value, true
			if !rec.rules.record.lastDuplicateCounts {
				break
			}
		}
	}
	return value, ok
}

// findWord returns the value of a key that should be ASCII, trimmed and without escapes. It returns
// nil if the key is absent.
func (rec parsedRecord) findWord(key keyID) []byte {
	value, _ := rec.findValue(key)
	return rec.rules.dialect.unescape(trimSpace(value))
}

func trimSpace(raw []byte) []byte { return bytes.Trim(raw, " \r\n") }

func trimRight(raw []byte) []byte { return bytes.TrimRight(raw, " \r\n") }

func plusToSpace(raw []byte) []byte { return bytes.ReplaceAll(raw, []byte("+"), []byte(" ")) }

// unescape decodes escapes. An escape character without two hex digits behind it stays as it is.
func (d *Dialect) unescape(raw []byte) []byte {
	if bytes.IndexByte(raw, d.Escape) < 0 {
		return raw
	}
	result := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == d.Escape && i+2 < len(raw) {
			if high, low := hexValue(raw[i+1]), hexValue(raw[i+2]); high >= 0 && low >= 0 {
				result = append(result, byte(high<<4|low))
				i += 2
				continue
			}
		}
		result = append(result, raw[i])
	}
	return result
}

// hasBadEscape reports whether an escape character lacks two hex digits behind it.
func (d *Dialect) hasBadEscape(raw []byte) bool {
	for i, char := range raw {
		if char == d.Escape && (i+2 >= len(raw) || hexValue(raw[i+1]) < 0 || hexValue(raw[i+2]) < 0) {
			return true
		}
	}
	return false
}

// hexValue returns the value of a hex digit, -1 for other characters.
func hexValue(char byte) int {
	switch {
	case '0' <= char && char <= '9':
		return int(char - '0')
	case 'a' <= char && char <= 'f':
		return int(char-'a') + 10
	case 'A' <= char && char <= 'F':
		return int(char-'A') + 10
	}
	return -1
}

// field is one pair of an answer. isList selects list instead of value, so that an empty list is not
// taken for an empty value.
type field struct {
	key    keyID
	value  string
	list   []string
	isList bool
}

// answer is the result of a command, independent of dialect and version.
type answer struct {
	code   answerCode
	fields []field // in any order; formatAnswer sorts them
	reason string  // for people, why the code is not codeDone; "" for none
}

func (a *answer) setValue(key keyID, value string) {
	a.fields = append(a.fields, field{key: key, value: value})
}

func (a *answer) setList(key keyID, list []string) {
	a.fields = append(a.fields, field{key: key, list: list, isList: true})
}

func (a *answer) setNumber(key keyID, number int) { a.setValue(key, strconv.Itoa(number)) }

// requestHead is the part of a request that its answer repeats.
type requestHead struct {
	version     *dialectVersion
	command     commandID
	commandWord string // the command's name as sent
	seq         string
	account     string
}

// formatAnswer encodes an answer. now is the value of the time field of [Config.TimeField], "" for
// no such field.
func (r *serverRules) formatAnswer(head requestHead, a answer, now string) []byte {
	dialect := r.dialect
	result := make([]byte, 0, 128)
	for _, key := range dialect.Head {
		result = r.appendKey(result, key)
		switch key {
		case keyVersion:
			result = append(result, head.version.Name...)
		case keyCommand:
			result = r.appendEscaped(result, r.commandName(head))
		case keySeq:
			result = r.appendEscaped(result, r.echoSeq(head.seq))
		case keyAccount:
			result = r.appendEscaped(result, head.account)
		case keyCode:
			result = append(result, dialect.Codes[a.code]...)
		}
	}
	for _, field := range r.orderFields(head.command, a.fields) {
		result = r.appendField(result, field)
	}
	if a.reason != "" && !r.record.omitsReason {
		result = r.appendEscaped(r.appendKey(result, keyReason), r.formatReason(a.reason))
	}
	if head.command == cmdLogin && a.code == codeDone && r.login.addsExtraField {
		result = append(r.appendKey(result, keyExtra), '1')
	}
	if now != "" && a.code == codeDone {
		result = append(r.appendKey(result, keyTime), now...)
	}
	return append(result, head.version.LineEnd...)
}

func (r *serverRules) commandName(head requestHead) string {
	if head.command == cmdUnknown {
		return head.commandWord
	}
	if name, ok := head.version.Spelt[head.command]; ok {
		return name
	}
	return r.dialect.Commands[head.command]
}

// orderFields sorts fields into the dialect's order. It drops fields that the dialect does not list
// for the command.
func (r *serverRules) orderFields(command commandID, fields []field) []field {
	if command == cmdUnknown || len(fields) == 0 {
		return fields
	}
	ordered := make([]field, 0, len(fields))
	for _, key := range r.dialect.Fields[command] {
		for _, field := range fields {
			if field.key == key {
				ordered = append(ordered, field)
			}
		}
	}
	if r.record.reversesFields {
		for i, j := 0, len(ordered)-1; i < j; i, j = i+1, j-1 {
			ordered[i], ordered[j] = ordered[j], ordered[i]
		}
	}
	return ordered
}

func (r *serverRules) appendKey(result []byte, key keyID) []byte {
	if len(result) > 0 {
		result = append(result, r.dialect.Pair)
	}
	return append(append(result, r.dialect.Keys[key]...), r.dialect.Assign)
}

func (r *serverRules) appendField(result []byte, f field) []byte {
	result = r.appendKey(result, f.key)
	if !f.isList {
		return r.appendEscaped(result, f.value)
	}
	for _, value := range f.list {
		result = append(r.appendEscaped(result, value), r.dialect.ListEnd...)
	}
	return result
}

const hexDigits = "0123456789abcdef"

// appendEscaped appends a value. It escapes separators, replaces line ends by the dialect's, and
// drops other control characters.
func (r *serverRules) appendEscaped(result []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		char := text[i]
		switch {
		case char == '\r':
			if i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			result = append(result, r.dialect.NewLine...)
		case char == '\n' && r.record.keepsLineFeed:
			result = append(result, char)
		case char == '\n':
			result = append(result, r.dialect.NewLine...)
		case char < ' ' && char != '\t' || char == 0x7f:
		case char == 0xc2 && i+1 < len(text) && text[i+1] < 0xa0: // U+0080 to U+009F
			i++
		case strings.IndexByte(r.record.escapedBytes, char) >= 0:
			result = append(result, r.dialect.Escape, hexDigits[char>>4], hexDigits[char&15])
		default:
			result = append(result, char)
		}
	}
	return result
}

// echoSeq returns the SEQ that the answer repeats.
func (r *serverRules) echoSeq(seq string) string {
	if utf8.RuneCountInString(seq) > r.record.seqEchoLength {
		return string([]rune(seq)[:r.record.seqEchoLength])
	}
	return seq
}

// parseNumber parses an unsigned decimal number. Numbers above 1<<40 become 1<<40, which is beyond
// every limit. ok is false if text is empty or has a character other than a digit.
func parseNumber(text string) (number int, ok bool) {
	if text == "" {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		if number = number*10 + int(text[i]-'0'); number > 1<<40 {
			number = 1 << 40
		}
	}
	return number, true
}
