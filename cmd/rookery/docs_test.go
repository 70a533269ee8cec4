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

// repository is the root directory of the pages.
var repository, _ = filepath.Abs("../..") // fails only if the working directory was removed

// A pageBlock is a code block of a page, or a "test:" comment.
type pageBlock struct {
	page string // its path in the repository
	line int    // the number of its first line, from 1
	// info is the text of the opening fence: a language, then how the block runs or the
	// name of its file. For a comment it is "test".
	info string
	text string
	// notRun is the reason why it cannot run, from the comment above it.
	notRun string
}

func (b *pageBlock) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// file returns the name of the file that the block becomes, or "".
func (b *pageBlock) file() string {
	if _, name, _ := strings.Cut(b.info, " "); strings.Contains(name, ".") {
		return name
	}
	return ""
}

// pages lists the pages that the tests read.
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

// notRunComment matches the comment above a block that cannot run anywhere, or on a
// machine without a program.
var notRunComment = regexp.MustCompile(`(?s)^<!-- not run(?: without (\S+))?:(.*)$`)

// blocksOf returns the code blocks and the "test:" comments of a page, in order.
func blocksOf(t *testing.T, name string) []*pageBlock {
	t.Helper()
	source := []byte(readPage(t, name))
	var blocks []*pageBlock
	var notRun string // of the next block
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
				t.Errorf("%s: no block follows the comment \"not run: %s\"", b, notRun)
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// The program of README is compiled and run, so the same program in the package comment works.
func TestPackageCommentShowsTheProgramOfREADME(t *testing.T) {
	source := filepath.Join(repository, "client/doc.go")
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	blocks := blocksOf(t, "README.md")
	n := 0
	for _, b := range new(comment.Parser).Parse(file.Doc.Text()).Content {
		code, is := b.(*comment.Code)
		if !is {
			continue
		}
		n++
		if !slices.ContainsFunc(blocks, func(b *pageBlock) bool { return b.file() != "" && b.text == code.Text }) {
			t.Errorf("README.md lacks this program of client/doc.go:\n%s", code.Text)
		}
	}
	if n == 0 {
		t.Error("client/doc.go has no program")
	}
}
