package rookery_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/rookery-im/rookery"

// importRule limits the imports of a package. Packages are named by their path in
// the module; the root package is ".". A path that ends in /* means all packages
// below it.
type importRule struct {
	path string
	// allowed are the packages of this module that may be imported; "*" means all.
	allowed []string
	// forbidden are other packages that must not be imported, with all below them.
	forbidden []string
	reason    string
}

const proberReason = "a prober that shares code with the server shares its opinions, and can only confirm them"

var importRules = []importRule{
	{".", nil, []string{"net/http", "database/sql", "log"},
		"all packages use the domain types, which need neither a disk nor a network"},
	{"wire", nil, []string{"net", "os", "context"},
		"the codec does no I/O"},
	{"internal/auth", []string{"."}, []string{"net/http", "database/sql"},
		"what a password is worth depends neither on the wire format nor on the store"},
	{"internal/service", []string{".", "internal/auth"}, []string{"net/http", "database/sql"},
		"the service works with any wire format and any store"},
	{"internal/protocol", []string{".", "wire", "internal/auth", "internal/service", "internal/transport"},
		[]string{"net/http", "database/sql"},
		"commands translate between records and the service; they do no I/O of their own"},
	{"internal/transport", []string{"wire"}, nil,
		"connections handle records as bytes; they need their sizes and forms only"},
	{"internal/transport/*", []string{"wire", "internal/transport"}, nil,
		"a protocol frames records for any handler, and is independent of the other protocols"},
	{"internal/disk", nil, nil,
		"it knows the disk, not the files on it"},
	{"internal/sqlite", []string{".", "internal/disk"}, nil,
		"a store implements the service's interface without importing it, so that it contains no rules"},
	{"internal/storetest", []string{".", "internal/service"}, nil,
		"the suite tests the contract of a store, not one store"},
	{"internal/control", []string{".", "internal/auth", "internal/service"}, []string{"database/sql"},
		"the service carries out what an operator does"},
	{"client", []string{".", "wire"}, []string{"database/sql"},
		"it is a library for other modules, which cannot import our internal packages"},
	{"internal/termtext", []string{"."}, []string{"net", "os", "context"},
		"what is safe to print depends on the text alone"},
	{"internal/tui", []string{"client", "internal/termtext"}, []string{"net/http", "database/sql"},
		"the terminal client uses the library like any other client"},
	{"internal/web", nil, nil,
		"a page is static"},
	{"internal/transcript", nil, nil,
		"the transcripts state the contract, independent of the code"},
	{"internal/transcript/*", []string{"internal/transcript"}, nil,
		"old clients parse bytes themselves; with our codec they would share its errors"},
	{"internal/bench", []string{".", "wire", "internal/auth", "internal/service", "internal/sqlite"}, nil,
		"load arrives over sockets; stores are filled and counted through the contract"},
	{"internal/fault", []string{"."}, nil,
		"faults come from outside of the server"},
	{"internal/fault/*", nil, nil,
		"the effect of a power failure on a disk does not depend on our file formats"},
	{"internal/probe", []string{"internal/probe/*"}, nil, proberReason},
	{"internal/probe/*", []string{"internal/probe/*", "internal/transcript"}, nil, proberReason},
	{"cmd/rookery", []string{"*"}, nil,
		"it connects all packages"},
}

// TestPackagesImportOnlyWhatTheyMay checks imports of packages without their tests.
// Tests may import more, such as a real store.
func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	for _, pkg := range listPackages(t) {
		i := slices.IndexFunc(importRules, func(rule importRule) bool { return matchesPath(pkg.path(), rule.path) })
		if i < 0 {
			t.Errorf("%s has no row in importRules", pkg.path())
			continue
		}
		rule := importRules[i]
		for _, imported := range pkg.Imports {
			if ours, ok := pathInModule(imported); ok {
				if !slices.ContainsFunc(rule.allowed, func(path string) bool { return matchesPath(ours, path) }) {
					t.Errorf("%s imports %s: %s", pkg.path(), ours, rule.reason)
				}
				continue
			}
			for _, path := range rule.forbidden {
				if imported == path || strings.HasPrefix(imported, path+"/") {
					t.Errorf("%s imports %s: %s", pkg.path(), imported, rule.reason)
				}
			}
		}
	}
}

// TestNoPackageImportsSingleflight: work of golang.org/x/sync/singleflight fails for
// all callers when the first one is cancelled. internal/auth/callgroup.go does not
// have this problem.
func TestNoPackageImportsSingleflight(t *testing.T) {
	for _, pkg := range listPackages(t) {
		if slices.Contains(pkg.Imports, "golang.org/x/sync/singleflight") {
			t.Errorf("%s imports singleflight: use a call group that outlives its first caller", pkg.path())
		}
	}
}

func TestEveryImportRuleHasAPackage(t *testing.T) {
	all := listPackages(t)
	for _, rule := range importRules {
		if !slices.ContainsFunc(all, func(pkg goPackage) bool { return matchesPath(pkg.path(), rule.path) }) {
			t.Errorf("there is no package %s", rule.path)
		}
	}
}

// goPackage is what go list prints of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
}

func (p goPackage) path() string {
	path, _ := pathInModule(p.ImportPath)
	return path
}

// pathInModule returns the path of a package in this module. It reports false for
// packages of other modules.
func pathInModule(importPath string) (path string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// matchesPath reports whether path equals pattern, or is below a pattern that ends
// in /*, or the pattern is "*".
func matchesPath(path, pattern string) bool {
	if pattern == "*" {
		return true
	}
	if parent, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(path, parent+"/")
	}
	return path == pattern
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	output, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var pkg goPackage
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pkg)
	}
}
