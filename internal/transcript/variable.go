package transcript

import (
	"bytes"
	"regexp"
	"strconv"
	"time"
)

// What a record says in braces instead of what cannot be known before.
var (
	variable = regexp.MustCompile(`\{(?:sid:([a-z]+)|now(?:-([0-9]{1,9}))?)\}`)
	token    = regexp.MustCompile(`^rk_[0-9A-Za-z_-]{43}`)
)

// expand puts in what variables stand for. A token that is not known yet is
// taken from got, where it begins at the same byte; got is nil for what is sent.
func (r *replay) expand(record, got []byte) []byte {
	if !bytes.ContainsRune(record, '{') {
		return record
	}
	var out []byte
	end := 0
	for _, v := range variable.FindAllSubmatchIndex(record, -1) {
		out = append(out, record[end:v[0]]...)
		end = v[1]
		if v[2] < 0 {
			out = strconv.AppendInt(out, r.world.Now().Add(-ago(record, v)).Unix(), 10)
			continue
		}
		name := string(record[v[2]:v[3]])
		if r.tokens[name] == "" && len(out) < len(got) {
			r.tokens[name] = string(token.Find(got[len(out):]))
		}
		if known := r.tokens[name]; known != "" {
			out = append(out, known...)
		} else {
			out = append(out, record[v[0]:v[1]]...)
		}
	}
	return append(out, record[end:]...)
}

// ago is the N of {now-N}.
func ago(record []byte, v []int) time.Duration {
	if v[4] < 0 {
		return 0
	}
	n, _ := strconv.Atoi(string(record[v[4]:v[5]])) // nine digits at most
	return time.Duration(n) * time.Second
}
