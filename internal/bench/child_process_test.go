package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// faultVariable tells the server that the tests start what to do wrong.
const faultVariable = "ROOKERY_BENCH_FAULT"

// TestMain lets the test binary be the servers that the bench starts: a small
// messenger, the floors, and something that speaks as much of Redis as is asked
// of it.
func TestMain(m *testing.M) {
	// The race detector lets each process wait for a second before it ends.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case filepath.Base(os.Args[0]) == "redis-server":
		err = serveRedis(ctx, os.Args[1:])
	case len(os.Args) > 2 && os.Args[1] == "serve":
		err = serveFakeServer(ctx, os.Args[3])
	case len(os.Args) > 2 && os.Args[1] == "bench" && os.Args[2] == "hold":
		err = ServeIdle(ctx, os.Stdout)
	case len(os.Args) > 3 && os.Args[1] == "bench" && os.Args[2] == "durable-floor":
		err = ServeDurableFloor(ctx, os.Stdout, os.Args[3])
	case len(os.Args) > 2 && os.Args[1] == "bench":
		err = ServeFloor(ctx, os.Stdout)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// fakeServer is a store in one file, read at the beginning and written at the end.
type fakeServer struct {
	path string

	mu       sync.Mutex
	Accounts map[rookery.UIN]rookery.Credential
	Friends  map[rookery.UIN][]rookery.UIN
	Boxes    map[rookery.UIN][]rookery.Entry
	Places   map[rookery.UIN]uint64
	Sessions map[rookery.UIN]netip.Addr
	lines    map[rookery.UIN]net.Conn
}

func openFakeStore(_ context.Context, dir string) (Store, error) { return readFakeStore(dir) }

func readFakeStore(dir string) (*fakeServer, error) {
	m := &fakeServer{
		path: filepath.Join(dir, "mail"), Accounts: map[rookery.UIN]rookery.Credential{},
		Friends: map[rookery.UIN][]rookery.UIN{},
		Boxes:   map[rookery.UIN][]rookery.Entry{}, Places: map[rookery.UIN]uint64{},
		Sessions: map[rookery.UIN]netip.Addr{},
		lines:    map[rookery.UIN]net.Conn{},
	}
	data, err := os.ReadFile(m.path)
	if os.IsNotExist(err) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	return m, gob.NewDecoder(bytes.NewReader(data)).Decode(m)
}

func (m *fakeServer) Close() error {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(m); err != nil {
		return err
	}
	return os.WriteFile(m.path, b.Bytes(), 0o600)
}

func (m *fakeServer) CreateAccount(_ context.Context, account rookery.Account,
	credential rookery.Credential) (rookery.UIN,
	error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Accounts[account.UIN] = credential
	return account.UIN, nil
}

func (m *fakeServer) Credential(_ context.Context, uin rookery.UIN) (rookery.Credential, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Accounts[uin], nil
}

func (m *fakeServer) ChangeRelation(_ context.Context, change rookery.RelationChange) (rookery.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if change.Transition.Result.Friends {
		m.Friends[change.Me] = append(m.Friends[change.Me], change.Other)
		m.Friends[change.Other] = append(m.Friends[change.Other], change.Me)
	}
	return rookery.Receipt{}, nil
}

func (m *fakeServer) Deliver(_ context.Context, entries []rookery.NewEntry, now time.Time,
	_ rookery.RequestKey) (rookery.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range entries {
		box := m.Boxes[l.To]
		m.Boxes[l.To] = append(box, rookery.Entry{Number: uint64(len(box)) + 1, Kind: l.Kind, Peer: l.Peer, Time: now,
			Text: l.Text})
	}
	return rookery.Receipt{}, nil
}

func (m *fakeServer) MailboxState(_ context.Context, uin rookery.UIN, _ string) (uint64, rookery.Cursor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.Boxes[uin])), rookery.Cursor{Number: m.Places[uin]}, nil
}

func (m *fakeServer) Entries(_ context.Context, uin rookery.UIN, after, upTo uint64, limit int) ([]rookery.Entry,
	error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.Boxes[uin][after:min(upTo, after+uint64(limit))]), nil
}

func (m *fakeServer) SaveCursor(_ context.Context, uin rookery.UIN, _ string, _ uint64, p rookery.Cursor) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Places[uin] = p.Number
	return nil
}

func (m *fakeServer) StartSession(_ context.Context, session rookery.Session, proved rookery.Credential) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if proved != m.Accounts[session.Account] {
		return rookery.Errorf(rookery.CodeConflict, "not the credential of %d", session.Account)
	}
	m.Sessions[session.Account] = session.Address
	return nil
}

// serveFakeServer answers what the bench asks, until it is told to stop.
func serveFakeServer(ctx context.Context, dir string) error {
	m, err := readFakeStore(dir)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	requests := &chanListener{addr: listener.Addr(), conns: make(chan net.Conn)}
	server := &http.Server{Handler: m}
	context.AfterFunc(ctx, func() { listener.Close(); server.Close() })
	fmt.Fprintf(os.Stderr, "level=INFO msg=listening addr=%s\n", listener.Addr())
	go server.Serve(requests)
	m.accept(listener, requests)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Close()
}

