package transcript

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// A repetition is written as \{TEXT*N} from this many characters on.
	minRepeated = 24
	// maxPeriod is the longest text, in characters, that is looked for.
	maxPeriod = 12
	// A list of consecutive numbers is written as \[N-M] from this many on.
	minConsecutive = 8
	// maxBytes bounds a record and what is sent in one turn: twice what a server
	// takes. Without it a short line could stand for any amount.
	maxBytes = 128 << 10
)

// appendEscaped appends s as the rest of a line of a script. Equal bytes are
// always written in the same way.
func appendEscaped(dst, s []byte) []byte {
	body := bytes.TrimRight(s, " ")
	dst = appendInner(dst, body)
	// An editor may take spaces at a line's end away.
	if spaces := len(s) - len(body); spaces > 0 {
		dst = append(appendInner(dst, s[len(body)+1:]), `\x20`...)
	}
	return dst
}

// appendInner appends s as a script has it where more follows.
func appendInner(dst, s []byte) []byte {
	chars := split(s)
	for len(chars) > 0 {
		if first, last, n := consecutive(chars); n > 0 {
			dst = fmt.Appendf(dst, `\[%d-%d]`, first, last)
			chars = chars[n:]
			continue
		}
		period, times := repetition(chars)
		if times > 1 {
			dst = append(dst, `\{`...)
		}
		for _, c := range chars[:period] {
			dst = appendChar(dst, c, times > 1)
		}
		if times > 1 {
			dst = fmt.Appendf(dst, "*%d}", times)
		}
		chars = chars[period*times:]
	}
	return dst
}

// split cuts s into characters; a byte that begins none is one.
func split(s []byte) [][]byte {
	var chars [][]byte
	for len(s) > 0 {
		_, n := utf8.DecodeRune(s)
		chars = append(chars, s[:n])
		s = s[n:]
	}
	return chars
}

// repetition finds the shortest text that chars begins with often enough to be
// worth an escape. Otherwise it is one character, once.
func repetition(chars [][]byte) (period, times int) {
	for period = 1; period <= maxPeriod && 2*period <= len(chars); period++ {
		same := period
		for same < len(chars) && bytes.Equal(chars[same], chars[same-period]) {
			same++
		}
		if times = same / period; times > 1 && times*period >= minRepeated && !hasBrace(chars[:period]) {
			return period, times
		}
	}
	return 1, 1
}

// hasBrace reports a brace that ends a variable, or looks so: as the end of a
// repetition it would have to be escaped, and nobody could read it.
func hasBrace(chars [][]byte) bool {
	return slices.ContainsFunc(chars, func(c []byte) bool { return c[0] == '}' })
}

// consecutive finds the list of consecutive numbers, each followed by a comma,
// that chars begins with: 10001,10002, and on. It is n characters long, 0 if
// there is none worth an escape.
func consecutive(chars [][]byte) (first, last uint64, n int) {
	count := 0
	for {
		number, used := element(chars[n:])
		if used == 0 || count > 0 && number != last+1 || count == maxRange {
			break
		}
		if count == 0 {
			first = number
		}
		last = number
		n += used
		count++
	}
	if count < minConsecutive {
		return 0, 0, 0
	}
	return first, last, n
}

// element reads a number as it is written in a list: no zero in front, a comma
// behind. It is used characters long, 0 if there is none.
func element(chars [][]byte) (number uint64, used int) {
	for used < len(chars) && used < 10 && chars[used][0] >= '0' && chars[used][0] <= '9' {
		number = number*10 + uint64(chars[used][0]-'0')
		used++
	}
	if used == 0 || chars[0][0] == '0' || used == len(chars) || chars[used][0] != ',' {
		return 0, 0
	}
	return number, used + 1
}

