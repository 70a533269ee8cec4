package wire

import "bytes"

// KeyValue is one KEY=VALUE pair. Both are slices of the parsed input. Value is still escaped; see
// Unescape and Decode.
type KeyValue struct {
	Key, Value []byte
}

// Record is a parsed record. The zero Record is empty and ready for Parse. It is valid until the
// next Parse, and as long as the parsed input is not changed.
type Record struct {
	pairs []KeyValue
}

// maxKeptPairs limits the storage kept for the next record. A malicious record of 64 KiB has 20,000
// pairs, a normal one about 30.
const maxKeptPairs = 256

// Parse parses a request. It never fails: a part without '=' is ignored. Spaces, CR and LF are
// trimmed around the record and around each value, but only at the end of a text. A text may
// contain '&' and whole pairs; section 2 of docs/protocol.md, "Text fields", defines where it ends
// and whether a final '&' belongs to it.
func (r *Record) Parse(data []byte) {
	r.parse(trimSpace(data), findTextField(data))
}

// ParseAnswer parses an answer, in which every '&' in a value is escaped and spaces belong to the
// value. Only the final line end is trimmed.
func (r *Record) ParseAnswer(data []byte) {
	if line, ok := bytes.CutSuffix(data, []byte("\n")); ok {
		data = bytes.TrimSuffix(line, []byte("\r"))
	}
	r.reset()
	for {
		key, tail, ok := cutKey(data)
		if !ok {
			return
		}
		n := pairLength(tail)
		r.pairs = append(r.pairs, KeyValue{key, tail[:n]})
		data = tail[n:]
	}
}

// Pairs returns the pairs in the order in which they were sent.
func (r *Record) Pairs() []KeyValue { return r.pairs }

// Raw returns the value of the first pair with key, still escaped. Keys are compared with
// EqualFold.
func (r *Record) Raw(key string) (value []byte, ok bool) {
	for i := range r.pairs {
		if EqualFold(r.pairs[i].Key, key) {
			return r.pairs[i].Value, true
		}
	}
	return nil, false
}

// parse parses a trimmed request. text is the text field of its command, or nil.
func (r *Record) parse(data []byte, text *textField) {
	r.reset()
	for {
		key, tail, ok := cutKey(data)
		if !ok {
			return
		}
		n := pairLength(tail)
		value := trimSpace(tail[:n])
		if text != nil && EqualFold(key, text.key) {
			n = text.textLength(tail, r)
			value = trimSpaceRight(tail[:n])
			if n == len(tail) && r.mayAppendAmpersand() {
				value = trimSpaceRight(bytes.TrimSuffix(value, []byte("&")))
			}
			text = nil // a second one is an ordinary pair
		}
		r.pairs = append(r.pairs, KeyValue{key, value})
		data = tail[n:]
	}
}

// mayAppendAmpersand reports whether a final '&' comes from the client program and not from the
// user's text. Programs before 1.4 append one, unless they send a SID: those are new enough to
// escape the user's. The pairs before the text must have been parsed.
func (r *Record) mayAppendAmpersand() bool {
	rawVersion, _ := r.Raw("VER")
	version, _ := ParseVersion(Unescape(nil, rawVersion))
	_, hasSID := r.Raw("SID")
	return version.lookupTraits().appendsAmpersand && !hasSID
}

func (r *Record) reset() {
	if cap(r.pairs) > maxKeptPairs {
		r.pairs = nil
	}
	r.pairs = r.pairs[:0]
}

// cutKey returns the first key that '=' follows, and everything after that '='. It skips empty
// pairs and words without '='.
func cutKey(data []byte) (key, tail []byte, ok bool) {
	start := 0
	for i, char := range data {
		switch char {
		case '&':
			start = i + 1
		case '=':
			return data[start:i], data[i+1:], true
		}
	}
	return nil, nil, false
}

// pairLength returns the length of the value at the start of tail.
func pairLength(tail []byte) int {
	if n := bytes.IndexByte(tail, '&'); n >= 0 {
		return n
	}
	return len(tail)
}

func trimSpace(data []byte) []byte {
	for len(data) > 0 && isTrimmedSpace(data[0]) {
		data = data[1:]
	}
	return trimSpaceRight(data)
}

func trimSpaceRight(data []byte) []byte {
	for len(data) > 0 && isTrimmedSpace(data[len(data)-1]) {
		data = data[:len(data)-1]
	}
	return data
}

func isTrimmedSpace(char byte) bool { return char == ' ' || char == '\r' || char == '\n' }

// EqualFold compares names, such as keys, commands and headers, ignoring the case of ASCII letters
// only. bytes.EqualFold would also match the Kelvin sign with K, and two programs could then
// disagree about a name.
func EqualFold(data []byte, text string) bool {
	if len(data) != len(text) {
		return false
	}
	for i := range data {
		if lowerASCII(data[i]) != lowerASCII(text[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(char byte) byte {
	if 'A' <= char && char <= 'Z' {
		char += 'a' - 'A'
	}
	return char
}
