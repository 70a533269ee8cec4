package transcript

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Load reads all scripts in a directory, ordered by name.
func Load(dir string) ([]*Script, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no transcripts there", dir)
	}
	var scripts []*Script
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		script, err := Parse(filepath.Base(path), src)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, script)
	}
	return scripts, nil
}

// Parse reads a script. Its errors begin with name:line.
func Parse(name string, src []byte) (*Script, error) {
	p := &parser{script: &Script{Name: name}}
	if len(src) > 0 {
		p.lines = strings.Split(string(bytes.TrimSuffix(src, []byte("\n"))), "\n")
	}
	var comment []string
	for p.nextLine < len(p.lines) {
		start := p.nextLine
		line := p.lines[start]
		if err := checkPlainText(line); err != nil {
			return nil, p.errorAt(start, err)
		}
		if line == "" || line[0] == '#' {
			comment = append(comment, line)
			p.nextLine++
			continue
		}
		action, err := p.parseAction(line)
		if err != nil {
			return nil, p.errorAt(max(start, p.nextLine-1), err)
		}
		step := Step{Line: start + 1, Comment: comment, Action: action}
		p.script.Steps = append(p.script.Steps, step)
		comment = nil
	}
	p.script.Trailer = comment
	return p.script, nil
}

type parser struct {
	script   *Script
	lines    []string
	nextLine int // index into lines
}

func (p *parser) errorAt(line int, err error) error {
	return fmt.Errorf("%s:%d: %w", p.script.Name, line+1, err)
}

// checkPlainText reports bytes that an editor would not show as they are.
func checkPlainText(line string) error {
	if !utf8.ValidString(line) {
		return errors.New(`bytes that are not UTF-8: write them as \xNN`)
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		return fmt.Errorf(`a control character: write it as \x%02X`, line[i])
	}
	return nil
}

// nextWithMark consumes the next line if it begins with mark, and returns the text after the mark.
func (p *parser) nextWithMark(mark string) (remaining string, ok bool) {
	if p.nextLine == len(p.lines) {
		return "", false
	}
	remaining, ok = strings.CutPrefix(p.lines[p.nextLine], mark)
	if !ok || remaining != "" && remaining[0] != ' ' {
		return "", false
	}
	p.nextLine++
	return strings.TrimPrefix(remaining, " "), true
}

// parseAction reads the step that begins at line, which is the next line.
func (p *parser) parseAction(line string) (Action, error) {
	switch {
	case strings.HasPrefix(line, ">>"):
		return p.parseConnection()
	case line[0] == '>':
		return p.parseExchange(1)
	case line[0] == '@':
		p.nextLine++
		return parseClientName(line[1:])
	case line[0] == '%':
		p.nextLine++
		return parseStreamAction(line[1:])
	}
	p.nextLine++
	words, err := splitWords(line)
	if err != nil {
		return nil, err
	}
	if words[0] == "repeat" {
		return p.parseRepeat(words[1:])
	}
	read, ok := directiveParsers()[words[0]]
	if !ok {
		return nil, fmt.Errorf("there is no step %q", words[0])
	}
	return read(words[1:])
}

func (p *parser) parseRepeat(args []string) (Action, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: repeat N")
	}
	times, err := strconv.Atoi(args[0])
	if err != nil || times < 2 || times > 10000 {
		return nil, fmt.Errorf("an exchange is repeated 2 to 10000 times, not %q", args[0])
	}
	return p.parseExchange(times)
}

func (p *parser) parseExchange(times int) (Action, error) {
	request, ok, err := p.parseRecord(">")
	if !ok {
		return nil, errors.New("here a request is wanted: > RECORD")
	}
	if err != nil {
		return nil, err
	}
	answer, ok, err := p.parseRecord("<")
	if !ok {
		return nil, errors.New("the next line must be the answer: < RECORD")
	}
	if err != nil {
		return nil, err
	}
	return &Exchange{Request: request, Answer: answer, Repetitions: times}, nil
}