// appendChar appends one character. In a repetition a star has a meaning of
// its own.
func appendChar(dst, c []byte, repeated bool) []byte {
	r, _ := utf8.DecodeRune(c)
	switch {
	case r == '\\':
		return append(dst, `\\`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\t':
		return append(dst, `\t`...)
	case repeated && r == '*' || len(c) == 1 && r == utf8.RuneError || !strconv.IsPrint(r):
		for _, b := range c {
			dst = fmt.Appendf(dst, `\x%02X`, b)
		}
		return dst
	}
	return append(dst, c...)
}

// unescape is the reverse of appendEscaped. With quoted, it ends at an
// unescaped quotation mark; rest begins with it.
func unescape(s string, quoted bool) (text []byte, rest string, err error) {
	for s != "" {
		if quoted && s[0] == '"' {
			break
		}
		if s[0] != '\\' {
			text, s = append(text, s[0]), s[1:]
			continue
		}
		switch {
		case strings.HasPrefix(s, `\{`):
			text, s, err = repeat(text, s[2:])
		case strings.HasPrefix(s, `\[`):
			text, s, err = count(text, s[2:])
		default:
			text, s, err = unescapeOne(text, s[1:])
		}
		if err != nil {
			return nil, "", err
		}
	}
	if len(text) > maxBytes {
		return nil, "", errTooLong
	}
	return text, s, nil
}

var errTooLong = fmt.Errorf("more than %d bytes", maxBytes)

// unescapeOne appends what stands behind a backslash.
func unescapeOne(dst []byte, s string) (text []byte, rest string, err error) {
	if s == "" {
		return nil, "", errors.New(`a backslash at the end: write it as \\`)
	}
	switch s[0] {
	case '\\', '"':
		return append(dst, s[0]), s[1:], nil
	case 'r':
		return append(dst, '\r'), s[1:], nil
	case 'n':
		return append(dst, '\n'), s[1:], nil
	case 't':
		return append(dst, '\t'), s[1:], nil
	case 'x':
		if len(s) >= 3 {
			if b, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
				return append(dst, byte(b)), s[3:], nil
			}
		}
		return nil, "", errors.New(`\x needs two hex digits`)
	}
	return nil, "", fmt.Errorf(`\%c is no escape; there are \\ \r \n \t \xNN \{TEXT*N} \[N-M]`, s[0])
}

// repeat appends what \{ introduces. The last star before the brace counts.
func repeat(dst []byte, s string) (text []byte, rest string, err error) {
	inner, rest, closed := strings.Cut(s, "}")
	star := strings.LastIndexByte(inner, '*')
	if !closed || star < 0 {
		return nil, "", errors.New(`a repetition is written \{TEXT*N}`)
	}
	times, err := strconv.Atoi(inner[star+1:])
	if err != nil || times < 1 {
		return nil, "", fmt.Errorf("a text cannot be repeated %q times", inner[star+1:])
	}
	var part []byte
	for s := inner[:star]; s != ""; {
		if s[0] != '\\' {
			part, s = append(part, s[0]), s[1:]
		} else if part, s, err = unescapeOne(part, s[1:]); err != nil {
			return nil, "", err
		}
	}
	if len(part) == 0 {
		return nil, "", errors.New("a repetition of nothing")
	}
	if times > maxBytes/len(part) || len(dst) > maxBytes {
		return nil, "", errTooLong
	}
	return append(dst, bytes.Repeat(part, times)...), rest, nil
}

// count appends what \[ introduces.
func count(dst []byte, s string) (text []byte, rest string, err error) {
	inner, rest, closed := strings.Cut(s, "]")
	from, to, hyphen := strings.Cut(inner, "-")
	first, err1 := strconv.ParseUint(from, 10, 64)
	last, err2 := strconv.ParseUint(to, 10, 64)
	if len(dst) > maxBytes {
		return nil, "", errTooLong
	}
	if !closed || !hyphen || err1 != nil || err2 != nil || last < first || last-first > maxRange {
		return nil, "", fmt.Errorf(`consecutive numbers are written \[N-M], at most %d`, maxRange)
	}
	for n := first; n <= last; n++ {
		dst = append(strconv.AppendUint(dst, n, 10), ',')
	}
	return dst, rest, nil
}
