package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// Playback is an HTTP server that answers like the server of a transcript.
//
// A request matches a recorded one with the same client address, HTTP form and record, except
// for the mark. Among several matches, Playback prefers one in an attempt that began with the same
// requests since the last reset, and otherwise the next one after the last answer.
type Playback struct {
	file         *experiment.File
	controlPaths map[string]string // path to reset or clock
	usualForm    string            // the most frequent form of HTTP

	mu             sync.Mutex // guards the fields below
	attempts       [][]playbackItem
	currentAttempt int            // index of the attempt that answered last
	nextItem       int            // index in the attempt of the item after the last answer
	sinceReset     []playbackItem // requests since the last reset
}

// playbackItem is a recorded request with its answer, or a wait.
type playbackItem struct {
	place                  int
	httpForm, maskedRecord string
	mark                   string
	response               []byte // nil if there was none
}

// NewPlayback returns a playback of one server of a transcript.
func NewPlayback(transcript *journal.Transcript, serverName string) (*Playback, error) {
	if err := checkServerName(transcript, serverName); err != nil {
		return nil, err
	}
	experiment, err := recordedExperiment(transcript.Head)
	if err != nil {
		return nil, &SetupError{err}
	}
	playback := &Playback{file: experiment.File, controlPaths: make(map[string]string)}
	base, err := url.Parse(transcript.Head.ServerURLs[serverName])
	if err != nil {
		return nil, &SetupError{err}
	}
	for name, target := range map[string]string{"reset": experiment.File.Reset.URL,
		"clock": experiment.File.Clock.URL} {
		if parsedURL, err := base.Parse(target); err == nil && target != "" {
			playback.controlPaths[parsedURL.Path] = name
		}
	}
	playback.readAttempts(transcript, serverName)
	if len(playback.attempts) == 0 {
		return nil, setupErrorf("the transcript has nothing of server %s", serverName)
	}
	return playback, nil
}

// readAttempts extracts the attempts at experiments from a transcript.
func (p *Playback) readAttempts(transcript *journal.Transcript, serverName string) {
	forms := make(map[string]int)
	for i := range transcript.Entries {
		entry := &transcript.Entries[i]
		if entry.Server != serverName || entry.AttemptNumber == 0 {
			continue
		}
		if entry.ExperimentKey != "" || len(p.attempts) == 0 {
			p.attempts = append(p.attempts, nil)
		}
		last := &p.attempts[len(p.attempts)-1]
		if entry.WaitSeconds > 0 {
			*last = append(*last, playbackItem{maskedRecord: waitKey(entry.WaitSeconds)})
			continue
		}
		request, err := readRequest(bufio.NewReader(bytes.NewReader(entry.Request)))
		if err != nil {
			continue // the request was sent incomplete
		}
		step, err := p.file.ParseStep(entry.StepText)
		if err != nil {
			continue // the file does not declare such a request
		}
		item := p.requestItem(request, step.Place)
		item.response = entry.Response
		*last = append(*last, item)
		if forms[item.httpForm]++; forms[item.httpForm] > forms[p.usualForm] {
			p.usualForm = item.httpForm
		}
	}
}

// waitKey returns the maskedRecord of an item that is a wait.
func waitKey(seconds float64) string { return "wait " + strconv.FormatFloat(seconds, 'f', -1, 64) }

// rawRequest is a received HTTP request.
type rawRequest struct {
	method, path     string
	httpForm         string // head without the host
	closesConnection bool
	body             []byte
}

const maxHeadBytes = 1 << 16

