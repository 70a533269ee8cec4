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

// panickingStore is a store in which one method calls how first, which panics or waits.
type panickingStore struct {
	service.Store
	mu              sync.Mutex // guards the fields below
	panickingMethod string
	how             func()
	ended           bool // the service has ended; calls after that are recorded in late
	late            []string
}

func (b *panickingStore) panicIn(method string, how func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.panickingMethod, b.how = method, how
}

func (b *panickingStore) beforeCall(method string) {
	b.mu.Lock()
	how := b.how
	if b.ended {
		b.late = append(b.late, method)
	}
	matches := b.panickingMethod == method
	b.mu.Unlock()
	if matches {
		how()
	}
}

func (b *panickingStore) Entries(ctx context.Context, uin rookery.UIN, after, upTo uint64, limit int) (
	[]rookery.Entry, error) {
	b.beforeCall("Entries")
	return b.Store.Entries(ctx, uin, after, upTo, limit)
}

func (b *panickingStore) SaveCursor(ctx context.Context, uin rookery.UIN, deviceName string, was uint64,
	cursor rookery.Cursor) error {
	b.beforeCall("SaveCursor")
	return b.Store.SaveCursor(ctx, uin, deviceName, was, cursor)
}

func (b *panickingStore) SetSessionsAsleep(ctx context.Context, s []rookery.Session) error {
	b.beforeCall("SetSessionsAsleep")
	return b.Store.SetSessionsAsleep(ctx, s)
}

func (b *panickingStore) RecordUptime(ctx context.Context, uptime, forget time.Duration) error {
	b.beforeCall("RecordUptime")
	return b.Store.RecordUptime(ctx, uptime, forget)
}

func (b *panickingStore) PurgeEntries(ctx context.Context, after rookery.UIN, before time.Time,
	limit int) (rookery.UIN, int, error) {
	b.beforeCall("PurgeEntries")
	return b.Store.PurgeEntries(ctx, after, before, limit)
}

// runningService is a world whose service is inside Run. Its store can panic, and its log can be read.
type runningService struct {
	*world
	store *panickingStore
	end   context.CancelFunc
	ended chan error
	mu    sync.Mutex // guards log
	log   bytes.Buffer
}

func (r *runningService) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *runningService) logText() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// stop ends Run and closes the service.
func (r *runningService) stop() {
	r.Helper()
	r.end()
	r.must(<-r.ended)
	r.Service.Close(r.Context())
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	r.store.ended = true
}

// withRunningService runs a test in virtual time with a service inside Run.
func withRunningService(t *testing.T, test func(r *runningService)) {
	t.Helper()
	inVirtualTime(t, func(w *world) {
		r := &runningService{world: w, ended: make(chan error, 1)}
		r.store = &panickingStore{Store: w.store}
		w.Service = service.New(service.Config{Store: r.store, Now: w.now, Passwords: newPasswords(w.now),
			Log: slog.New(slog.NewTextHandler(r, nil))})
		w.must(w.LoadSessions(w.Context()))
		var ctx context.Context
		ctx, r.end = context.WithCancel(w.Context())
		defer r.end()
		go func() { r.ended <- w.Service.Run(ctx) }()
		test(r)
	}, 10001, 10002)
}

func panicNow() { panic("out of its mind") }

// panickingSink is a PushSink that panics.
type panickingSink struct{ onPush, onClose bool }

func (o *panickingSink) Push(uint64, rookery.Event) error {
	if o.onPush {
		panicNow()
	}
	return nil
}

func (o *panickingSink) Framed() bool { return false }

func (o *panickingSink) Close() {
	if o.onClose {
		panicNow()
	}
}

