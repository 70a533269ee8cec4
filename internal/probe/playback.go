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

// A Playback answers in place of the server of a transcript, as that did. It sends
// nothing anywhere.
//
// A request is found by where it comes from, its form of HTTP and its record,
// whatever its mark is. Which of several answers is right depends on what was asked
// since the last reset: it is that of an experiment of the transcript with the same
// requests up to here, the next one in its order. Where there is none, the
// transcript is searched onward from the answer that was given last.
type Playback struct {
	file    *experiment.File
	control map[string]string // by path: reset or clock
	usual   string            // the form of HTTP that most requests have

	mu      sync.Mutex // guards what follows
	tries   [][]playbackItem
	try     int            // the one that was answered from last
	at      int            // the item behind the one that was answered
	history []playbackItem // since the last reset
}

// An item is a request of the transcript with its answer, or a wait.
type playbackItem struct {
	place     int
	form, key string
	mark      string
	response  []byte // nil for none
}

// NewPlayback makes one for one server of a transcript.
func NewPlayback(transcript *journal.Transcript, run string) (*Playback, error) {
	if err := knowsRun(transcript, run); err != nil {
		return nil, err
	}
	experiment, err := recorded(transcript.Head)
	if err != nil {
		return nil, &SetupError{err}
	}
	playback := &Playback{file: experiment.File, control: make(map[string]string)}
	base, err := url.Parse(transcript.Head.ServerURLs[run])
	if err != nil {
		return nil, &SetupError{err}
	}
	for name, to := range map[string]string{"reset": experiment.File.Reset.URL, "clock": experiment.File.Clock.URL} {
		if u, err := base.Parse(to); err == nil && to != "" {
			playback.control[u.Path] = name
		}
	}
	playback.read(transcript, run)
	if len(playback.tries) == 0 {
		return nil, refuse("the transcript has nothing of server %s", run)
	}
	return playback, nil
}

// read takes the tries out of a transcript.
func (p *Playback) read(transcript *journal.Transcript, run string) {
	forms := make(map[string]int)
	for i := range transcript.Entries {
		entry := &transcript.Entries[i]
		if entry.Server != run || entry.TryNumber == 0 {
			continue
		}
		if entry.TryKey != "" || len(p.tries) == 0 {
			p.tries = append(p.tries, nil)
		}
		last := &p.tries[len(p.tries)-1]
		if entry.WaitSeconds > 0 {
			*last = append(*last, playbackItem{key: waitKey(entry.WaitSeconds)})
			continue
		}
		rawRequest, err := readRequest(bufio.NewReader(bytes.NewReader(entry.Request)))
		if err != nil {
			continue // it was sent cut off
		}
		step, err := p.file.ParseStep(entry.StepText)
		if err != nil {
			continue // the file says nothing about such a request
		}
		x := p.item(rawRequest, step.Place)
		x.response = entry.Response
		*last = append(*last, x)
		if forms[x.form]++; forms[x.form] > forms[p.usual] {
			p.usual = x.form
		}
	}
}

func waitKey(seconds float64) string { return "wait " + strconv.FormatFloat(seconds, 'f', -1, 64) }

// A request as it came.
type rawRequest struct {
	method, path string
	form         string // its head, but for the host
	close        bool
	body         []byte
}

// headLimit bounds the head of a request, in bytes.
const headLimit = 1 << 16

// readRequest reads a request, be it as odd as the prober's are: the first length
// counts, and a line end may be bare.
func readRequest(in *bufio.Reader) (*rawRequest, error) {
	r := &rawRequest{}
	length, chunked, size := 0, false, 0
	for first := true; ; first = false {
		line, err := in.ReadString('\n')
		if size += len(line); err != nil || size > headLimit {
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
			r.close = strings.EqualFold(value, "close")
		}
		if first {
			line = r.startLine(line)
		}
		r.form += line + "\n"
	}
	return r, r.readBody(in, length, chunked)
}

// startLine keeps what a request line asks for, and returns it without its host.
func (r *rawRequest) startLine(line string) string {
	words := strings.Fields(line)
	if len(words) > 0 {
		r.method = words[0]
	}
	if len(words) < 2 {
		return line
	}
	if u, err := url.Parse(words[1]); err == nil {
		r.path = u.Path
		if u.Host != "" {
			words[1] = "http://*" + u.Path
		}
	}
	r.close = strings.HasSuffix(line, "HTTP/1.0")
	return strings.Join(words, " ")
}

func (r *rawRequest) readBody(in *bufio.Reader, length int, chunked bool) (err error) {
	if length < 0 || length > answerMost {
		return errors.New("too long")
	}
	if chunked {
		r.body, err = io.ReadAll(io.LimitReader(httputil.NewChunkedReader(in), answerMost))
		if err == nil {
			_, err = in.ReadString('\n') // behind the last chunk
		}
		return err
	}
	r.body = make([]byte, length)
	_, err = io.ReadFull(in, r.body)
	return err
}

const answerMost = 1 << 20

// drawn matches the marks that the prober draws, longer ones that begin with one, and
// those with something around them, such as a space or a zero.
var drawn = regexp.MustCompile(`^([^1-9]*)([1-9][0-9]{9})(9*[^0-9]*)$`)

