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

// kinds says what is done with the block of a page, by the words behind its
// fence. Some kinds are a command of testdata/pages/page.bash, which all blocks of
// a page share in their order. The others are checked at once.
//
// A block with the name of a file (python chat.py) becomes that file, and a
// later block must use it. Anything else is no kind, and fails: so does a block
// without a fence, which cannot say what it is.
var kinds = map[string]struct {
	command string
	check   func(*testing.T, *pageBlock) error
}{
	"sh":           {command: "run"},       // the page's shell runs it
	"sh stays":     {command: "stay"},      // runs beside the others until the page ends
	"sh terminals": {command: "terminals"}, // each paragraph is typed on a terminal of its own
	"output":       {command: "printed"},   // what the block before it printed; ... is anything
	"test":         {command: "check"},     // a comment: what the reader sees or does between the blocks
	"httpqq":       {check: isExchanged},   // exchanges, which a transcript has in the same order
	"transcript":   {check: isReplayed},    // a transcript, which is replayed
}

// TestPages does what README and the pages below docs say, block by block, as a
// newcomer would: in an empty home, with a copy of this repository beside it.
// Comments in a page's source take part: "test:" holds shell that makes up for
// the reader's eyes and hands, "not run:" says why the next block cannot run.
func TestPages(t *testing.T) {
	skipUnderRaceDetector(t)
	for _, name := range pages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := runBlocks(t, blocksOf(t, name)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A block that is not run, or fails, fails its page.
func TestFailingBlockFailsItsPage(t *testing.T) {
	works := &pageBlock{page: "page", line: 1, info: "sh", text: "echo 10 friends\n"}
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
			err := runBlocks(t, []*pageBlock{works, c.block})
			if c.reason == "" && err != nil || c.reason != "" &&
				(err == nil || !strings.Contains(err.Error(), c.reason)) {
				t.Errorf("the error is %v, and should say %q", err, c.reason)
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

// TestBlocksThatAreNotRun prints what cannot run, and why, for make not-run.
func TestBlocksThatAreNotRun(t *testing.T) {
	for _, name := range pages(t) {
		for _, b := range blocksOf(t, name) {
			if b.notRun != "" {
				t.Logf("%s: NOT RUN: %s", b, b.notRun)
			}
		}
	}
}

// A pageRun is a page on its way to bash.
type pageRun struct {
	dir    string // what the blocks become files in
	shell  bytes.Buffer
	blocks int
	unused map[string]*pageBlock // files that nothing has named yet
}

func (p *pageRun) add(t *testing.T, b *pageBlock) error {
	t.Helper()
	k, known := kinds[b.info]
	if name, words, _ := strings.Cut(b.info, " "); name == "httpqq" && words != "" {
		k, known = kinds[name], true
	}
	switch {
	case b.notRun != "":
		// TestBlocksThatAreNotRun says so.
	case b.file() != "":
		fmt.Fprintf(&p.shell, "file %s %s %s\n", b, p.write(t, b), b.file())
		p.unused[b.file()] = b
	case !known:
		return fmt.Errorf("%s: the fence of a block must say what it is, not %q: see kinds in docs_run_test.go", b,
			b.info)
	case k.check != nil:
		return k.check(t, b)
	default:
		fmt.Fprintf(&p.shell, "%s %s %s\n", k.command, b, p.write(t, b))
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

// run runs the page in namespaces of its own: it has the ports that the page
// names to itself, /var/lib is empty, and whatever it started ends with it.
func (p *pageRun) run(t *testing.T) error {
	t.Helper()
	if runtime.GOOS != "linux" {
		return errors.New("the pages are run on Linux alone")
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

// In a sample "..." stands for anything, and words in angle brackets for a value.
var (
	anything = regexp.MustCompile(`\\\.\\\.\\\.`) // as QuoteMeta writes it
	value    = regexp.MustCompile(`<[a-z0-9 ]+>`)
)

// sample is what fits a line of a sample.
func sample(line string) *regexp.Regexp {
	pattern := anything.ReplaceAllLiteralString(regexp.QuoteMeta(line), `.*`)
	return regexp.MustCompile("^" + value.ReplaceAllLiteralString(pattern, `[^&]*`) + "$")
}

// fits is a program that compares what was printed with a sample, line by line.
// A line of the sample that is "..." alone stands for any number of lines.
func fits() {
	var texts [2][]string
	for i := range texts {
		text, err := os.ReadFile(os.Args[1+i])
		if err != nil {
			fail(err)
		}
		texts[i] = strings.Split(strings.TrimRight(strings.ReplaceAll(string(text), "\r", ""), "\n"), "\n")
	}
	if !linesFit(texts[0], texts[1]) {
		fail(fmt.Errorf("what was printed is not as the page says:\n%s", strings.Join(texts[1], "\n")))
	}
}

func linesFit(samples, lines []string) bool {
	switch {
	case len(samples) == 0:
		return len(lines) == 0
	case samples[0] == "..." && linesFit(samples[1:], lines):
		return true
	case len(lines) == 0:
		return false
	case samples[0] == "...":
		return linesFit(samples, lines[1:])
	}
	return sample(samples[0]).MatchString(lines[0]) && linesFit(samples[1:], lines[1:])
}

// isExchanged finds the lines of a block in the transcript that its fence names,
// in order. It is replayed by the tests of everything that speaks the protocol.
// Between the lines the transcript may have what others do meanwhile.
func isExchanged(t *testing.T, b *pageBlock) error {
	_, name, _ := strings.Cut(b.info, " ")
	script := strings.Split(readPage(t, filepath.Join("testdata/transcripts", name+".txt")), "\n")
	next := 0
	for line := range strings.Lines(strings.TrimRight(b.text, "\n")) {
		shown := clockTime.ReplaceAllString(strings.TrimRight(line, "\n"), "TM=<time>")
		for want := sample(shown); next < len(script) && !want.MatchString(exchanged(script[next], line)); next++ {
		}
		if next == len(script) {
			return fmt.Errorf("%s: testdata/transcripts/%s.txt has no such line behind the one before: %s", b, name,
				line)
		}
		next++
	}
	return nil
}

var (
	speaker   = regexp.MustCompile(`^(?:%\w+)?(<|>>?) `) // the name of a line, and who speaks
	clockTime = regexp.MustCompile(`TM=\d+`)
	deviceSID = regexp.MustCompile(`\{sid:\w+\}`)
)

// exchanged is a line of a transcript as a page shows it: without the name of a
// connection, and without who speaks if the page leaves it out.
func exchanged(step, as string) string {
	shown := "$1 "
	if !speaker.MatchString(as) {
		shown = ""
	}
	step = deviceSID.ReplaceAllLiteralString(speaker.ReplaceAllString(step, shown), "rk_"+strings.Repeat("x", 43))
	return strings.TrimSuffix(step, `\r\n`)
}

// isReplayed plays a block against a server.
func isReplayed(t *testing.T, b *pageBlock) error {
	script, err := transcript.Parse(b.String(), []byte(b.text))
	if err == nil {
		err = transcript.Replay(t.Context(), script, &transcriptServer{t: t})
	}
	return err
}
