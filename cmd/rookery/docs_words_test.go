package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/rookery-im/rookery/internal/transcript"
)

// spansOf returns the code spans of a page's sentences and tables, and the targets of its links.
func spansOf(t *testing.T, name string) (code, links []string) {
	t.Helper()
	source := []byte(readPage(t, name))
	page := goldmark.DefaultParser().Parse(text.NewReader(source))
	err := ast.Walk(page, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.CodeSpan:
			if entering {
				var span strings.Builder
				for c := n.FirstChild(); c != nil; c = c.NextSibling() {
					span.Write(c.(*ast.Text).Value(source))
				}
				code = append(code, strings.ReplaceAll(span.String(), "\n", " "))
			}
		case *ast.Link:
			if entering {
				links = append(links, string(n.Destination))
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return code, links
}

func TestPagesUseExistingCommandsAndFlags(t *testing.T) {
	flags := make(map[string]bool)
	everyCommand(newRoot(), func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		for _, f := range strings.Fields(cmd.Flags().FlagUsages()) {
			flags[strings.TrimSuffix(f, ",")] = true
		}
	})
	for _, page := range pages(t) {
		spans, _ := spansOf(t, page)
		for _, span := range spans {
			word, _, _ := strings.Cut(span, " ")
			if name, _, _ := strings.Cut(word, "="); strings.HasPrefix(word, "--") && !flags[name] {
				t.Errorf("%s: no command has the flag %s", page, span)
			}
		}
		for _, b := range blocksOf(t, page) {
			if strings.HasPrefix(b.info, "sh") {
				spans = append(spans, b.text)
			}
		}
		for _, span := range spans {
			for _, call := range exampleLines.FindAllString(span, -1) {
				checkInvocation(t, page, call)
			}
		}
	}
}

// checkInvocation checks that the command and the flags of an invocation exist.
func checkInvocation(t *testing.T, page, call string) {
	t.Helper()
	call, _, _ = strings.Cut(strings.TrimPrefix(call, "rookery rookery "), ";") // sudo -u rookery rookery
	words := strings.Fields(strings.NewReplacer("[", "", "]", "", "rookery ", "").Replace(call))
	named, _, err := newRoot().Find(words)
	if err != nil {
		t.Errorf("%s: no command fits %q: %v", page, call, err)
		return
	}
	for _, word := range words {
		flag, isFlag := strings.CutPrefix(word, "--")
		flag, _, _ = strings.Cut(flag, "=")
		if isFlag && flag != "help" && named.Flag(flag) == nil {
			t.Errorf("%s: %q has no flag --%s", page, call, flag)
		}
	}
}

func TestPagesLinkToExistingFiles(t *testing.T) {
	file := regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+\.(go|md|txt|txtar|json|bash)$`)
	for _, page := range pages(t) {
		code, links := spansOf(t, page)
		for _, link := range links {
			target, _, _ := strings.Cut(link, "#")
			if strings.Contains(link, "://") || target == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(repository, filepath.Dir(page), target)); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, span := range code {
			if !file.MatchString(span) {
				continue
			}
			// Pages about the code omit the directory.
			found := slices.ContainsFunc(blocksOf(t, page), func(b *pageBlock) bool { return b.file() == span })
			for _, dir := range []string{".", "internal", "testdata", "docs"} {
				_, err := os.Stat(filepath.Join(repository, dir, span))
				found = found || err == nil
			}
			if !found {
				t.Errorf("%s: the file %s does not exist", page, span)
			}
		}
	}
}

// rowsOf returns the cells of the table below a header line of a page.
func rowsOf(t *testing.T, page, header string) [][]string {
	t.Helper()
	_, table, found := strings.Cut(readPage(t, page), "\n"+header+"\n")
	if !found {
		t.Fatalf("%s has no table %s", page, header)
	}
	var rows [][]string
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if !strings.HasPrefix(line, "|--") {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

func TestDocumentedLimitsAreTheDefaults(t *testing.T) {
	serve, _, err := newRoot().Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rowsOf(t, "docs/operations.md", "| flag | default | |") {
		flags, defaults := strings.Split(row[0], ", "), strings.Split(row[1], ", ")
		for i, name := range flags {
			flag := serve.Flag(strings.Trim(name, "`-"))
			if flag == nil {
				t.Errorf("serve has no flag %s", name)
				continue
			}
			if want := strings.ReplaceAll(defaults[i], " s", "s"); flag.DefValue != want &&
				flag.DefValue != strings.Fields(want)[0] && !isSameDuration(flag.DefValue, want) {
				t.Errorf("the default of %s is %s, the page says %s", name, flag.DefValue, defaults[i])
			}
		}
	}
}

func isSameDuration(a, b string) bool {
	first, errA := time.ParseDuration(a)
	second, errB := time.ParseDuration(b)
	return errA == nil && errB == nil && first == second
}

func TestDocumentedExitCodesMatchTheProgram(t *testing.T) {
	var page, program []string
	for _, row := range rowsOf(t, "docs/scripts.md", "| code | meaning |") {
		page = append(page, row[0])
	}
	for _, found := range regexp.MustCompile(`(?m)^  (\d)  `).FindAllStringSubmatch(exitCodesTopic().Long, -1) {
		program = append(program, found[1])
	}
	if !slices.Equal(page, program) || len(page) != exitTemporary+1 {
		t.Errorf("the page has the codes %q, the program %q, want the same %d codes", page, program, exitTemporary+1)
	}
}

func TestTranscriptPageListsTranscriptsAndAccountFields(t *testing.T) {
	const page = "testdata/transcripts/README.md"
	var listed, existing []string
	for _, row := range rowsOf(t, page, "| theme | files |") {
		listed = append(listed, strings.Fields(strings.ReplaceAll(row[1], "`", ""))...)
	}
	scripts, err := transcript.Load(filepath.Join(repository, "testdata/transcripts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		existing = append(existing, strings.TrimSuffix(s.Name, ".txt"))
	}
	for _, name := range listed {
		if !slices.Contains(existing, name) {
			t.Errorf("%s lists %s, which does not exist", page, name)
		}
	}
	for _, name := range existing {
		if !slices.Contains(listed, name) {
			t.Errorf("%s does not list %s", page, name)
		}
	}
	_, words, _ := strings.Cut(readPage(t, page), "Fields of an account:")
	words, _, _ = strings.Cut(words, "\n\n")
	for _, field := range transcript.AccountFieldNames() {
		if !regexp.MustCompile("[` \n]" + field + "[` \n]").MatchString(words) {
			t.Errorf("%s does not name the field %s", page, field)
		}
	}
}

// A documented message must occur in the code; "..." stands for what the program fills in.
func TestDocumentedMessagesAreInTheCode(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir(repository, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		code.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rowsOf(t, "docs/operations.md", "## Messages that you may meet\n\n| | |") {
		for part := range strings.SplitSeq(strings.ReplaceAll(row[0], ";", "..."), "...") {
			if part = strings.Trim(part, " ,:`"); part != "" && !strings.Contains(code.String(), part) {
				t.Errorf("the page has the message %q, but no code contains %q", row[0], part)
			}
		}
	}
}