// playbackItem is a request as it is looked for.
func (p *Playback) item(r *rawRequest, place int) playbackItem {
	x := playbackItem{form: r.form, key: string(r.body), place: place}
	pairs, ok := p.file.Syntax.Decode(r.body)
	if !ok {
		return x
	}
	for i, pair := range pairs {
		if found := drawn.FindStringSubmatch(pair.Value); found != nil && p.isMark(pair.Key) {
			if x.mark == "" {
				x.mark = found[2]
			}
			pairs[i].Value = found[1] + "*" + found[3]
		}
	}
	x.key = string(p.file.Encode(pairs))
	return x
}

func (p *Playback) isMark(key string) bool {
	return slices.ContainsFunc(p.file.Commands, func(command *experiment.Command) bool {
		return p.file.TypeOf(command, key).Type == experiment.TypeMark
	})
}

// find is the answer to a request; ok is false if the transcript has none.
func (p *Playback) find(x playbackItem) (response []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.search(x)
	if found == nil {
		x.form, x.place = p.usual, 0
		found = p.search(x)
	}
	if found == nil {
		return nil, false
	}
	response = slices.Clone(found.response)
	if found.mark != "" && x.mark != "" {
		response = bytes.ReplaceAll(response, []byte(found.mark), []byte(x.mark))
	}
	return response, true
}

func (x *playbackItem) is(y *playbackItem) bool {
	return x.key == y.key && x.form == y.form && x.place == y.place
}

func (p *Playback) search(x playbackItem) *playbackItem {
	if found := p.next(x); found != nil {
		return found
	}
	return p.onward(x)
}

// next finds the item in an experiment that began as this one has.
func (p *Playback) next(x playbackItem) *playbackItem {
	history := append(slices.Clone(p.history), x)
	for n := range p.tries {
		i := (p.try + n) % len(p.tries)
		if t := p.tries[i]; len(t) >= len(history) && slices.EqualFunc(t[:len(history)], history, func(a, b playbackItem) bool { return a.is(&b) }) {
			return p.move(i, len(history))
		}
	}
	return nil
}

// onward finds the item wherever it comes next.
func (p *Playback) onward(x playbackItem) *playbackItem {
	for n := range len(p.tries) + 1 {
		i, from := (p.try+n)%len(p.tries), 0
		if n == 0 {
			from = p.at
		}
		for j := from; j < len(p.tries[i]); j++ {
			if x.is(&p.tries[i][j]) {
				return p.move(i, j+1)
			}
		}
	}
	return nil
}

// move goes on behind an item, and returns it.
func (p *Playback) move(try, at int) *playbackItem {
	p.try, p.at, p.history = try, at, p.tries[try][:at]
	return &p.tries[try][at-1]
}

// anew ends an experiment: the next one is searched for behind it.
func (p *Playback) anew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.history = nil
	if p.at > 0 {
		p.try, p.at = (p.try+1)%len(p.tries), 0
	}
}

// wait is a wait of an experiment.
func (p *Playback) wait(seconds string) bool {
	n, err := strconv.ParseFloat(strings.TrimSpace(seconds), 64)
	if err != nil || !(n >= 0 && n <= 1e9) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next(playbackItem{key: waitKey(n)}) // one that is not in the transcript changes nothing
	return true
}

// Serve answers on a listener until ctx ends.
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
		go p.serve(ctx, conn)
	}
}

// idle is how long a connection may bring nothing.
const idle = 5 * time.Minute

func (p *Playback) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	place := 0
	if from, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		place = max(slices.Index(p.file.Places, from.IP.String()), 0)
	}
	in := bufio.NewReader(conn)
	for {
		if conn.SetDeadline(time.Now().Add(idle)) != nil {
			return
		}
		rawRequest, err := readRequest(in)
		if err != nil {
			return
		}
		response := p.respond(rawRequest, place)
		if _, err := conn.Write(response); err != nil || response == nil || rawRequest.close || closes(response) {
			return
		}
	}
}

// respond is the whole response, nil for none.
func (p *Playback) respond(r *rawRequest, place int) []byte {
	if r.method == http.MethodPost {
		switch p.control[r.path] {
		case "reset":
			p.anew()
			return plainResponse("204 No Content", "")
		case "clock":
			if !p.wait(string(r.body)) {
				return plainResponse("400 Bad Request", "the body is how many seconds go by\n")
			}
			return plainResponse("204 No Content", "")
		}
	}
	response, ok := p.find(p.item(r, place))
	if !ok {
		return plainResponse("501 Not Implemented", "the transcript has no answer to this request\n")
	}
	return response
}

func plainResponse(status, text string) []byte {
	head := "HTTP/1.1 " + status + "\r\nContent-Type: text/plain; charset=UTF-8\r\n"
	if text != "" {
		head += "Content-Length: " + strconv.Itoa(len(text)) + "\r\n"
	}
	return []byte(head + "\r\n" + text)
}

// closes reports whether a response ends its connection.
func closes(response []byte) bool {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(response)), nil)
	return err != nil || resp.Close || resp.ContentLength < 0 && len(resp.TransferEncoding) == 0
}
