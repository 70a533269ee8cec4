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
	// A repetition of at least this many characters is written as \{TEXT*N}.
	minRepetitionLength = 24
	// maxRepeatedChars is the length, in characters, of the longest TEXT that AppendText looks for.
	maxRepeatedChars = 12
	// A list of at least this many consecutive numbers is written as \[N-M].
	minConsecutiveNumbers = 8
	// maxRecordBytes bounds a record and the bytes sent in one turn: twice what a server accepts. Without it,
	// a short line could expand to any amount.
	maxRecordBytes = 128 << 10
)

// appendEscaped appends text as the last part of a script line. Equal bytes are always written the same way.
func appendEscaped(dst, text []byte) []byte {
	body := bytes.TrimRight(text, " ")
	dst = appendEscapedPart(dst, body)
	// Editors may remove trailing spaces, so the last one is escaped.
	if spaces := len(text) - len(body); spaces > 0 {
		dst = append(appendEscapedPart(dst, text[len(body)+1:]), `\x20`...)
	}
	return dst
}

// appendEscapedPart appends text as a part of a line that continues after it.
func appendEscapedPart(dst, text []byte) []byte {
	chars := splitChars(text)
	for len(chars) > 0 {
		if firstNumber, lastNumber, n := findConsecutiveNumbers(chars); n > 0 {
			dst = fmt.Appendf(dst, `\[%d-%d]`, firstNumber, lastNumber)
			chars = chars[n:]
			continue
		}
		period, times := findRepetition(chars)
		if times > 1 {
			dst = append(dst, `\{`...)
		}
		for _, char := range chars[:period] {
			dst = appendEscapedChar(dst, char, times > 1)
		}
		if times > 1 {
			dst = fmt.Appendf(dst, "*%d}", times)
		}
		chars = chars[period*times:]
	}
	return dst
}

// splitChars splits text into UTF-8 characters. An invalid byte counts as a character.
func splitChars(text []byte) [][]byte {
	var chars [][]byte
	for len(text) > 0 {
		_, n := utf8.DecodeRune(text)
		chars = append(chars, text[:n])
		text = text[n:]
	}
	return chars
}

// findRepetition returns the length and count of the shortest text whose repetition at the beginning of chars
// is worth an escape. Without one, it returns 1, 1.
func findRepetition(chars [][]byte) (period, times int) {
	for period = 1; period <= maxRepeatedChars && 2*period <= len(chars); period++ {
		same := period
		for same < len(chars) && bytes.Equal(chars[same], chars[same-period]) {
			same++
		}
		if times = same / period; times > 1 && times*period >= minRepetitionLength &&
			!containsClosingBrace(chars[:period]) {
			return period, times
		}
	}
	return 1, 1
}

// containsClosingBrace reports whether a character is a closing brace. Such a text is not written as a
// repetition, because the escaped brace would be unreadable.
func containsClosingBrace(chars [][]byte) bool {
	return slices.ContainsFunc(chars, func(char []byte) bool { return char[0] == '}' })
}

// findConsecutiveNumbers finds a list of consecutive numbers at the beginning of chars, each followed by a
// comma. It returns the length of the list in characters, or 0 if the list is not worth an escape.
func findConsecutiveNumbers(chars [][]byte) (firstNumber, lastNumber uint64, n int) {
	count := 0
	for {
		number, used := parseListElement(chars[n:])
		if used == 0 || count > 0 && number != lastNumber+1 || count == maxRangeLength {
			break
		}
		if count == 0 {
			firstNumber = number
		}
		lastNumber = number
		n += used
		count++
	}
	if count < minConsecutiveNumbers {
		return 0, 0, 0
	}
	return firstNumber, lastNumber, n
}

