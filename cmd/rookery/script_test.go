package main

import (
	"bytes"
	database "database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rookery-im/rookery/internal/probe/probetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rookery":   main,
		"post":      post,
		"get":       get,
		"reference": serveReference,
		"fits":      compareOutput,
	})
}

// TestScripts runs the program as its users do. The scripts may use these commands beside
// those of testscript:
//
//	start NAME PROGRAM ARGS...   runs a program in the background
//	waitfor NAME PATTERN         waits until its output matches, and sets the variables
//	                             that the groups of the pattern name
//	said NAME FILE               writes its output so far to FILE
//	occupy VARIABLE              listens on a port and sets VARIABLE to its address
//	sql FILE STATEMENT           changes a database
//	finish NAME [SIGNAL] [CODE]  sends it SIGNAL (default TERM, - for none) and waits
//	                             until it ends with CODE (default 0)
//
// They may run these programs: post ADDR RECORD and get URL, which print the answer, and
// reference [MUTANT [DIALECT]], a server for the prober to study.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			programs := make(map[string]*program)
			env.Values[programsKey{}] = programs
			// The race detector makes each program wait a second at its end by default.
			env.Vars = append(env.Vars, "GORACE=atexit_sleep_ms=10")
			env.Defer(func() {
				for _, p := range programs {
					_ = p.cmd.Process.Kill() // it may have ended
					<-p.ended
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":   start,
			"waitfor": waitFor,
			"said":    said,
			"finish":  finish,
			"occupy":  occupy,
			"sql":     sql,
		},
		Condition: func(condition string) (bool, error) {
			if condition == "long" { // see skipLongTest
				return raceDetector || testing.Short(), nil
			}
			return false, fmt.Errorf("unknown condition %q", condition)
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// patience bounds each wait. It is long, for machines that are busy otherwise.
const patience = time.Minute

type programsKey struct{}

// program is a process that runs beside a script or a test.
type program struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{}
	err    error // set before ended is closed
}

// output collects the output of a program.
type output struct {
	mu   sync.Mutex // guards the fields below
	text bytes.Buffer
	more chan struct{} // closed at the next write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) read() (text string, more <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.more
}

func startedProgram(ts *testscript.TestScript, name string) *program {
	p := ts.Value(programsKey{}).(map[string]*program)[name]
	if p == nil {
		ts.Fatalf("no program was started as %s", name)
	}
	return p
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME PROGRAM ARGS...")
	}
	o := &output{more: make(chan struct{})}
	cmd := exec.Command(args[1], args[2:]...)
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) { // the script's, not the test's
		if file := filepath.Join(dir, args[1]); !strings.Contains(args[1], "/") && isFile(file) {
			cmd.Path, cmd.Err = file, nil
			break
		}
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), o, o
	cmd.WaitDelay = 5 * time.Second // its children may outlive it and keep its output open
	p := &program{cmd: cmd, output: o, ended: make(chan struct{})}
	ts.Check(cmd.Start())
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	ts.Value(programsKey{}).(map[string]*program)[args[0]] = p
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor NAME PATTERN")
	}
	p := startedProgram(ts, args[0])
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	for end := time.After(patience); ; {
		text, more := p.output.read()
		if found := pattern.FindStringSubmatch(text); found != nil {
			for i, name := range pattern.SubexpNames() {
				if name != "" {
					ts.Setenv(name, found[i])
				}
			}
			return
		}
		select {
		case <-more:
		case <-p.ended:
			if now, _ := p.output.read(); now == text {
				ts.Fatalf("%s ended before its output matched %s: %v\n%s", args[0], args[1], p.err, text)
			}
		case <-end:
			ts.Fatalf("the output of %s does not match %s:\n%s", args[0], args[1], text)
		}
	}
}

func said(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: said NAME FILE")
	}
	text, _ := startedProgram(ts, args[0]).output.read()
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

var signals = map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL}

func finish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 3 {
		ts.Fatalf("usage: finish NAME [SIGNAL] [CODE]")
	}
	args = append(args, []string{"", "TERM", "0"}[len(args):]...)
	p := startedProgram(ts, args[0])
	if args[1] != "-" {
		ts.Check(p.cmd.Process.Signal(signals[args[1]]))
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		ts.Fatalf("%s does not end within %v", args[0], patience)
	}
	text, _ := p.output.read()
	if code := p.cmd.ProcessState.ExitCode(); strconv.Itoa(code) != args[2] {
		ts.Fatalf("%s ended with code %d (%v), want %s\n%s", args[0], code, p.err, args[2], text)
	}
}

// occupy listens on a port until the script ends.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy VARIABLE")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv(args[0], listener.Addr().String())
}

func sql(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENT")
	}
	db, err := database.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// post is the program that posts a record and prints the answer.
func post() {
	if len(os.Args) != 3 {
		fail(errors.New("usage: post ADDR RECORD"))
	}
	answer, err := http.Post("http://"+os.Args[1], "text/plain", strings.NewReader(os.Args[2]))
	if err != nil {
		fail(err)
	}
	printBody(answer)
}

// get is the program that prints the status and the body of a page.
func get() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: get URL"))
	}
	answer, err := http.Get(os.Args[1])
	if err != nil {
		fail(err)
	}
	fmt.Println(answer.Status)
	printBody(answer)
}

// serveReference is the program that runs the reference server of the prober's tests.
func serveReference() {
	args := append(os.Args[1:], "", "")
	c := probetest.Config{Mutant: args[0]}
	if args[1] == "made-up" {
		c.Dialect = probetest.MadeUp()
	}
	s, err := probetest.New(c)
	if err != nil {
		fail(err)
	}
	url, _, err := s.Listen("127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Println("serving on", url)
	select {}
}

func printBody(answer *http.Response) {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		fail(err)
	}
	fmt.Println(strings.TrimRight(string(body), "\r\n"))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// skipLongTest skips a test that takes long, and minutes with the race detector. `make plain` runs it
// without; the goroutines that it starts are those of other tests too.
func skipLongTest(t *testing.T) {
	t.Helper()
	if raceDetector || testing.Short() {
		t.Skip("make plain runs it")
	}
}
