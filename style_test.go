package rookery_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The limits that this project keeps to. CONTRIBUTING.md explains them.
const (
	minNameLength  = 5.5  // average over all declared identifiers, without tests
	maxSharedTypes = 0.10 // share of type names that two or more packages declare
	maxLineLength  = 120  // columns; a tab counts as four
)

// TestNames prints how long names are on average and how many type names several
// packages share. `make names` shows the figures.
func TestNames(t *testing.T) {
	var length, count int
	declaredIn := make(map[string]map[string]bool) // folders by type name
	for path, file := range goFiles(t, false) {
		for name := range declaredNames(file) {
			length += len(name)
			count++
		}
		for _, spec := range typeSpecs(file) {
			if declaredIn[spec.Name.Name] == nil {
				declaredIn[spec.Name.Name] = make(map[string]bool)
			}
			declaredIn[spec.Name.Name][filepath.Dir(path)] = true
		}
	}
	var shared []string
	for name, folders := range declaredIn {
		if len(folders) > 1 {
			shared = append(shared, fmt.Sprintf("%s %d", name, len(folders)))
		}
	}
	slices.Sort(shared)
	average, share := float64(length)/float64(count), float64(len(shared))/float64(len(declaredIn))
	t.Logf("%d declared identifiers have %.2f characters on average", count, average)
	t.Logf("%.1f %% of %d type names are declared by several packages: %s",
		100*share, len(declaredIn), strings.Join(shared, ", "))
	if average < minNameLength {
		t.Errorf("the average is below %.1f", minNameLength)
	}
	if share > maxSharedTypes {
		t.Errorf("the share is above %.0f %%", 100*maxSharedTypes)
	}
}

// TestExportedNamesAreDocumented lists exported names without a doc comment. A
// comment on a group of constants or variables covers the group.
func TestExportedNamesAreDocumented(t *testing.T) {
	for path, file := range goFiles(t, false) {
		for _, name := range undocumentedNames(file) {
			t.Errorf("%s: %s has no doc comment", path, name)
		}
	}
}

// TestLinesAreShort keeps lines readable beside each other. Tables, links, code blocks
// and comments of pages are as long as they must be, and so are recorded exchanges.
func TestLinesAreShort(t *testing.T) {
	for _, path := range trackedFiles(t, "*.go", "*.md") {
		if strings.Contains(path, "testdata/") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		inLongString := longStringLines(t, path, text)
		isPage, inBlock := strings.HasSuffix(path, ".md"), false
		for i, line := range strings.Split(string(text), "\n") {
			isMarker := strings.HasPrefix(line, "```") || strings.HasPrefix(line, "<!--")
			switch {
			case isMarker && !strings.HasSuffix(line, "-->"):
				inBlock = !inBlock
			case strings.HasPrefix(line, "<!-- probe"), strings.HasSuffix(line, "-->"):
				inBlock = strings.HasPrefix(line, "<!-- probe") // a generated part
			}
			isTableOrLink := strings.HasPrefix(line, "|") || strings.Contains(line, "http")
			if isPage && (inBlock || isMarker || isTableOrLink) || inLongString[i+1] {
				continue
			}
			columns := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
			if columns > maxLineLength {
				t.Errorf("%s:%d has %d columns", path, i+1, columns)
			}
		}
	}
}

// longStringLines returns the lines of a Go file that belong to string literals of more
// than 80 bytes.
func longStringLines(t *testing.T, path string, text []byte) map[int]bool {
	t.Helper()
	lines := make(map[int]bool)
	if !strings.HasSuffix(path, ".go") {
		return lines
	}
	fileSet := token.NewFileSet()
	file, err := parser.ParseFile(fileSet, path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING && len(literal.Value) > 80 {
			for line := fileSet.Position(literal.Pos()).Line; line <= fileSet.Position(literal.End()).Line; line++ {
				lines[line] = true
			}
		}
		return true
	})
	return lines
}

// trackedFiles returns the files of the repository that match one of the patterns.
func trackedFiles(t *testing.T, patterns ...string) []string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"ls-files", "-z", "--"}, patterns...)...).Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	paths := strings.Split(string(bytes.TrimSuffix(out, []byte{0})), "\x00")
	return slices.DeleteFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err != nil // deleted in the working tree, but not in the index
	})
}

// goFiles parses the Go files of the repository, by path.
func goFiles(t *testing.T, withTests bool) map[string]*ast.File {
	t.Helper()
	files := make(map[string]*ast.File)
	for _, path := range trackedFiles(t, "*.go") {
		if !withTests && strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = file
	}
	return files
}

// declaredNames yields each identifier where it is declared: types, functions,
// receivers, parameters, results, fields, constants and variables.
func declaredNames(file *ast.File) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		ended := false
		declare := func(names ...ast.Expr) {
			for _, name := range names {
				if ident, ok := name.(*ast.Ident); ok && ident.Name != "_" && !ended {
					ended = !yield(ident.Name)
				}
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.FuncDecl:
				declare(node.Name)
			case *ast.TypeSpec:
				declare(node.Name)
			case *ast.ValueSpec:
				for _, name := range node.Names {
					declare(name)
				}
			case *ast.Field:
				for _, name := range node.Names {
					declare(name)
				}
			case *ast.AssignStmt:
				if node.Tok == token.DEFINE {
					declare(node.Lhs...)
				}
			case *ast.RangeStmt:
				if node.Tok == token.DEFINE {
					declare(node.Key, node.Value)
				}
			}
			return !ended
		})
	}
}

// typeSpecs returns the types that a file declares outside of functions.
func typeSpecs(file *ast.File) (specs []*ast.TypeSpec) {
	for _, decl := range file.Decls {
		if group, ok := decl.(*ast.GenDecl); ok {
			for _, spec := range group.Specs {
				if spec, ok := spec.(*ast.TypeSpec); ok {
					specs = append(specs, spec)
				}
			}
		}
	}
	return specs
}

// undocumentedNames returns the exported top-level names, and methods of exported
// types, that have no doc comment.
func undocumentedNames(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Name.IsExported() && hasExportedReceiver(decl) && decl.Doc == nil && !isCommonMethod(decl) {
				names = append(names, decl.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				names = append(names, undocumentedInSpec(spec, decl.Doc != nil)...)
			}
		}
	}
	return names
}

func undocumentedInSpec(spec ast.Spec, groupIsDocumented bool) (names []string) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() && spec.Doc == nil && spec.Comment == nil && !groupIsDocumented {
			names = append(names, spec.Name.Name)
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && spec.Doc == nil && spec.Comment == nil && !groupIsDocumented {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

// hasExportedReceiver reports whether a function is no method, or a method of an
// exported type.
func hasExportedReceiver(decl *ast.FuncDecl) bool {
	if decl.Recv == nil {
		return true
	}
	receiver := decl.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	ident, ok := receiver.(*ast.Ident)
	return ok && ident.IsExported()
}

// isCommonMethod reports whether the standard library says what a method does.
func isCommonMethod(decl *ast.FuncDecl) bool {
	common := []string{"String", "Error", "Unwrap", "Is", "Len", "Less", "Swap", "Push", "Pop",
		"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "Format", "GoString"}
	return decl.Recv != nil && slices.Contains(common, decl.Name.Name)
}