// parseListElement reads a number without leading zeros, followed by a comma. used is the length in
// characters, or 0 if chars does not begin with such a number.
func parseListElement(chars [][]byte) (number uint64, used int) {
	for used < len(chars) && used < 10 && chars[used][0] >= '0' && chars[used][0] <= '9' {
		number = number*10 + uint64(chars[used][0]-'0')
		used++
	}
	if used == 0 || chars[0][0] == '0' || used == len(chars) || chars[used][0] != ',' {
		return 0, 0
	}
	return number, used + 1
}

// appendEscapedChar appends one character. In a repetition, a star must be escaped.
func appendEscapedChar(dst, char []byte, repeated bool) []byte {
	r, _ := utf8.DecodeRune(char)
	switch {
	case r == '\\':
		return append(dst, `\\`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\t':
		return append(dst, `\t`...)
	case repeated && r == '*' || len(char) == 1 && r == utf8.RuneError || !strconv.IsPrint(r):
		for _, b := range char {
			dst = fmt.Appendf(dst, `\x%02X`, b)
		}
		return dst
	}
	return append(dst, char...)
}

// unescape reverses appendEscaped. If quoted is set, it stops at an unescaped quotation mark, with which
// remaining begins.
func unescape(s string, quoted bool) (text []byte, remaining string, err error) {
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
			text, s, err = expandRepetition(text, s[2:])
		case strings.HasPrefix(s, `\[`):
			text, s, err = expandConsecutive(text, s[2:])
		default:
			text, s, err = unescapeSequence(text, s[1:])
		}
		if err != nil {
			return nil, "", err
		}
	}
	if len(text) > maxRecordBytes {
		return nil, "", errTooLong
	}
	return text, s, nil
}

var errTooLong = fmt.Errorf("more than %d bytes", maxRecordBytes)

// unescapeSequence appends the byte that an escape sequence stands for. text begins after the backslash.
func unescapeSequence(dst []byte, s string) (text []byte, remaining string, err error) {
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

// expandRepetition appends what \{TEXT*N} stands for. The last star before the brace separates TEXT and N.
func expandRepetition(dst []byte, s string) (text []byte, remaining string, err error) {
	inner, remaining, closed := strings.Cut(s, "}")
	star := strings.LastIndexByte(inner, '*')
	if !closed || star < 0 {
		return nil, "", errors.New(`a repetition is written \{TEXT*N}`)
	}
	times, err := strconv.Atoi(inner[star+1:])
	if err != nil || times < 1 {
		return nil, "", fmt.Errorf("a text cannot be repeated %q times", inner[star+1:])
	}
	var piece []byte
	for text := inner[:star]; text != ""; {
		if text[0] != '\\' {
			piece, text = append(piece, text[0]), text[1:]
		} else if piece, text, err = unescapeSequence(piece, text[1:]); err != nil {
			return nil, "", err
		}
	}
	if len(piece) == 0 {
		return nil, "", errors.New("a repetition of nothing")
	}
	if times > maxRecordBytes/len(piece) || len(dst) > maxRecordBytes {
		return nil, "", errTooLong
	}
	return append(dst, bytes.Repeat(piece, times)...), remaining, nil
}

// expandConsecutive appends what \[N-M] stands for.
func expandConsecutive(dst []byte, s string) (text []byte, remaining string, err error) {
	inner, remaining, closed := strings.Cut(s, "]")
	from, to, hyphen := strings.Cut(inner, "-")
	firstNumber, err1 := strconv.ParseUint(from, 10, 64)
	lastNumber, err2 := strconv.ParseUint(to, 10, 64)
	if len(dst) > maxRecordBytes {
		return nil, "", errTooLong
	}
	if !closed || !hyphen || err1 != nil || err2 != nil || lastNumber < firstNumber ||
		lastNumber-firstNumber > maxRangeLength {
		return nil, "", fmt.Errorf(`consecutive numbers are written \[N-M], at most %d`, maxRangeLength)
	}
	for n := firstNumber; n <= lastNumber; n++ {
		dst = append(strconv.AppendUint(dst, n, 10), ',')
	}
	return dst, remaining, nil
}