// readRequest parses a request leniently, because the prober sends malformed ones. The
// first Content-Length counts and bare line feeds end lines.
func readRequest(reader *bufio.Reader) (*rawRequest, error) {
	request := &rawRequest{}
	length, chunked, size := 0, false, 0
	for first := true; ; first = false {
		line, err := reader.ReadString('\n')
		if size += len(line); err != nil || size > maxHeadBytes {
			return nil, errors.Join(err, errors.New("no request"))
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" && !first {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "host":
			line = name
		case "content-length":
			if line = name; length == 0 {
				length, _ = strconv.Atoi(value)
			}
		case "transfer-encoding":
			chunked = true
		case "connection":
			request.closesConnection = strings.EqualFold(value, "close")
		}
		if first {
			line = request.parseStartLine(line)
		}
		request.httpForm += line + "\n"
	}
	return request, request.readBody(reader, length, chunked)
}

// parseStartLine stores method and path, and returns the request line without a host.
func (r *rawRequest) parseStartLine(line string) string {
	words := strings.Fields(line)
	if len(words) > 0 {
		r.method = words[0]
	}
	if len(words) < 2 {
		return line
	}
	if parsedURL, err := url.Parse(words[1]); err == nil {
		r.path = parsedURL.Path
		if parsedURL.Host != "" {
			words[1] = "http://*" + parsedURL.Path
		}
	}
	r.closesConnection = strings.HasSuffix(line, "HTTP/1.0")
	return strings.Join(words, " ")
}

func (r *rawRequest) readBody(reader *bufio.Reader, length int, chunked bool) (err error) {
	if length < 0 || length > maxBodyBytes {
		return errors.New("too long")
	}
	if chunked {
		r.body, err = io.ReadAll(io.LimitReader(httputil.NewChunkedReader(reader), maxBodyBytes))
		if err == nil {
			_, err = reader.ReadString('\n') // the empty line after the last chunk
		}
		return err
	}
	r.body = make([]byte, length)
	_, err = io.ReadFull(reader, r.body)
	return err
}

const maxBodyBytes = 1 << 20

// markPattern matches marks that the prober draws, possibly with nines appended or with
// other characters around them, such as a space or a zero.
var markPattern = regexp.MustCompile(`^([^1-9]*)([1-9][0-9]{9})(9*[^0-9]*)$`)

// requestItem converts a request to the form that is searched for, with its mark masked.
func (p *Playback) requestItem(request *rawRequest, place int) playbackItem {
	item := playbackItem{httpForm: request.httpForm, maskedRecord: string(request.body), place: place}
	pairs, ok := p.file.Syntax.Decode(request.body)
	if !ok {
		return item
	}
	for i, pair := range pairs {
		if found := markPattern.FindStringSubmatch(pair.Value); found != nil && p.isMark(pair.Key) {
			if item.mark == "" {
				item.mark = found[2]
			}
			pairs[i].Value = found[1] + "*" + found[3]
		}
	}
	item.maskedRecord = string(p.file.Encode(pairs))
	return item
}

func (p *Playback) isMark(key string) bool {
	return slices.ContainsFunc(p.file.Commands, func(command *experiment.Command) bool {
		return p.file.TypeOf(command, key).Type == experiment.TypeMark
	})
}

// findResponse returns the response to a request, with the mark of that request. If nothing
// matches, it ignores the HTTP form and the client address. ok is false if nothing matches even
// then. The response is nil if the server gave no answer.
func (p *Playback) findResponse(item playbackItem) (response []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.findItem(item)
	if found == nil {
		item.httpForm, item.place = p.usualForm, 0
		found = p.findItem(item)
	}
	if found == nil {
		return nil, false
	}
	response = slices.Clone(found.response)
	if found.mark != "" && item.mark != "" {
		response = bytes.ReplaceAll(response, []byte(found.mark), []byte(item.mark))
	}
	return response, true
}

func (x *playbackItem) matches(other *playbackItem) bool {
	return x.maskedRecord == other.maskedRecord && x.httpForm == other.httpForm && x.place == other.place
}

func (p *Playback) findItem(item playbackItem) *playbackItem {
	if found := p.findContinuation(item); found != nil {
		return found
	}
	return p.findNext(item)
}

