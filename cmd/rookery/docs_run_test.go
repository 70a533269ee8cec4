package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/transcript"
)

// blockKinds says how a block of a page is tested, by the words behind its fence.
// A kind with a command calls that function of testdata/pages/page.bash; one shell
// runs all these blocks of a page in order. A kind with a check calls it at once.
//
// A block with the name of a file (python chat.py) becomes that file, and a later
// block must use it. Any other block fails, also one without a fence.
var blockKinds = map[string]struct {
	command string
	check   func(*testing.T, *pageBlock) error
}{
	"sh":           {command: "run"},       // runs in the page's shell
	"sh stays":     {command: "stay"},      // runs beside the others until the page ends
	"sh terminals": {command: "terminals"}, // types each paragraph on its own terminal
	"output":       {command: "printed"},   // must be what the block before it printed; ... stands for anything
	"test":         {command: "check"},     // a comment with shell commands for what the reader sees or does
	"httpqq":       {check: findExchange},  // its lines must be in a transcript, in the same order
	"transcript":   {check: replayBlock},   // replays against a server
}

// TestPages runs the blocks of README and the pages below docs in their order, as a
// newcomer would: in an empty home directory, with a copy of this repository beside it.
// HTML comments of a page take part. "test:" has shell commands in place of the reader's
// eyes and hands. "not run:" says why the next block cannot run.
func TestPages(t *testing.T) {
	skipLongTest(t)
	for _, name := range pages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := runBlocks(t, blocksOf(t, name)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFailingBlockFailsItsPage(t *testing.T) {
	working := &pageBlock{page: "page", line: 1, info: "sh", text: "echo 10 friends\n"}
	for name, c := range map[string]struct {
		block  *pageBlock
		reason string
	}{
		"no fence":         {&pageBlock{text: "echo\n"}, "must say what it is"},
		"no kind":          {&pageBlock{info: "bash", text: "echo\n"}, "must say what it is"},
		"fails":            {&pageBlock{info: "sh", text: "grep x /dev/null\necho\n"}, "this failed: grep x"},
		"fails in between": {&pageBlock{info: "sh", text: "f() { false; echo; }\nf\n"}, "this failed: false"},
		"other output":     {&pageBlock{info: "output", text: "11 friends\n"}, "10 friends"},
		"file not used":    {&pageBlock{info: "python a.py", text: "1\n"}, "nothing below uses"},
		"other exchange":   {&pageBlock{info: "httpqq login", text: "> VER=1.0&CMD=Dance\n"}, "no such line"},
		"other answer": {&pageBlock{info: "transcript",
			text: "> VER=1.1&CMD=Logout&SEQ=1&UIN=10001\n< VER=1.1&CMD=Logout&SEQ=1&UIN=10001&RES=1\n"}, "RES=0"},
		"works":        {&pageBlock{info: "output", text: "10 ...\n"}, ""},
		"is explained": {&pageBlock{info: "bash", text: "false\n", notRun: "it fails"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := runBlocks(t, []*pageBlock{working, c.block})
			if c.reason == "" && err != nil || c.reason != "" &&
				(err == nil || !strings.Contains(err.Error(), c.reason)) {
				t.Errorf("got error %v, want one with %q", err, c.reason)
			}
		})
	}
}

// runBlocks runs the blocks of a page.
func runBlocks(t *testing.T, blocks []*pageBlock) error {
	t.Helper()
	p := &pageRun{dir: t.TempDir(), unused: make(map[string]*pageBlock)}
	var errs []error
	for _, b := range blocks {
		errs = append(errs, p.add(t, b))
	}
	for file, b := range p.unused {
		errs = append(errs, fmt.Errorf("%s: nothing below uses the file %s", b, file))
	}
	if err := errors.Join(errs...); err != nil || p.shell.Len() == 0 {
		return err
	}
	return p.run(t)
}

// TestBlocksThatAreNotRun lists for make not-run which blocks cannot run, and why.
func TestBlocksThatAreNotRun(t *testing.T) {
	for _, name := range pages(t) {
		for _, b := range blocksOf(t, name) {
			if b.notRun != "" {
				t.Logf("%s: NOT RUN: %s", b, b.notRun)
			}
		}
	}
}

// A pageRun collects the script that bash runs for a page.
type pageRun struct {
	dir    string // has one file for each block, and the script
	shell  bytes.Buffer
	blocks int                   // the number of files in dir
	unused map[string]*pageBlock // blocks that become files, until a later block names the file
}

func (p *pageRun) add(t *testing.T, b *pageBlock) error {
	t.Helper()
	kind, ok := blockKinds[b.info]
	if name, words, _ := strings.Cut(b.info, " "); name == "httpqq" && words != "" {
		kind, ok = blockKinds[name], true
	}
	switch {
	case b.notRun != "":
		// TestBlocksThatAreNotRun lists it.
	case b.file() != "":
		fmt.Fprintf(&p.shell, "file %s %s %s\n", b, p.write(t, b), b.file())
		p.unused[b.file()] = b
	case !ok:
		return fmt.Errorf("%s: the fence of a block must say what it is, not %q: see blockKinds in docs_run_test.go",
			b, b.info)
	case kind.check != nil:
		return kind.check(t, b)
	default:
		fmt.Fprintf(&p.shell, "%s %s %s\n", kind.command, b, p.write(t, b))
		for file := range p.unused {
			if strings.Contains(b.text, strings.TrimSuffix(file, "/main.go")) {
				delete(p.unused, file)
			}
		}
	}
	return nil
}

func (p *pageRun) write(t *testing.T, b *pageBlock) string {
	t.Helper()
	p.blocks++
	name := filepath.Join(p.dir, fmt.Sprintf("block%02d", p.blocks))
	if err := os.WriteFile(name, []byte(b.text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// run runs the page in its own namespaces: all ports are free, /var/lib is empty, and
// every process that a block started ends with the page.
func (p *pageRun) run(t *testing.T) error {
	t.Helper()
	if runtime.GOOS != "linux" {
		return errors.New("pages run only on Linux")
	}
	library, err := filepath.Abs("testdata/pages/page.bash")
	if err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(p.dir, "page")
	script := fmt.Sprintf("repository=%s\n. %s\n%s", repository, library, p.shell.String())
	if err := os.WriteFile(main, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "page") // t.TempDir() may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	cmd := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--net", "--mount",
		"--pid", "--fork", "--mount-proc", "--kill-child", "bash", main)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", accountVariable+"=",
		"GORACE=atexit_sleep_ms=10")
	for _, variable := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} { // else they would be in the home
		out, err := exec.Command("go", "env", variable).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, variable+"="+strings.TrimSpace(string(out)))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// In a sample, "..." stands for any text, and words in angle brackets for a value.
var (
	ellipsis    = regexp.MustCompile(`\\\.\\\.\\\.`) // after QuoteMeta
	placeholder = regexp.MustCompile(`<[a-z0-9 ]+>`)
)

// samplePattern returns the pattern of the lines that a line of a sample stands for.
func samplePattern(line string) *regexp.Regexp {
	pattern := ellipsis.ReplaceAllLiteralString(regexp.QuoteMeta(line), `.*`)
	return regexp.MustCompile("^" + placeholder.ReplaceAllLiteralString(pattern, `[^&]*`) + "$")
}

// compareOutput is the program "fits SAMPLE OUTPUT": it compares two files line by line.
// A line "..." of the sample stands for any number of lines.
func compareOutput() {
	var texts [2][]string
	for i := range texts {
		text, err := os.ReadFile(os.Args[1+i])
		if err != nil {
			fail(err)
		}
		texts[i] = strings.Split(strings.TrimRight(strings.ReplaceAll(string(text), "\r", ""), "\n"), "\n")
	}
	if !matchLines(texts[0], texts[1]) {
		fail(fmt.Errorf("the output differs from the page; it is\n%s", strings.Join(texts[1], "\n")))
	}
}

func matchLines(samples, lines []string) bool {
	switch {
	case len(samples) == 0:
		return len(lines) == 0
	case samples[0] == "..." && matchLines(samples[1:], lines):
		return true
	case len(lines) == 0:
		return false
	case samples[0] == "...":
		return matchLines(samples, lines[1:])
	}
	return samplePattern(samples[0]).MatchString(lines[0]) && matchLines(samples[1:], lines[1:])
}

// findExchange finds the lines of a block in the transcript that its fence names, in
// order. Other tests replay the transcript, so the page is right, too. The transcript
// may have more lines between them, for other clients.
func findExchange(t *testing.T, b *pageBlock) error {
	_, name, _ := strings.Cut(b.info, " ")
	script := strings.Split(readPage(t, filepath.Join("testdata/transcripts", name+".txt")), "\n")
	next := 0
	for line := range strings.Lines(strings.TrimRight(b.text, "\n")) {
		shown := clockTime.ReplaceAllString(strings.TrimRight(line, "\n"), "TM=<time>")
		want := samplePattern(shown)
		for next < len(script) && !want.MatchString(formatScriptLine(script[next], line)) {
			next++
		}
		if next == len(script) {
			return fmt.Errorf("%s: testdata/transcripts/%s.txt has no such line after the previous one: %s", b, name,
				line)
		}
		next++
	}
	return nil
}

var (
	direction = regexp.MustCompile(`^(?:%\w+)?(<|>>?) `) // with the name of the connection
	clockTime = regexp.MustCompile(`TM=\d+`)
	deviceSID = regexp.MustCompile(`\{sid:\w+\}`)
)

// formatScriptLine returns a line of a transcript as pages show it: without the name of
// the connection, and without the direction if pageLine has none.
func formatScriptLine(scriptLine, pageLine string) string {
	replacement := "$1 "
	if !direction.MatchString(pageLine) {
		replacement = ""
	}
	line := direction.ReplaceAllString(scriptLine, replacement)
	line = deviceSID.ReplaceAllLiteralString(line, "rk_"+strings.Repeat("x", 43))
	return strings.TrimSuffix(line, `\r\n`)
}

// replayBlock replays a block against a server.
func replayBlock(t *testing.T, b *pageBlock) error {
	script, err := transcript.Parse(b.String(), []byte(b.text))
	if err == nil {
		err = transcript.Replay(t.Context(), script, &transcriptServer{t: t})
	}
	return err
}