// parseRecord reads the bytes on the next line if it begins with mark.
func (p *parser) parseRecord(mark string) (record []byte, ok bool, err error) {
	text, ok := p.nextWithMark(mark)
	if !ok {
		return nil, false, nil
	}
	if err := checkPlainText(text); err != nil {
		return nil, true, err
	}
	record, _, err = unescape(text, false)
	return record, true, err
}

// Words that take the place of a record on a stream.
const (
	streamSilent = "nothing"
	streamEnded  = "end"
)

// parseStreamAction reads a step on a stream: the stream's name, a mark, and the record.
func parseStreamAction(text string) (Action, error) {
	name, mark, bytes, err := cutStreamMark(text)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fmt.Errorf("a line's name is of small letters, not %q", text)
	}
	switch mark {
	case ">":
		return &SendRecord{name, bytes}, nil
	case ">>":
		if len(bytes) == 0 {
			return nil, errors.New("nothing is sent by this line")
		}
		return &SendBytes{name, bytes}, nil
	case "<":
		switch string(bytes) {
		case streamSilent:
			return &ExpectNothing{name}, nil
		case streamEnded:
			return &ExpectEnd{name}, nil
		}
		return &ExpectRecord{name, bytes}, nil
	}
	if string(bytes) == "close" {
		return &CloseStream{name}, nil
	}
	return nil, fmt.Errorf("on a line there is %%%[1]s> RECORD, %%%[1]s>> BYTES, %%%[1]s< RECORD, and %%%[1]s close",
		name)
}

// cutStreamMark splits a step into the stream's name, the mark and the record.
func cutStreamMark(text string) (name, mark string, record []byte, err error) {
	n := len(text) - len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyz"))
	name, text = text[:n], text[n:]
	for _, m := range []string{">>", ">", "<"} {
		if remaining, ok := strings.CutPrefix(text, m); ok {
			mark, text = m, remaining
			break
		}
	}
	if text != "" && text[0] != ' ' {
		return name, "", nil, fmt.Errorf("%q directly behind the name or the mark", text)
	}
	record, _, err = unescape(strings.TrimPrefix(text, " "), false)
	return name, mark, record, err
}

func (p *parser) parseConnection() (Action, error) {
	connection := new(RawConnection)
	for !connection.ServerCloses {
		turn, ends, err := p.parseTurn()
		if err != nil {
			return nil, err
		}
		if len(turn.Sent) == 0 {
			break
		}
		if len(turn.Answers) == 0 && !ends {
			return nil, errors.New(">> BYTES must be followed by what comes back: << STATUS RECORD, or << end")
		}
		connection.Turns, connection.ServerCloses = append(connection.Turns, turn), ends
	}
	if len(connection.Turns) == 0 {
		return nil, errors.New("here bytes are wanted: >> BYTES")
	}
	return connection, nil
}

// parseTurn reads lines that are sent and then the answers to them. If nothing is sent, turn.Sent is empty.
func (p *parser) parseTurn() (turn RawTurn, ends bool, err error) {
	for {
		piece, ok, err := p.parseRecord(">>")
		if err != nil {
			return turn, false, err
		}
		if !ok {
			break
		}
		if len(piece) == 0 {
			return turn, false, errors.New("nothing is sent by this line")
		}
		if turn.Sent = append(turn.Sent, piece...); len(turn.Sent) > maxRecordBytes {
			return turn, false, errTooLong
		}
	}
	for len(turn.Sent) > 0 {
		text, ok := p.nextWithMark("<<")
		if !ok {
			break
		}
		if text == "end" {
			return turn, true, nil
		}
		answer, err := parseHTTPAnswer(text)
		if err != nil {
			return turn, false, err
		}
		turn.Answers = append(turn.Answers, answer)
	}
	return turn, false, nil
}

func parseHTTPAnswer(text string) (answer HTTPAnswer, err error) {
	if err := checkPlainText(text); err != nil {
		return answer, err
	}
	status, record, hasRecord := strings.Cut(text, " ")
	answer.Status, err = strconv.Atoi(status)
	if err != nil || answer.Status < 100 || answer.Status > 599 {
		return answer, fmt.Errorf("%q is no HTTP status", status)
	}
	if hasRecord {
		answer.Record, _, err = unescape(record, false)
	}
	return answer, err
}
