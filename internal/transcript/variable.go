package transcript

import (
	"bytes"
	"regexp"
	"strconv"
	"time"
)

// Patterns of variables in records and of the tokens that they stand for.
var (
	variablePattern = regexp.MustCompile(`\{(?:sid:([a-z]+)|now(?:-([0-9]{1,9}))?)\}`)
	tokenPattern    = regexp.MustCompile(`^rk_[0-9A-Za-z_-]{43}`)
)

// expandVariables replaces the variables in record. A token that is still unknown is read from received at
// the same offset; received is nil for requests.
func (r *replayer) expandVariables(record, received []byte) []byte {
	if !bytes.ContainsRune(record, '{') {
		return record
	}
	var out []byte
	end := 0
	for _, indexes := range variablePattern.FindAllSubmatchIndex(record, -1) {
		out = append(out, record[end:indexes[0]]...)
		end = indexes[1]
		if indexes[2] < 0 {
			out = strconv.AppendInt(out, r.server.Now().Add(-secondsAgo(record, indexes)).Unix(), 10)
			continue
		}
		name := string(record[indexes[2]:indexes[3]])
		if r.tokens[name] == "" && len(out) < len(received) {
			r.tokens[name] = string(tokenPattern.Find(received[len(out):]))
		}
		if known := r.tokens[name]; known != "" {
			out = append(out, known...)
		} else {
			out = append(out, record[indexes[0]:indexes[1]]...)
		}
	}
	return append(out, record[end:]...)
}

// secondsAgo returns the N of {now-N}.
func secondsAgo(record []byte, indexes []int) time.Duration {
	if indexes[4] < 0 {
		return 0
	}
	n, _ := strconv.Atoi(string(record[indexes[4]:indexes[5]])) // the pattern allows at most nine digits
	return time.Duration(n) * time.Second
}
