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

const module = "github.com/rookery-im/rookery"

type rule struct {
	room  string
	may   []string
	never []string
	why   string
}

// rooms says who may know whom. Packages are named by their path in the module,
// the root package is ".". A room ending in /* is every package below it. never
// holds packages of others, with all below them.
var rooms = []rule{
	{".", nil, []string{"net/http", "database/sql", "log"},
		"the nouns are what all others speak about; they need neither a disk nor a network"},
	{"wire", nil, []string{"net", "os", "context"},
		"the codec turns bytes into records and does no I/O"},
	{"internal/service", []string{"."}, []string{"net/http", "database/sql"},
		"what the system does is told in nouns, whatever the wire and the store are"},
	{"internal/protocol", []string{".", "wire", "internal/service", "internal/transport"}, []string{"net/http", "database/sql"},
		"commands join the wire with the service; how records come in and where things are kept is not theirs"},
	{"internal/transport", []string{"wire"}, nil,
		"connections know records as bytes; of the wire they need sizes and forms"},
	{"internal/transport/*", []string{"wire", "internal/transport"}, nil,
		"a way in frames records, for whatever handler; the ways do not know each other"},
	{"internal/disk", nil, nil,
		"what the operating system says of a disk has nothing to do with what is on it"},
	{"internal/sqlite", []string{".", "internal/disk"}, nil,
		"a store satisfies the service's contract structurally, so that no rule slips into it"},
	{"internal/storetest", []string{".", "internal/service"}, nil,
		"the suite knows the contract, and no store"},
	{"internal/control", []string{".", "internal/service"}, []string{"database/sql"},
		"what an operator can do is done by the service, whatever the command line and the wire are"},
	{"client", []string{".", "wire"}, []string{"database/sql"},
		"a library for others' programs: it can import nothing that they cannot"},
	{"internal/termtext", []string{"."}, []string{"net", "os", "context"},
		"what a terminal may be shown is decided from the text alone"},
	{"internal/tui", []string{"client", "internal/termtext"}, []string{"net/http", "database/sql"},
		"the terminal client is a client like any other"},
	{"internal/web", nil, nil,
		"a page is text"},
	{"internal/transcript", nil, nil,
		"the corpus states the contract, not what the code happens to do"},
	{"internal/transcript/*", []string{"internal/transcript"}, nil,
		"old clients read bytes their own way; with our codec they would share its errors"},
	{"internal/bench", []string{".", "wire", "internal/service", "internal/sqlite"}, nil,
		"load comes over the socket; stores are seeded and counted through the contract"},
	{"internal/fault", []string{"."}, nil,
		"what breaks a server breaks it from outside; of ours it needs numbers of accounts"},
	{"internal/fault/*", nil, nil,
		"what is left of a disk after a power cut has nothing to do with what is on it"},
	{"internal/probe", []string{"internal/probe/*"}, nil,
		"a prober that shares the server's opinions, or its escapes, can only confirm them"},
	{"internal/probe/*", []string{"internal/probe/*", "internal/transcript"}, nil,
		"a prober that shares the server's opinions, or its escapes, can only confirm them"},
	{"cmd/rookery", []string{"*"}, nil,
		"the only place that wires things together"},
}

// A rule for a room holds for what it is made of. Its tests may use more: they
// need a real store, a real server.
func TestRoomsKnowOnlyWhomTheyMay(t *testing.T) {
	for _, p := range packages(t) {
		i := slices.IndexFunc(rooms, func(r rule) bool { return within(p.room(), r.room) })
		if i < 0 {
			t.Errorf("%s has no row in the table of rooms", p.room())
			continue
		}
		rule := rooms[i]
		for _, imported := range p.Imports {
			if ours, ok := roomOf(imported); ok {
				if !slices.ContainsFunc(rule.may, func(may string) bool { return may == "*" || within(ours, may) }) {
					t.Errorf("%s imports %s: %s", p.room(), ours, rule.why)
				}
				continue
			}
			for _, never := range rule.never {
				if imported == never || strings.HasPrefix(imported, never+"/") {
					t.Errorf("%s imports %s: %s", p.room(), imported, rule.why)
				}
			}
		}
	}
}

// What goes by golang.org/x/sync/singleflight ends with the context of whoever
// came first, for everybody; internal/service/callgroup.go does not.
func TestNobodySharesWorkThatEndsWithItsFirstCaller(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(p.Imports, "golang.org/x/sync/singleflight") {
			t.Errorf("%s imports singleflight: use work that outlives its first caller", p.room())
		}
	}
}

func TestEveryRowHasItsRoom(t *testing.T) {
	all := packages(t)
	for _, r := range rooms {
		if !slices.ContainsFunc(all, func(p goPackage) bool { return within(p.room(), r.room) }) {
			t.Errorf("there is no package %s", r.room)
		}
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func (p goPackage) room() string {
	room, _ := roomOf(p.ImportPath)
	return room
}

// roomOf is the path of a package in the module, ok is false for those of
// others.
func roomOf(path string) (room string, ok bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// within reports whether a package is the room, or below a room ending in /*.
func within(path, room string) bool {
	if above, all := strings.CutSuffix(room, "/*"); all {
		return strings.HasPrefix(path, above+"/")
	}
	return path == room
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	listed, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for in := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p goPackage
		err := in.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
