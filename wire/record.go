package wire

import "bytes"

// KeyValue is one KEY=VALUE of a record. Both are slices of the parsed input. Value
// is as it was sent, escapes and all; see Unescape and Decode.
type KeyValue struct {
	Key, Value []byte
}

// Record is a parsed record. The zero Record is empty and ready for Parse. It
// is valid as long as the parsed input is left alone, and until it parses the
// next.
type Record struct {
	pairs []KeyValue
}

// maxKeptPairs bounds the storage that a Record keeps for its next input: a
// hostile record of 64 KiB has 20,000 pairs, an honest one some 30.
const maxKeptPairs = 256

// Parse reads a request. Nothing is an error: what has no '=' is no pair and is
// ignored, so is nothing between two '&'. Space, CR and LF around the record
// and around each value are dropped, of a text only those behind it. A text may
// hold '&' and whole pairs: section 2 of the protocol, "Text fields", says
// where it ends, and when a '&' at the record's end is no part of it.
func (r *Record) Parse(b []byte) {
	r.parse(trimSpace(b), findTextField(b))
}

// ParseAnswer reads an answer, where every '&' inside a value is escaped and
// every space belongs to its value. Only a line end behind the record is
// dropped.
func (r *Record) ParseAnswer(b []byte) {
	if line, ok := bytes.CutSuffix(b, []byte("\n")); ok {
		b = bytes.TrimSuffix(line, []byte("\r"))
	}
	r.reset()
	for {
		key, tail, ok := cutKey(b)
		if !ok {
			return
		}
		n := pairLength(tail)
		r.pairs = append(r.pairs, KeyValue{key, tail[:n]})
		b = tail[n:]
	}
}

// Pairs returns the pairs in the order in which they were sent.
func (r *Record) Pairs() []KeyValue { return r.pairs }

// Raw returns the value of the first pair with that key, as it was sent. Keys
// are compared without case.
func (r *Record) Raw(key string) (value []byte, ok bool) {
	for i := range r.pairs {
		if EqualFold(r.pairs[i].Key, key) {
			return r.pairs[i].Value, true
		}
	}
	return nil, false
}

// parse reads a trimmed request in which the given field, nil for none, holds
// a text.
func (r *Record) parse(b []byte, text *textField) {
	r.reset()
	for {
		key, tail, ok := cutKey(b)
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
			text = nil // a second one is a pair like any other
		}
		r.pairs = append(r.pairs, KeyValue{key, value})
		b = tail[n:]
	}
}

// mayAppendAmpersand reports whether a '&' at the end of the record, whose pairs
// before its text are known, is the client program's and not the user's: in the
// versions before 1.4, unless the record has a SID. Whoever sends that is new
// enough to escape the user's.
func (r *Record) mayAppendAmpersand() bool {
	ver, _ := r.Raw("VER")
	version, _ := ParseVersion(Unescape(nil, ver))
	_, sid := r.Raw("SID")
	return version.lookupTraits().appendsAmpersand && !sid
}

func (r *Record) reset() {
	if cap(r.pairs) > maxKeptPairs {
		r.pairs = nil
	}
	r.pairs = r.pairs[:0]
}

// cutKey finds the first key in b that a '=' follows; tail is all behind that
// '='. Empty pairs and words without '=' before it are passed over.
func cutKey(b []byte) (key, tail []byte, ok bool) {
	start := 0
	for i, c := range b {
		switch c {
		case '&':
			start = i + 1
		case '=':
			return b[start:i], b[i+1:], true
		}
	}
	return nil, nil, false
}

// pairLength is the length of the value that tail begins with.
func pairLength(tail []byte) int {
	if n := bytes.IndexByte(tail, '&'); n >= 0 {
		return n
	}
	return len(tail)
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && isTrimmedSpace(b[0]) {
		b = b[1:]
	}
	return trimSpaceRight(b)
}

func trimSpaceRight(b []byte) []byte {
	for len(b) > 0 && isTrimmedSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isTrimmedSpace(c byte) bool { return c == ' ' || c == '\r' || c == '\n' }

// EqualFold compares names, such as keys, commands and headers, without case of
// ASCII letters. bytes.EqualFold would also take the Kelvin sign for a K, and
// then a name that one reader knows could be unknown to another.
func EqualFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lowerASCII(b[i]) != lowerASCII(s[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