// panicCases returns actions that make one background task panic each.
func panicCases() map[string]func(r *runningService, you *service.Session) {
	return map[string]func(r *runningService, you *service.Session){
		"a push": func(r *runningService, you *service.Session) {
			_, err := r.Subscribe(r.Context(), you, &panickingSink{onPush: true})
			r.must(err)
		},
		"a push, and the end of its connection": func(r *runningService, you *service.Session) {
			_, err := r.Subscribe(r.Context(), you, &panickingSink{onPush: true, onClose: true})
			r.must(err)
		},
		"the end of a connection that another takes the place of": func(r *runningService, you *service.Session) {
			_, err := r.Subscribe(r.Context(), you, &panickingSink{onClose: true})
			r.must(err)
			r.subscribe(you)
		},
		"the end of a connection of a session that runs out": func(r *runningService, you *service.Session) {
			_, err := r.Subscribe(r.Context(), you, &panickingSink{onClose: true})
			r.must(err)
			r.passTime(service.SessionTimeout)
		},
		"reading what is to be pushed": func(r *runningService, you *service.Session) {
			r.store.panicIn("Entries", panicNow)
			if phone := r.subscribe(you); !phone.isClosed() {
				r.Error("the connection stays open after its pump has panicked")
			}
		},
		"storing what was confirmed": func(r *runningService, you *service.Session) {
			phone := r.subscribe(you)
			phone.confirm(1)
			r.store.panicIn("SaveCursor", panicNow)
			r.passTime(time.Second)
		},
		"storing what was confirmed by the end of a connection": func(r *runningService, you *service.Session) {
			phone := r.subscribe(you)
			r.store.panicIn("SaveCursor", panicNow)
			phone.confirm(1)
			phone.disconnect()
		},
		"ending sessions": func(r *runningService, _ *service.Session) {
			r.store.panicIn("SetSessionsAsleep", panicNow)
			r.passTime(service.SessionTimeout)
		},
		"storing the uptime": func(r *runningService, _ *service.Session) {
			r.store.panicIn("RecordUptime", panicNow)
			r.passTime(10 * time.Second)
		},
		"deleting old entries": func(r *runningService, _ *service.Session) {
			r.store.panicIn("PurgeEntries", panicNow)
			r.passTime(2 * time.Second)
		},
	}
}

func TestAPanicInWhatTheServiceDoesByItselfIsReportedAndEndsNothing(t *testing.T) {
	for name, provoke := range panicCases() {
		t.Run(name, func(t *testing.T) {
			withRunningService(t, func(r *runningService) {
				you := r.signInDevice(10002, "phone")
				r.sendTexts(r.signIn(10001, home), 10002, "a")
				provoke(r, you)
				r.waitIdle()
				if log := r.logText(); !strings.Contains(log, "out of its mind") ||
					!strings.Contains(log, "backgroundtasks_test.go") {
					r.Errorf("the panic and where it was are not in the log:\n%s", log)
				}
				// The failed task runs again later, and everything else works.
				r.store.panicIn("", nil)
				r.passTime(time.Minute)
				you, desk := r.signInDevice(10002, "phone"), r.signInDevice(10001, "desk")
				phone := r.subscribe(you)
				phone.confirm(1)
				r.sendTexts(desk, 10002, "b")
				if got := phone.describeReceived(); len(got) == 0 || got[len(got)-1] != "2 b" {
					r.Errorf("pushed is %q", got)
				}
				r.passTime(2 * service.SessionTimeout)
				if !phone.isClosed() {
					r.Error("sessions do not run out any more")
				}
				r.stop()
			})
		})
	}
}

func TestTheEndSurvivesPanics(t *testing.T) {
	for _, method := range []string{"SaveCursor", "RecordUptime"} {
		t.Run(method, func(t *testing.T) {
			withRunningService(t, func(r *runningService) {
				r.sendTexts(r.signIn(10001, home), 10002, "a")
				subscription, err := r.Subscribe(r.Context(), r.signInDevice(10002, "phone"),
					&panickingSink{onClose: true})
				r.must(err)
				r.waitIdle()
				subscription.Confirm(1)
				r.store.panicIn(method, panicNow)
				r.stop()
			})
		})
	}
}

// stuckSink is a PushSink whose client does not read.
type stuckSink struct {
	closed   chan struct{}
	once     sync.Once
	mu       sync.Mutex // guards returned
	returned bool
}

