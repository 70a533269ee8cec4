package transcript

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Write writes the script so that Parse reads it as it was. A script that Write
// has written is written by it again byte for byte.
func (s *Script) Write(w io.Writer) error {
	_, err := w.Write(s.Append(nil))
	return err
}

// Append appends the script's text to dst.
func (s *Script) Append(dst []byte) []byte {
	for i, step := range s.Steps {
		if i > 0 && len(step.Comment) == 0 && joined(s.Steps[i-1].Action, step.Action) {
			dst = append(dst, '\n')
		}
		dst = appendLines(dst, step.Comment)
		dst = append(step.Action.appendText(dst), '\n')
	}
	return appendLines(dst, s.Trailer)
}

// joined reports whether two steps would be read as one if nothing stood
// between them.
func joined(a, b Action) bool {
	first, ok1 := a.(*Connection)
	_, ok2 := b.(*Connection)
	return ok1 && ok2 && !first.Ends
}

func appendLines(dst []byte, lines []string) []byte {
	for _, line := range lines {
		dst = append(append(dst, line...), '\n')
	}
	return dst
}

func (a *Account) appendText(dst []byte) []byte {
	dst = appendRange(append(dst, "account "...), a.UIN, a.Last)
	if a.Password != DefaultPassword {
		dst = appendValue(append(dst, " password="...), a.Password)
	}
	return appendFields(dst, a.Fields)
}

func (a *Set) appendText(dst []byte) []byte {
	return appendFields(fmt.Appendf(dst, "set %d", a.UIN), a.Fields)
}

func (a *Friends) appendText(dst []byte) []byte {
	return appendRange(fmt.Appendf(dst, "friends %d ", a.UIN), a.First, a.Last)
}

func (a *Setting) appendText(dst []byte) []byte {
	return appendValue(fmt.Appendf(dst, "setting %s ", a.Name), a.Value)
}

func (a *Notice) appendText(dst []byte) []byte {
	to := "all"
	if len(a.To) > 0 {
		var uins []string
		for _, uin := range a.To {
			uins = append(uins, strconv.FormatUint(uint64(uin), 10))
		}
		to = strings.Join(uins, ",")
	}
	return appendQuoted(fmt.Appendf(dst, "notice %s ", to), a.Text)
}

func (a *Remove) appendText(dst []byte) []byte { return fmt.Appendf(dst, "remove %d", a.UIN) }

func (a *SetPassword) appendText(dst []byte) []byte {
	return appendValue(fmt.Appendf(dst, "passwd %d ", a.UIN), a.Password)
}

func (a *Restart) appendText(dst []byte) []byte {
	if a.Down == 0 {
		return append(dst, "restart"...)
	}
	return appendDuration(append(dst, "restart "...), a.Down)
}

func (a *Wait) appendText(dst []byte) []byte {
	return appendDuration(append(dst, "wait "...), a.For)
}

func (a *Client) appendText(dst []byte) []byte { return fmt.Appendf(dst, "@%s", a.Name) }

func (a *Login) appendText(dst []byte) []byte {
	return appendRange(append(dst, "login "...), a.UIN, a.Last)
}

func (a *Charset) appendText(dst []byte) []byte { return fmt.Appendf(dst, "charset %s", a.Name) }

func (x *Exchange) appendText(dst []byte) []byte {
	if x.Times > 1 {
		dst = fmt.Appendf(dst, "repeat %d\n", x.Times)
	}
	dst = appendRecord(dst, ">", x.Request)
	return appendRecord(append(dst, '\n'), "<", x.Answer)
}

func (c *Connection) appendText(dst []byte) []byte {
	for _, turn := range c.Turns {
		for rest := turn.Sent; len(rest) > 0; {
			n := pieceEnd(rest)
			dst = append(appendRecord(dst, ">>", rest[:n]), '\n')
			rest = rest[n:]
		}
		for _, hTTPAnswer := range turn.Answers {
			dst = fmt.Appendf(dst, "<< %d", hTTPAnswer.Status)
			if hTTPAnswer.Record != nil {
				dst = appendEscaped(append(dst, ' '), hTTPAnswer.Record)
			}
			dst = append(dst, '\n')
		}
	}
	if c.Ends {
		dst = append(dst, "<< end\n"...)
	}
	return bytes.TrimSuffix(dst, []byte("\n"))
}

// pieceEnd is how much of what is sent on a connection is written on one line
// of a script: up to a line end, but many equal blank lines together.
func pieceEnd(sent []byte) int {
	end := bytes.IndexByte(sent, '\n') + 1
	if end == 0 {
		return len(sent)
	}
	blank := sent[:end]
	if string(blank) != "\n" && string(blank) != "\r\n" {
		return end
	}
	run := end
	for bytes.HasPrefix(sent[run:], blank) {
		run += len(blank)
	}
	if run < minRepeated {
		return end
	}
	return run
}

func (s *Say) appendText(dst []byte) []byte {
	return appendRecord(appendLine(dst, s.Line), ">", s.Record)
}

func (s *SayBytes) appendText(dst []byte) []byte {
	return appendRecord(appendLine(dst, s.Line), ">>", s.Bytes)
}

func (h *Hear) appendText(dst []byte) []byte {
	return appendRecord(appendLine(dst, h.Line), "<", h.Record)
}

func (h *HearNothing) appendText(dst []byte) []byte {
	return append(appendLine(dst, h.Line), "< "+lineNothing...)
}

func (h *HearEnd) appendText(dst []byte) []byte {
	return append(appendLine(dst, h.Line), "< "+lineEnds...)
}

func (h *HangUp) appendText(dst []byte) []byte {
	return append(appendLine(dst, h.Line), " close"...)
}

func appendLine(dst []byte, name string) []byte { return append(append(dst, '%'), name...) }

func appendRecord(dst []byte, mark string, record []byte) []byte {
	dst = append(dst, mark...)
	if len(record) > 0 {
		dst = append(dst, ' ')
	}
	return appendEscaped(dst, record)
}

// appendDuration writes whole seconds as such: 300s, the unit of LI.
func appendDuration(dst []byte, d time.Duration) []byte {
	if d%time.Second == 0 {
		return fmt.Appendf(dst, "%ds", d/time.Second)
	}
	return append(dst, d.String()...)
}

func appendRange(dst []byte, first, last uint32) []byte {
	dst = strconv.AppendUint(dst, uint64(first), 10)
	if last > first {
		dst = strconv.AppendUint(append(dst, '-'), uint64(last), 10)
	}
	return dst
}

func appendFields(dst []byte, fields []Field) []byte {
	for _, field := range fields {
		dst = append(append(append(dst, ' '), field.Name...), '=')
		dst = appendValue(dst, field.Value)
	}
	return dst
}

// appendValue appends a value of a directive, between quotation marks only if
// it needs them.
func appendValue(dst []byte, value string) []byte {
	if value != "" && !strings.ContainsFunc(value, needsQuotes) {
		return append(dst, value...)
	}
	return appendQuoted(dst, value)
}

func needsQuotes(r rune) bool {
	return r == ' ' || r == '"' || r == '\\' || r == utf8.RuneError || !strconv.IsPrint(r)
}

func appendQuoted(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i, part := range strings.Split(text, `"`) {
		if i > 0 {
			dst = append(dst, `\"`...)
		}
		dst = appendInner(dst, []byte(part))
	}
	return append(dst, '"')
}