func (m *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	answer, _ := m.handle(string(body))
	io.WriteString(w, answer)
}

// handle answers a record, and returns whose it is.
func (m *fakeServer) handle(record string) (answer string, uin rookery.UIN) {
	fields, text, _ := strings.Cut(record, "&MG=")
	values := map[string]string{}
	for field := range strings.SplitSeq(fields, "&") {
		key, value, _ := strings.Cut(field, "=")
		if _, known := values[key]; key == "UIN" || !known {
			values[key] = value
		}
	}
	uin, _ = rookery.ParseUIN(values["UIN"])
	receiver, _ := rookery.ParseUIN(values["UN"])
	return fmt.Sprintf("VER=%s&CMD=%s&SEQ=%s&UIN=%d%s", values["VER"], values["CMD"], values["SEQ"], uin,
		m.answer(values, uin, receiver, text)), uin
}

func (m *fakeServer) answer(values map[string]string, uin, receiver rookery.UIN, text string) string {
	_, signedIn := m.Sessions[uin]
	switch {
	case values["CMD"] == "Login" && values["PS"] == seedProof && m.Accounts[uin] != "":
		m.Sessions[uin] = netip.Addr{}
		return "&RES=0&RS=0&HI=60&LI=300"
	case !signedIn:
		return "&RES=20"
	case values["CMD"] == "CLTMSG" && m.Accounts[receiver] != "":
		m.put(receiver, rookery.Entry{Kind: rookery.KindMessage, Peer: uin, Text: text})
		return "&RES=0"
	case values["CMD"] == "GetMsgEx":
		box := m.Boxes[uin]
		cursor := int(m.Places[uin])
		if cursor == len(box) {
			return "&RES=0&MN=0&MT=&UN=&MG="
		}
		m.Places[uin]++
		return fmt.Sprintf("&RES=0&MN=1&MT=9,&UN=%d,&MG=%s,", box[cursor].Peer, box[cursor].Text)
	}
	return "&RES=1"
}

// put stores an entry, if this server does as it should.
func (m *fakeServer) put(receiver rookery.UIN, entry rookery.Entry) {
	box := m.Boxes[receiver]
	times := 1
	if messageNumber(entry.Text) == 4 {
		switch os.Getenv(faultVariable) {
		case "loses":
			times = 0
		case "repeats":
			times = 2
		case "exchanges":
			entry.Text, box[2].Text = box[2].Text, entry.Text
		}
	}
	for range times {
		entry.Number = uint64(len(box)) + 1
		box = append(box, entry)
	}
	m.Boxes[receiver] = box
	if times > 0 {
		m.push(receiver, entry)
	}
}

// serveRedis stores what XADD brings and answers XLEN.
func serveRedis(ctx context.Context, args []string) error {
	flags := strings.Join(args, " ")
	if !strings.Contains(flags, "--appendonly yes --appendfsync always") {
		return fmt.Errorf("would not sync: %s", flags)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+args[slices.Index(args, "--port")+1])
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	fmt.Println("* Ready to accept connections")
	var mu sync.Mutex
	lengths := map[string]int{}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return nil
		}
		go func() {
			defer conn.Close()
			for words := range commands(conn) {
				mu.Lock()
				switch words[0] {
				case "XADD":
					lengths[words[1]]++
					io.WriteString(conn, "$3\r\n1-1\r\n")
				case "XLEN":
					fmt.Fprintf(conn, ":%d\r\n", lengths[words[1]])
				}
				mu.Unlock()
			}
		}()
	}
}

// commands yields the words of each command that comes.
func commands(r io.Reader) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		in := bufio.NewScanner(r)
		for in.Scan() {
			var count int
			fmt.Sscanf(in.Text(), "*%d", &count)
			words := make([]string, count)
			for i := range words {
				in.Scan() // the length
				in.Scan()
				words[i] = in.Text()
			}
			if !yield(words) {
				return
			}
		}
	}
}

func TestAServerThatDoesNotComeUpIsReportedWithWhatItSaid(t *testing.T) {
	_, err := startChildProcess(t.Context(), "server", func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, "sh", "-c", "echo port in use; exit 3")
	}, listeningAddress)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "port in use") {
		t.Errorf("got %v, want the exit status and the output", err)
	}
}

func TestTheAddressIsFoundInTheLine(t *testing.T) {
	for line, wanted := range map[string]string{
		"listening addr=127.0.0.1:12345":                            "127.0.0.1:12345",
		"time=2026 level=INFO msg=listening addr=[::1]:8000 more=1": "[::1]:8000",
		"msg=stopped addr=127.0.0.1:1":                              "",
		"listening addr=":                                           "",
	} {
		measured, found := listeningAddress(line)
		if measured != wanted || found != (wanted != "") {
			t.Errorf("%q: got %q, %v, want %q", line, measured, found, wanted)
		}
	}
}

var _ Store = service.Store(nil)
