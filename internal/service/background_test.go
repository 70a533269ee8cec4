package service_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// brittle is a store whose method of one name panics, or waits.
type brittle struct {
	service.Store
	mu     sync.Mutex // guards the rest
	breaks string
	how    func()
	ended  bool // the service has ended, and must not call any more
	late   []string
}

func (b *brittle) breaking(method string, how func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.breaks, b.how = method, how
}

func (b *brittle) called(method string) {
	b.mu.Lock()
	how := b.how
	if b.ended {
		b.late = append(b.late, method)
	}
	breaks := b.breaks == method
	b.mu.Unlock()
	if breaks {
		how()
	}
}

func (b *brittle) Entries(ctx context.Context, uin rookery.UIN, after, upTo uint64, limit int) (
	[]rookery.Entry, error) {
	b.called("Entries")
	return b.Store.Entries(ctx, uin, after, upTo, limit)
}

func (b *brittle) SaveCursor(ctx context.Context, uin rookery.UIN, device string, cursor rookery.Cursor) error {
	b.called("Collect")
	return b.Store.SaveCursor(ctx, uin, device, cursor)
}

func (b *brittle) SetSessionsAsleep(ctx context.Context, s []rookery.Session) error {
	b.called("Sleep")
	return b.Store.SetSessionsAsleep(ctx, s)
}

func (b *brittle) RecordUptime(ctx context.Context, up, forget time.Duration) error {
	b.called("Beat")
	return b.Store.RecordUptime(ctx, up, forget)
}

func (b *brittle) PurgeEntries(ctx context.Context, after rookery.UIN, before time.Time, limit int) (rookery.UIN, int, error) {
	b.called("Purge")
	return b.Store.PurgeEntries(ctx, after, before, limit)
}

// running is a world whose service runs, with a brittle store and a log that
// can be read.
type running struct {
	*world
	store *brittle
	end   context.CancelFunc
	ended chan error
	mu    sync.Mutex // guards log
	log   bytes.Buffer
}

func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *running) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// stop ends the service and waits for that.
func (r *running) stop() {
	r.Helper()
	r.end()
	r.must(<-r.ended)
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	r.store.ended = true
}

// whileRunning runs a test in virtual time, beside a service that runs.
func whileRunning(t *testing.T, test func(r *running)) {
	t.Helper()
	inBubble(t, func(w *world) {
		r := &running{world: w, ended: make(chan error, 1)}
		r.store = &brittle{Store: w.store}
		var err error
		w.Service, err = service.New(service.Config{Store: r.store, Now: w.now, Log: slog.New(slog.NewTextHandler(r, nil))})
		w.must(err)
		w.must(w.Load(w.Context()))
		var ctx context.Context
		ctx, r.end = context.WithCancel(w.Context())
		defer r.end()
		go func() { r.ended <- w.Service.Run(ctx) }()
		test(r)
	}, 10001, 10002)
}

func goMad() { panic("out of its mind") }

// wild is an outlet that panics.
type wild struct{ onPush, onClose bool }

func (o *wild) Push(service.Event) error {
	if o.onPush {
		goMad()
	}
	return nil
}

func (o *wild) Framed() bool { return false }

func (o *wild) Close() {
	if o.onClose {
		goMad()
	}
}

// panics are what the service does by itself, each made to panic once.
func panics() map[string]func(r *running, you *service.Session) {
	return map[string]func(r *running, you *service.Session){
		"a push": func(r *running, you *service.Session) {
			_, err := r.Attach(r.Context(), you, &wild{onPush: true})
			r.must(err)
		},
		"a push, and the end of its connection": func(r *running, you *service.Session) {
			_, err := r.Attach(r.Context(), you, &wild{onPush: true, onClose: true})
			r.must(err)
		},
		"the end of a connection that another takes the place of": func(r *running, you *service.Session) {
			_, err := r.Attach(r.Context(), you, &wild{onClose: true})
			r.must(err)
			r.attach(you)
		},
		"the end of a connection of a session that runs out": func(r *running, you *service.Session) {
			_, err := r.Attach(r.Context(), you, &wild{onClose: true})
			r.must(err)
			r.pass(service.SessionLife)
		},
		"reading what is to be pushed": func(r *running, you *service.Session) {
			r.store.breaking("Entries", goMad)
			if phone := r.attach(you); !phone.isClosed() {
				r.Error("the connection on which nobody pushes any more stays open")
			}
		},
		"storing what was confirmed": func(r *running, you *service.Session) {
			phone := r.attach(you)
			phone.confirm(1)
			r.store.breaking("Collect", goMad)
			r.pass(time.Second)
		},
		"storing what was confirmed by the end of a connection": func(r *running, you *service.Session) {
			phone := r.attach(you)
			r.store.breaking("Collect", goMad)
			phone.confirm(1)
			phone.cut()
		},
		"ending sessions": func(r *running, _ *service.Session) {
			r.store.breaking("Sleep", goMad)
			r.pass(service.SessionLife)
		},
		"storing the uptime": func(r *running, _ *service.Session) {
			r.store.breaking("Beat", goMad)
			r.pass(10 * time.Second)
		},
		"deleting old entries": func(r *running, _ *service.Session) {
			r.store.breaking("Purge", goMad)
			r.pass(2 * time.Second)
		},
	}
}

