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

// Config says which server to make.
type Config struct {
	Mutant  string   // the name of one behaviour that is changed, "" for none
	Dialect *Dialect // nil: HTTP QQ
	Time    bool     // answers have a field with the time of day
	Noise   Noise    // what else happens to requests
}

// A Server is an http.Handler. It may be used by several goroutines.
type Server struct {
	rules *rules

	mu    sync.Mutex // guards what follows
	world *serverState
	noise *noiseSource
	// dice decides which requests are lost, and how late others are. A reset
	// leaves it alone, or each run would lose the same request.
	dice   *rand.Rand
	served int // requests; likewise
}

// New makes a server whose world is that after a reset.
func New(config Config) (*Server, error) {
	dialect := config.Dialect
	if dialect == nil {
		dialect = httpQQ
	}
	if err := dialect.check(); err != nil {
		return nil, err
	}
	rules := contract(dialect)
	rules.record.time = config.Time
	if config.Mutant != "" {
		change := changeOf(config.Mutant)
		if change == nil {
			return nil, fmt.Errorf("there is no mutant %q", config.Mutant)
		}
		change(rules)
	}
	return &Server{rules: rules, world: newWorld(rules), noise: newNoise(config.Noise), dice: rand.New(rand.NewPCG(1, 2))}, nil
}

// Listen serves on a loopback address, until close is called.
func (s *Server) Listen(addr string) (url string, close func(), err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	if at := listener.Addr().(*net.TCPAddr); !at.IP.IsLoopback() {
		listener.Close()
		return "", nil, fmt.Errorf("%s is no loopback address", addr)
	}
	srv := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go srv.Serve(togetherListener{listener, s.rules.http.together})
	return "http://" + listener.Addr().String() + "/", func() { srv.Close() }, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/control/") {
		s.control(w, r)
		return
	}
	switch {
	case r.Method == http.MethodPost:
	case r.Method == http.MethodGet && s.rules.http.answerGet:
	case r.Method == http.MethodGet:
		http.Error(w, "there are no pages here", http.StatusNotFound)
		return
	default:
		http.Error(w, "records are sent by POST", http.StatusMethodNotAllowed)
		return
	}
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		http.Error(w, "pages of others may not ask here", http.StatusForbidden)
		return
	}
	req, status := read(w, r)
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	s.send(w, r, s.serve(req))
}

// read takes the request out of HTTP. A status says why it cannot be.
func read(w http.ResponseWriter, r *http.Request) (httpRequest, int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMost))
	if errors.As(err, new(*http.MaxBytesError)) {
		return httpRequest{}, http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return httpRequest{}, http.StatusBadRequest
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return httpRequest{}, http.StatusBadRequest
	}
	h := r.Header
	return httpRequest{
		addr:    from.Addr().Unmap(),
		charset: declared(h.Get("Content-Type")),
		proxied: h.Get("X-Forwarded-For") != "" || h.Get("Forwarded") != "" || h.Get("X-Real-IP") != "",
		body:    body,
	}, 0
}

// A reply is what goes back over HTTP.
type reply struct {
	status int
	body   []byte
	header http.Header
	lost   bool // the connection is closed instead
	late   time.Duration
}

// serve asks the world.
func (s *Server) serve(req httpRequest) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := s.rules
	rep := reply{status: http.StatusOK}
	if rules.http.jitter > 0 {
		rep.late = time.Duration(s.dice.Int64N(int64(rules.http.jitter)))
	}
	if rules.http.lost > 0 && s.dice.Float64() < rules.http.lost {
		if rep.lost = true; s.dice.IntN(2) == 0 {
			return rep
		}
	}
	noiseSource := s.noise
	if noiseSource.Late > 0 {
		rep.late += time.Duration(noiseSource.dice.Int64N(int64(noiseSource.Late)))
	}
	if noiseSource.tooMany() {
		return noiseSource.refuse(rules.d)
	}
	if noiseSource.Lost > 0 && noiseSource.dice.Float64() < noiseSource.Lost {
		if rep.lost = true; noiseSource.dice.IntN(2) == 0 {
			return rep
		}
	}
	if s.served++; s.served == rules.http.failsOnce {
		rep.status, rep.body = http.StatusInternalServerError, []byte("Internal Server Error\n")
		return rep
	}
	serverCall := s.world.run(req)
	now := ""
	if rules.record.time {
		now = noiseSource.volatile()
	}
	switch {
	case serverCall.head.version == nil, serverCall.isUnknown() && rules.record.unknown == saysNoAnswer:
		rep.body = []byte(rules.d.NoAnswer)
	case serverCall.isUnknown() && rules.record.unknown == closes:
		rep.lost = true
	case serverCall.head.cmd == CmdMessage && serverCall.code == WrongParameter && serverCall.param(KeyText) == "" && rules.http.emptyIs500:
		rep.status, rep.body = http.StatusInternalServerError, []byte("Internal Server Error\n")
	default:
		rep.body = rules.write(serverCall.head, serverCall.answer, now)
	}
	return rep
}

// isUnknown reports whether it was the command that stopped the request.
func (c *serverCall) isUnknown() bool {
	return c.head.cmd == Unknown && c.code != NoAccount && !c.proxied
}

// control moves the clock and resets the world.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "control is by POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 100))
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Path {
	case "/control/reset":
		s.world = newWorld(s.rules)
	case "/control/clock":
		seconds, err := strconv.ParseFloat(strings.TrimSpace(string(body)), 64)
		if err != nil || !(seconds >= 0 && seconds < 1e9) {
			http.Error(w, "the body is how many seconds the clock goes on", http.StatusBadRequest)
			return
		}
		s.noise.moved += time.Duration(seconds * float64(time.Second))
		s.world.moveClock(time.Duration(seconds * float64(time.Second)))
	default:
		http.Error(w, "there are /control/reset and /control/clock", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