func (o *stuckSink) Push(uint64, rookery.Event) error {
	<-o.closed
	time.Sleep(time.Second) // Push returns some time after Close
	o.mu.Lock()
	defer o.mu.Unlock()
	o.returned = true
	return fmt.Errorf("cut off")
}

func (o *stuckSink) Framed() bool { return false }

func (o *stuckSink) Close() { o.once.Do(func() { close(o.closed) }) }

func TestTheEndClosesConnectionsAndWaitsForWhatIsOnItsWay(t *testing.T) {
	withRunningService(t, func(r *runningService) {
		r.sendTexts(r.signIn(10001, home), 10002, "a")
		out := &stuckSink{closed: make(chan struct{})}
		_, err := r.Subscribe(r.Context(), r.signInDevice(10002, "phone"), out)
		r.must(err)
		r.waitIdle()
		r.stop()
		out.mu.Lock()
		defer out.mu.Unlock()
		if !out.returned {
			r.Error("the service has ended, and still pushes")
		}
	})
}

func TestTheEndWaitsForSaversAndNoTimerComesAfterIt(t *testing.T) {
	withRunningService(t, func(r *runningService) {
		me := r.signIn(10001, home)
		r.sendTexts(me, 10002, "a", "b")
		phone := r.subscribe(r.signInDevice(10002, "phone"))
		phone.confirm(1)
		phone.wantPushed("1 a", "2 b")
		saved := false
		r.store.panicIn("SaveCursor", func() {
			time.Sleep(10 * time.Second)
			saved = true
		})
		phone.confirm(2)
		phone.subscription.Close() // starts a save in the background
		r.waitIdle()
		r.store.panicIn("", nil)
		tablet := r.subscribe(r.signInDevice(10002, "tablet"))
		tablet.wantPushed("1 a", "2 b")
		tablet.confirm(1) // is stored after saveInterval
		r.stop()
		if !saved {
			r.Error("the service has ended, and still stores")
		}
		tablet.subscription.Close()
		r.advance(time.Hour)
		if r.store.late != nil {
			r.Errorf("after the end the store was asked: %q", r.store.late)
		}
		r.wantCursor(10002, "phone", 2)
		r.wantCursor(10002, "tablet", 1)
	})
}

// TestGoroutinesAndTimersAreStartedInOnePlace holds because only backgroundTasks recovers panics and
// waits for its tasks.
func TestGoroutinesAndTimersAreStartedInOnePlace(t *testing.T) {
	found := 0
	inspectSource(t, func(n ast.Node, file, where string) {
		starts := false
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = true
		case *ast.CallExpr:
			name, ok := n.Fun.(*ast.SelectorExpr)
			// the default of Config.AfterFunc, and the end of a context
			others := []string{"time.AfterFunc", "context.AfterFunc"}
			starts = ok && !slices.Contains(others, types.ExprString(name)) &&
				slices.Contains([]string{"afterFunc", "AfterFunc", "DoChan"}, name.Sel.Name)
		}
		if starts && file == "backgroundtasks.go" {
			found++
		} else if starts {
			t.Errorf("%s: use backgroundTasks", where)
		}
	})
	if found != 2 {
		t.Errorf("backgroundtasks.go starts something in %d places: does this test find them?", found)
	}
}

// TestWhatMayBeNilIsNotUsedUnseen checks that no result of subscription.Load is used directly: a second
// Load may return nil.
func TestWhatMayBeNilIsNotUsedUnseen(t *testing.T) {
	inspectSource(t, func(n ast.Node, _, where string) {
		use, ok := n.(*ast.SelectorExpr)
		if !ok {
			return
		}
		if call, ok := use.X.(*ast.CallExpr); ok && strings.HasSuffix(types.ExprString(call.Fun), "subscription.Load") {
			t.Errorf("%s: the subscription may be nil by now", where)
		}
	})
}

// inspectSource calls see with every syntax node of the package's code, except tests.
func inspectSource(t *testing.T, see func(n ast.Node, file, where string)) {
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