// findContinuation finds item in an attempt that began with the same requests since the reset.
func (p *Playback) findContinuation(item playbackItem) *playbackItem {
	history := append(slices.Clone(p.sinceReset), item)
	for count := range p.attempts {
		i := (p.currentAttempt + count) % len(p.attempts)
		if t := p.attempts[i]; len(t) >= len(history) &&
			slices.EqualFunc(t[:len(history)], history,
				func(left, right playbackItem) bool { return left.matches(&right) }) {
			return p.advanceTo(i, len(history))
		}
	}
	return nil
}

// findNext finds the next occurrence of item after the last answer.
func (p *Playback) findNext(item playbackItem) *playbackItem {
	for count := range len(p.attempts) + 1 {
		i, from := (p.currentAttempt+count)%len(p.attempts), 0
		if count == 0 {
			from = p.nextItem
		}
		for j := from; j < len(p.attempts[i]); j++ {
			if item.matches(&p.attempts[i][j]) {
				return p.advanceTo(i, j+1)
			}
		}
	}
	return nil
}

// advanceTo makes the item before the given index in an attempt the last answer, and returns it.
func (p *Playback) advanceTo(attempt, index int) *playbackItem {
	p.currentAttempt, p.nextItem, p.sinceReset = attempt, index, p.attempts[attempt][:index]
	return &p.attempts[attempt][index-1]
}

// beginExperiment handles a reset: the search continues at the next attempt.
func (p *Playback) beginExperiment() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sinceReset = nil
	if p.nextItem > 0 {
		p.currentAttempt, p.nextItem = (p.currentAttempt+1)%len(p.attempts), 0
	}
}

// recordWait handles a wait on the control clock. It reports whether seconds is valid.
func (p *Playback) recordWait(seconds string) bool {
	n, err := strconv.ParseFloat(strings.TrimSpace(seconds), 64)
	if err != nil || !(n >= 0 && n <= 1e9) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.findContinuation(playbackItem{maskedRecord: waitKey(n)}) // ignore a wait that is not in the transcript
	return true
}

// Serve answers requests on a listener until ctx ends.
func (p *Playback) Serve(ctx context.Context, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go p.serveConn(ctx, conn)
	}
}

// idleTimeout is how long a connection may be silent before it is closed.
const idleTimeout = 5 * time.Minute

func (p *Playback) serveConn(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	place := 0
	if from, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		place = max(slices.Index(p.file.Places, from.IP.String()), 0)
	}
	reader := bufio.NewReader(conn)
	for {
		if conn.SetDeadline(time.Now().Add(idleTimeout)) != nil {
			return
		}
		request, err := readRequest(reader)
		if err != nil {
			return
		}
		response := p.respond(request, place)
		if _, err := conn.Write(response); err != nil || response == nil || request.closesConnection ||
			endsConnection(response) {
			return
		}
	}
}

// respond returns the complete response, or nil for none.
func (p *Playback) respond(request *rawRequest, place int) []byte {
	if request.method == http.MethodPost {
		switch p.controlPaths[request.path] {
		case "reset":
			p.beginExperiment()
			return textResponse("204 No Content", "")
		case "clock":
			if !p.recordWait(string(request.body)) {
				return textResponse("400 Bad Request", "the body is how many seconds go by\n")
			}
			return textResponse("204 No Content", "")
		}
	}
	response, ok := p.findResponse(p.requestItem(request, place))
	if !ok {
		return textResponse("501 Not Implemented", "the transcript has no answer to this request\n")
	}
	return response
}

func textResponse(status, description string) []byte {
	head := "HTTP/1.1 " + status + "\r\nContent-Type: text/plain; charset=UTF-8\r\n"
	if description != "" {
		head += "Content-Length: " + strconv.Itoa(len(description)) + "\r\n"
	}
	return []byte(head + "\r\n" + description)
}

// endsConnection reports whether a response ends its connection.
func endsConnection(response []byte) bool {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(response)), nil)
	return err != nil || resp.Close || resp.ContentLength < 0 &&
		len(resp.TransferEncoding) == 0
}
