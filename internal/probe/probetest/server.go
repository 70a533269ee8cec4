package probetest

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config describes a server to create.
type Config struct {
	Mutant    string   // the Name of a [Mutant], "" for the behaviour of docs/protocol.md
	Dialect   *Dialect // nil for HTTP QQ
	TimeField bool     // add a field to successful answers; Noise.Volatile says what it holds
	Noise     Noise    // faults of the server and the network
}

// Server is an http.Handler that answers HTTP QQ. It is safe for concurrent use.
type Server struct {
	rules *serverRules

	mu    sync.Mutex // guards the fields below
	state *serverState
	noise *noiseSource
	// random decides which requests the mutants of httpRules lose and how late they answer. Noise has
	// a random source of its own. A reset does not restart random, because every run would then lose
	// the same request.
	random       *rand.Rand
	requestCount int // requests executed since the server was created; resets do not clear it
}

// New creates a server in the state after a reset. It returns an error for an unknown mutant or an
// incomplete dialect.
func New(config Config) (*Server, error) {
	dialect := config.Dialect
	if dialect == nil {
		dialect = httpQQ
	}
	if err := dialect.validate(); err != nil {
		return nil, err
	}
	rules := protocolRules(dialect)
	rules.record.addsTime = config.TimeField
	if config.Mutant != "" {
		change := findMutant(config.Mutant)
		if change == nil {
			return nil, fmt.Errorf("there is no mutant %q; serve -mutant list shows all", config.Mutant)
		}
		change(rules)
	}
	return &Server{rules: rules, state: newServerState(rules), noise: newNoise(config.Noise),
		random: rand.New(rand.NewPCG(1, 2))}, nil
}

// Listen serves on addr, a loopback address with a port, until close is called. url is the address
// for requests and ends with a slash.
func (s *Server) Listen(addr string) (url string, close func(), err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	if address := listener.Addr().(*net.TCPAddr); !address.IP.IsLoopback() {
		listener.Close()
		return "", nil, fmt.Errorf("%s is not a loopback address", addr)
	}
	server := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go server.Serve(pipelineListener{listener, s.rules.http.pipelining})
	return "http://" + listener.Addr().String() + "/", func() { server.Close() }, nil
}

// ServeHTTP answers posted records, and the control requests of tests below /control/.
func (s *Server) ServeHTTP(writer http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/control/") {
		s.handleControl(writer, r)
		return
	}
	switch {
	case r.Method == http.MethodPost:
	case r.Method == http.MethodGet && s.rules.http.answersGet:
	case r.Method == http.MethodGet:
		http.Error(writer, "there are no pages here", http.StatusNotFound)
		return
	default:
		http.Error(writer, "records must be sent by POST", http.StatusMethodNotAllowed)
		return
	}
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		http.Error(writer, "requests from web pages are not allowed", http.StatusForbidden)
		return
	}
	req, status := readRequest(writer, r)
	if status != 0 {
		http.Error(writer, http.StatusText(status), status)
		return
	}
	s.writeReply(writer, r, s.handleRequest(req))
}

// readRequest reads a request. The returned status is 0 on success, and otherwise the HTTP status to
// answer with.
func readRequest(writer http.ResponseWriter, request *http.Request) (httpRequest, int) {
	body, err := io.ReadAll(http.MaxBytesReader(writer, request.Body, maxBodyBytes))
	if errors.As(err, new(*http.MaxBytesError)) {
		return httpRequest{}, http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return httpRequest{}, http.StatusBadRequest
	}
	address, err := netip.ParseAddrPort(request.RemoteAddr)
	if err != nil {
		return httpRequest{}, http.StatusBadRequest
	}
	header := request.Header
	return httpRequest{
		address: address.Addr().Unmap(),
		charset: declaredCharset(header.Get("Content-Type")),
		isProxied: header.Get("X-Forwarded-For") != "" || header.Get("Forwarded") != "" ||
			header.Get("X-Real-IP") != "",
		body: body,
	}, 0
}

// reply is an HTTP response.
type reply struct {
	status int
	body   []byte
	header http.Header
	isLost bool          // close the connection instead of answering
	delay  time.Duration // to wait before answering
}

// handleRequest executes a request and returns the reply, with the faults that rules and noise add.
// Half of the lost requests are executed nevertheless.
func (s *Server) handleRequest(request httpRequest) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := s.rules
	rep := reply{status: http.StatusOK}
	if rules.http.maxJitter > 0 {
		rep.delay = time.Duration(s.random.Int64N(int64(rules.http.maxJitter)))
	}
	if rules.http.lossRate > 0 && s.random.Float64() < rules.http.lossRate {
		if rep.isLost = true; s.random.IntN(2) == 0 {
			return rep
		}
	}
	noise := s.noise
	if noise.MaxDelay > 0 {
		rep.delay += time.Duration(noise.random.Int64N(int64(noise.MaxDelay)))
	}
	if noise.countAndLimit() {
		return noise.refusal(rules.dialect)
	}
	if noise.LossRate > 0 && noise.random.Float64() < noise.LossRate {
		if rep.isLost = true; noise.random.IntN(2) == 0 {
			return rep
		}
	}
	if s.requestCount++; s.requestCount == rules.http.failingRequest {
		rep.status, rep.body = http.StatusInternalServerError, []byte("Internal Server Error\n")
		return rep
	}
	call := s.state.runRequest(request)
	now := ""
	if rules.record.addsTime {
		now = noise.volatileValue()
	}
	switch {
	case call.head.version == nil, call.isUnknownCommand() && rules.record.unknownCommand == replyNoAnswer:
		rep.body = []byte(rules.dialect.NoAnswer)
	case call.isUnknownCommand() && rules.record.unknownCommand == closeConnection:
		rep.isLost = true
	case call.head.command == cmdMessage && call.code == codeWrongParameter && call.parameterValue(keyText) == "" &&
		rules.http.emptyTextIs500:
		rep.status, rep.body = http.StatusInternalServerError, []byte("Internal Server Error\n")
	default:
		rep.body = rules.formatAnswer(call.head, call.answer, now)
	}
	return rep
}

// isUnknownCommand reports whether the command is unknown and checkRequest found no earlier error.
func (c *serverCall) isUnknownCommand() bool {
	return c.head.command == cmdUnknown && c.code != codeNoAccount && !c.isProxied
}

// handleControl resets the server or moves its clock.
func (s *Server) handleControl(writer http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		http.Error(writer, "control requests must be sent by POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(request.Body, 100))
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch request.URL.Path {
	case "/control/reset":
		s.state = newServerState(s.rules)
	case "/control/clock":
		seconds, err := strconv.ParseFloat(strings.TrimSpace(string(body)), 64)
		if err != nil || !(seconds >= 0 && seconds < 1e9) {
			http.Error(writer, "the body must be the number of seconds by which to move the clock",
				http.StatusBadRequest)
			return
		}
		s.noise.clockOffset += time.Duration(seconds * float64(time.Second))
		s.state.moveClock(time.Duration(seconds * float64(time.Second)))
	default:
		http.Error(writer, "use /control/reset or /control/clock", http.StatusNotFound)
		return
	}
	writer.WriteHeader(http.StatusNoContent)
}
