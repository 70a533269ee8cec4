package main

import (
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// repository is where the pages are.
var repository, _ = filepath.Abs("../..") // fails where there is no working directory

// A pageBlock is a code block of a page, or a comment that the test acts on.
type pageBlock struct {
	page string // by its path in the repository
	line int    // of its first line of text, from 1
	// info is what the opening fence says: a language, and then how it is run
	// or the name of the file that it is. Of a comment it is "test".
	info string
	text string
	// notRun is why it cannot run, as the comment above it says.
	notRun string
}

func (b *pageBlock) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// file is the name of the file that the block is, or empty.
func (b *pageBlock) file() string {
	if _, name, _ := strings.Cut(b.info, " "); strings.Contains(name, ".") {
		return name
	}
	return ""
}

// pages lists every page whose blocks are run.
func pages(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md", "testdata/transcripts/README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(repository, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			names = append(names, strings.TrimPrefix(name, repository+"/"))
		}
	}
	return names
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// notRunComment matches what is said of a block that cannot run: ever, or on a
// machine without a program.
var notRunComment = regexp.MustCompile(`(?s)^<!-- not run(?: without (\S+))?:(.*)$`)

// blocksOf returns the blocks of a page in Markdown, and its comments for the
// test, in order.
func blocksOf(t *testing.T, name string) []*pageBlock {
	t.Helper()
	source := []byte(readPage(t, name))
	var blocks []*pageBlock
	var notRun string // what is said of the next block
	page := goldmark.DefaultParser().Parse(text.NewReader(source))
	err := ast.Walk(page, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Type() == ast.TypeInline || n.Lines().Len() == 0 {
			return ast.WalkContinue, nil
		}
		b := &pageBlock{page: name, text: string(n.Lines().Value(source))}
		b.line = 1 + strings.Count(string(source[:n.Lines().At(0).Start]), "\n")
		switch n := n.(type) {
		case *ast.FencedCodeBlock:
			if n.Info != nil {
				b.info = string(n.Info.Value(source))
			}
			b.notRun, notRun = notRun, ""
			blocks = append(blocks, b)
		case *ast.CodeBlock:
			b.notRun, notRun = notRun, ""
			blocks = append(blocks, b)
		case *ast.HTMLBlock:
			comment := strings.TrimSpace(b.text)
			if n.HasClosure() {
				comment += string(n.ClosureLine.Value(source))
			}
			comment = strings.TrimSuffix(strings.TrimSpace(comment), "-->")
			if body, is := strings.CutPrefix(comment, "<!-- test:"); is {
				b.info, b.text = "test", body
				blocks = append(blocks, b)
			} else if found := notRunComment.FindStringSubmatch(comment); found != nil {
				if _, err := exec.LookPath(found[1]); err != nil {
					notRun = strings.Join(strings.Fields(found[2]), " ")
				}
			}
		default:
			if notRun != "" {
				t.Errorf("%s: no block follows what is said of one: %s", b, notRun)
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// TestPackageCommentShowsTheProgramOfREADME: README's is compiled and
// run, so what the package says is, too.
func TestPackageCommentShowsTheProgramOfREADME(t *testing.T) {
	source := filepath.Join(repository, "client/doc.go")
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	blocks := blocksOf(t, "README.md")
	programs := 0
	for _, b := range new(comment.Parser).Parse(file.Doc.Text()).Content {
		code, is := b.(*comment.Code)
		if !is {
			continue
		}
		programs++
		if !slices.ContainsFunc(blocks, func(b *pageBlock) bool { return b.file() != "" && b.text == code.Text }) {
			t.Errorf("README.md does not have this program of client/doc.go:\n%s", code.Text)
		}
	}
	if programs == 0 {
		t.Error("client/doc.go shows no program")
	}
}
