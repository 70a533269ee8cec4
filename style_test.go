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
)

// The limits that this project keeps to. CONTRIBUTING.md explains them.
const (
	minNameLength  = 4.4  // average over all declared identifiers, without tests
	maxSharedTypes = 0.15 // share of type names that two or more packages declare
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
