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

// Write writes the script in the form that Parse reads. Writing a parsed script that Write produced yields
// the same bytes.
func (s *Script) Write(writer io.Writer) error {
	_, err := writer.Write(s.AppendText(nil))
	return err
}

// AppendText appends the script's text to dst.
func (s *Script) AppendText(dst []byte) []byte {
	for i, step := range s.Steps {
		if i > 0 && len(step.Comment) == 0 && needSeparator(s.Steps[i-1].Action, step.Action) {
			dst = append(dst, '\n')
		}
		dst = appendLines(dst, step.Comment)
		dst = append(step.Action.appendText(dst), '\n')
	}
	return appendLines(dst, s.Trailer)
}

// needSeparator reports whether Parse would merge two adjacent steps into one without an empty line.
func needSeparator(a, b Action) bool {
	first, ok1 := a.(*RawConnection)
	_, ok2 := b.(*RawConnection)
	return ok1 && ok2 && !first.ServerCloses
}

func appendLines(dst []byte, lines []string) []byte {
	for _, line := range lines {
		dst = append(append(dst, line...), '\n')
	}
	return dst
}

func (a *CreateAccounts) appendText(dst []byte) []byte {
	dst = appendRange(append(dst, "account "...), a.UIN, a.Last)
	if a.Password != DefaultPassword {
		dst = appendValue(append(dst, " password="...), a.Password)
	}
	return appendFields(dst, a.AccountFields)
}

func (a *ChangeAccount) appendText(dst []byte) []byte {
	return appendFields(fmt.Appendf(dst, "set %d", a.UIN), a.Fields)
}

func (a *Befriend) appendText(dst []byte) []byte {
	return appendRange(fmt.Appendf(dst, "friends %d ", a.UIN), a.First, a.Last)
}

func (a *ServerSetting) appendText(dst []byte) []byte {
	return appendValue(fmt.Appendf(dst, "setting %s ", a.Name), a.Value)
}

func (a *SendNotice) appendText(dst []byte) []byte {
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

func (a *RemoveAccount) appendText(dst []byte) []byte { return fmt.Appendf(dst, "remove %d", a.UIN) }

func (a *SetPassword) appendText(dst []byte) []byte {
	return appendValue(fmt.Appendf(dst, "passwd %d ", a.UIN), a.Password)
}

func (a *RestartServer) appendText(dst []byte) []byte {
	if a.Downtime == 0 {
		return append(dst, "restart"...)
	}
	return appendDuration(append(dst, "restart "...), a.Downtime)
}

func (a *AdvanceClock) appendText(dst []byte) []byte {
	return appendDuration(append(dst, "wait "...), a.Duration)
}

func (a *SwitchClient) appendText(dst []byte) []byte { return fmt.Appendf(dst, "@%s", a.Name) }

func (a *LogInAccounts) appendText(dst []byte) []byte {
	return appendRange(append(dst, "login "...), a.UIN, a.Last)
}

func (a *SetCharset) appendText(dst []byte) []byte { return fmt.Appendf(dst, "charset %s", a.Name) }

func (x *Exchange) appendText(dst []byte) []byte {
	if x.Repetitions > 1 {
		dst = fmt.Appendf(dst, "repeat %d\n", x.Repetitions)
	}
	dst = appendRecord(dst, ">", x.Request)
	return appendRecord(append(dst, '\n'), "<", x.Answer)
}

func (c *RawConnection) appendText(dst []byte) []byte {
	for _, turn := range c.Turns {
		for remaining := turn.Sent; len(remaining) > 0; {
			n := firstPieceLength(remaining)
			dst = append(appendRecord(dst, ">>", remaining[:n]), '\n')
			remaining = remaining[n:]
		}
		for _, answer := range turn.Answers {
			dst = fmt.Appendf(dst, "<< %d", answer.Status)
			if answer.Record != nil {
				dst = appendEscaped(append(dst, ' '), answer.Record)
			}
			dst = append(dst, '\n')
		}
	}
	if c.ServerCloses {
		dst = append(dst, "<< end\n"...)
	}
	return bytes.TrimSuffix(dst, []byte("\n"))
}

// firstPieceLength returns how many bytes of sent fit on one script line: up to a line end, or a long run of
// equal blank lines.
func firstPieceLength(sent []byte) int {
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
	if run < minRepetitionLength {
		return end
	}
	return run
}

func (s *SendRecord) appendText(dst []byte) []byte {
	return appendRecord(appendStreamName(dst, s.Stream), ">", s.Record)
}

func (s *SendBytes) appendText(dst []byte) []byte {
	return appendRecord(appendStreamName(dst, s.Stream), ">>", s.Bytes)
}

func (h *ExpectRecord) appendText(dst []byte) []byte {
	return appendRecord(appendStreamName(dst, h.Stream), "<", h.Record)
}

func (h *ExpectNothing) appendText(dst []byte) []byte {
	return append(appendStreamName(dst, h.Stream), "< "+streamSilent...)
}

func (h *ExpectEnd) appendText(dst []byte) []byte {
	return append(appendStreamName(dst, h.Stream), "< "+streamEnded...)
}

func (h *CloseStream) appendText(dst []byte) []byte {
	return append(appendStreamName(dst, h.Stream), " close"...)
}

func appendStreamName(dst []byte, name string) []byte { return append(append(dst, '%'), name...) }

func appendRecord(dst []byte, mark string, record []byte) []byte {
	dst = append(dst, mark...)
	if len(record) > 0 {
		dst = append(dst, ' ')
	}
	return appendEscaped(dst, record)
}

// appendDuration writes whole seconds without minutes, such as 300s.
func appendDuration(dst []byte, duration time.Duration) []byte {
	if duration%time.Second == 0 {
		return fmt.Appendf(dst, "%ds", duration/time.Second)
	}
	return append(dst, duration.String()...)
}

func appendRange(dst []byte, firstUIN, lastUIN uint32) []byte {
	dst = strconv.AppendUint(dst, uint64(firstUIN), 10)
	if lastUIN > firstUIN {
		dst = strconv.AppendUint(append(dst, '-'), uint64(lastUIN), 10)
	}
	return dst
}

func appendFields(dst []byte, fields []AccountField) []byte {
	for _, field := range fields {
		dst = append(append(append(dst, ' '), field.Name...), '=')
		dst = appendValue(dst, field.Value)
	}
	return dst
}

// appendValue appends a directive's value and quotes it only if necessary.
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
	for i, piece := range strings.Split(text, `"`) {
		if i > 0 {
			dst = append(dst, `\"`...)
		}
		dst = appendEscapedPart(dst, []byte(piece))
	}
	return append(dst, '"')
}