func TestAPanicInWhatTheServiceDoesByItselfIsReportedAndEndsNothing(t *testing.T) {
	for name, provoke := range panics() {
		t.Run(name, func(t *testing.T) {
			whileRunning(t, func(r *running) {
				you := r.device(10002, "phone")
				r.says(r.signIn(10001, home), 10002, "a")
				provoke(r, you)
				r.settle()
				if log := r.logged(); !strings.Contains(log, "out of its mind") || !strings.Contains(log, "background_test.go") {
					r.Errorf("the panic and where it was are not in the log:\n%s", log)
				}
				// What failed is done later, and everything else goes on.
				r.store.breaking("", nil)
				r.pass(time.Minute)
				you, desk := r.device(10002, "phone"), r.device(10001, "desk")
				phone := r.attach(you)
				phone.confirm(1)
				r.says(desk, 10002, "b")
				if got := phone.got(); len(got) == 0 || got[len(got)-1] != "2 b" {
					r.Errorf("pushed is %q", got)
				}
				r.pass(2 * service.SessionLife)
				if !phone.isClosed() {
					r.Error("sessions do not run out any more")
				}
				r.stop()
			})
		})
	}
}

func TestTheEndSurvivesPanics(t *testing.T) {
	for _, method := range []string{"Collect", "Beat"} {
		t.Run(method, func(t *testing.T) {
			whileRunning(t, func(r *running) {
				r.says(r.signIn(10001, home), 10002, "a")
				feed, err := r.Attach(r.Context(), r.device(10002, "phone"), &wild{onClose: true})
				r.must(err)
				r.settle()
				feed.Confirm(1)
				r.store.breaking(method, goMad)
				r.stop()
			})
		})
	}
}

// stuck is an outlet whose client does not read.
type stuck struct {
	closed   chan struct{}
	once     sync.Once
	mu       sync.Mutex // guards returned
	returned bool
}

func (o *stuck) Push(service.Event) error {
	<-o.closed
	time.Sleep(time.Second) // the system takes its time
	o.mu.Lock()
	defer o.mu.Unlock()
	o.returned = true
	return fmt.Errorf("cut off")
}

func (o *stuck) Framed() bool { return false }

func (o *stuck) Close() { o.once.Do(func() { close(o.closed) }) }

func TestTheEndClosesConnectionsAndWaitsForWhatIsOnItsWay(t *testing.T) {
	whileRunning(t, func(r *running) {
		r.says(r.signIn(10001, home), 10002, "a")
		out := &stuck{closed: make(chan struct{})}
		_, err := r.Attach(r.Context(), r.device(10002, "phone"), out)
		r.must(err)
		r.settle()
		r.stop()
		out.mu.Lock()
		defer out.mu.Unlock()
		if !out.returned {
			r.Error("the service has ended, and still pushes")
		}
	})
}

func TestTheEndWaitsForSaversAndNoTimerComesAfterIt(t *testing.T) {
	whileRunning(t, func(r *running) {
		me := r.signIn(10001, home)
		r.says(me, 10002, "a", "b")
		phone := r.attach(r.device(10002, "phone"))
		phone.confirm(1)
		phone.want("1 a", "2 b")
		saved := false
		r.store.breaking("Collect", func() {
			time.Sleep(10 * time.Second)
			saved = true
		})
		phone.confirm(2)
		phone.feed.Close() // begins to store
		r.settle()
		r.store.breaking("", nil)
		tablet := r.attach(r.device(10002, "tablet"))
		tablet.want("1 a", "2 b")
		tablet.confirm(1) // is about to be stored, in a moment
		r.stop()
		if !saved {
			r.Error("the service has ended, and still stores")
		}
		tablet.feed.Close()
		r.advance(time.Hour)
		if r.store.late != nil {
			r.Errorf("after the end the store was asked: %q", r.store.late)
		}
		r.wantPlace(10002, "phone", 2)
		r.wantPlace(10002, "tablet", 1)
	})
}

// TestGoroutinesAndTimersAreStartedInOnePlace: only there they recover, and are
// waited for.
func TestGoroutinesAndTimersAreStartedInOnePlace(t *testing.T) {
	found := 0
	inspect(t, func(n ast.Node, file, where string) {
		starts := false
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = true
		case *ast.CallExpr:
			name, ok := n.Fun.(*ast.SelectorExpr)
			others := []string{"time.AfterFunc", "context.AfterFunc"} // the default clock; what ends with a context
			starts = ok && !slices.Contains(others, types.ExprString(name)) &&
				slices.Contains([]string{"afterFunc", "AfterFunc", "DoChan"}, name.Sel.Name)
		}
		if starts && file == "background.go" {
			found++
		} else if starts {
			t.Errorf("%s: use background", where)
		}
	})
	if found != 2 {
		t.Errorf("background.go starts something in %d places: does this test find them?", found)
	}
}

// TestWhatMayBeNilIsNotUsedUnseen: a feed can go away between two looks at it,
// so that one Load must serve for the check and for the use.
func TestWhatMayBeNilIsNotUsedUnseen(t *testing.T) {
	inspect(t, func(n ast.Node, _, where string) {
		use, ok := n.(*ast.SelectorExpr)
		if !ok {
			return
		}
		if call, ok := use.X.(*ast.CallExpr); ok && strings.HasSuffix(types.ExprString(call.Fun), "feed.Load") {
			t.Errorf("%s: feed may be nil by now", where)
		}
	})
}

// inspect calls see with everything in the package's code.
func inspect(t *testing.T, see func(n ast.Node, file, where string)) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if n != nil {
				see(n, file, set.Position(n.Pos()).String())
			}
			return true
		})
	}
}
