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

// panickingStore is a store that calls a hook before one of its methods. The hook panics or waits.
type panickingStore struct {
	service.Store
	mu              sync.Mutex // guards the fields below
	panickingMethod string
	hook            func()
	ended           bool     // the service has ended
	lateCalls       []string // methods that were called after that
}

// panicIn makes calls of a method call hook first.
func (b *panickingStore) panicIn(method string, hook func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.panickingMethod, b.hook = method, hook
}

func (b *panickingStore) beforeCall(method string) {
	b.mu.Lock()
	hook := b.hook
	if b.ended {
		b.lateCalls = append(b.lateCalls, method)
	}
	matches := b.panickingMethod == method
	b.mu.Unlock()
	if matches {
		hook()
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

// runningService is a fixture whose service is inside Run. Its store can panic, and its log can be read.
type runningService struct {
	*fixture
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
	inVirtualTime(t, func(f *fixture) {
		r := &runningService{fixture: f, ended: make(chan error, 1)}
		r.store = &panickingStore{Store: f.store}
		f.Service = service.New(service.Config{Store: r.store, Now: f.now, Passwords: newPasswords(f.now),
			Log: slog.New(slog.NewTextHandler(r, nil))})
		f.must(f.LoadSessions(f.Context()))
		var ctx context.Context
		ctx, r.end = context.WithCancel(f.Context())
		defer r.end()
		go func() { r.ended <- f.Service.Run(ctx) }()
		test(r)
	}, 10001, 10002)
}

const panicText = "a panic for the test"

func panicNow() { panic(panicText) }

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
		"the end of a replaced connection": func(r *runningService, you *service.Session) {
			_, err := r.Subscribe(r.Context(), you, &panickingSink{onClose: true})
			r.must(err)
			r.subscribe(you)
		},
		"the end of an expired session's connection": func(r *runningService, you *service.Session) {
			_, err := r.Subscribe(r.Context(), you, &panickingSink{onClose: true})
			r.must(err)
			r.passTime(service.SessionTimeout)
		},
		"reading entries to push": func(r *runningService, you *service.Session) {
			r.store.panicIn("Entries", panicNow)
			if phone := r.subscribe(you); !phone.isClosed() {
				r.Error("the connection stays open after its pump has panicked")
			}
		},
		"storing a confirmation": func(r *runningService, you *service.Session) {
			phone := r.subscribe(you)
			phone.confirm(1)
			r.store.panicIn("SaveCursor", panicNow)
			r.passTime(time.Second)
		},
		"storing a confirmation at the end of a connection": func(r *runningService, you *service.Session) {
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

func TestPanicInBackgroundTaskIsLoggedAndEndsNothing(t *testing.T) {
	for name, provoke := range panicCases() {
		t.Run(name, func(t *testing.T) {
			withRunningService(t, func(r *runningService) {
				you := r.signInDevice(10002, "phone")
				r.sendTexts(r.signIn(10001, home), 10002, "a")
				provoke(r, you)
				r.waitIdle()
				for _, want := range []string{panicText, "backgroundtasks_test.go"} {
					if log := r.logText(); !strings.Contains(log, want) {
						r.Errorf("the log does not contain %q:\n%s", want, log)
					}
				}
				// The failed task runs again later, and everything else works.
				r.store.panicIn("", nil)
				r.passTime(time.Minute)
				you, desk := r.signInDevice(10002, "phone"), r.signInDevice(10001, "desk")
				phone := r.subscribe(you)
				phone.confirm(1)
				r.sendTexts(desk, 10002, "b")
				if got := phone.describeReceived(); len(got) == 0 || got[len(got)-1] != "2 b" {
					r.Errorf("the connection received %q, want 2 b at the end", got)
				}
				r.passTime(2 * service.SessionTimeout)
				if !phone.isClosed() {
					r.Error("the session has not expired")
				}
				r.stop()
			})
		})
	}
}

func TestCloseSurvivesPanics(t *testing.T) {
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

func TestCloseWaitsForPushes(t *testing.T) {
	withRunningService(t, func(r *runningService) {
		r.sendTexts(r.signIn(10001, home), 10002, "a")
		sink := &stuckSink{closed: make(chan struct{})}
		_, err := r.Subscribe(r.Context(), r.signInDevice(10002, "phone"), sink)
		r.must(err)
		r.waitIdle()
		r.stop()
		sink.mu.Lock()
		defer sink.mu.Unlock()
		if !sink.returned {
			r.Error("Close returned during a push")
		}
	})
}

func TestCloseWaitsForSavesAndStopsTimers(t *testing.T) {
	withRunningService(t, func(r *runningService) {
		me := r.signIn(10001, home)
		r.sendTexts(me, 10002, "a", "b")
		phone, tablet := r.subscribe(r.signInDevice(10002, "phone")), r.subscribe(r.signInDevice(10002, "tablet"))
		phone.confirm(1)
		phone.wantPushed("1 a", "2 b")
		tablet.wantPushed("1 a", "2 b")
		saved := false
		r.store.panicIn("SaveCursor", func() {
			time.Sleep(10 * time.Second)
			saved = true
		})
		phone.confirm(2)
		phone.subscription.Close() // starts a save in the background
		r.waitIdle()
		r.store.panicIn("", nil)
		tablet.confirm(1) // is stored after saveInterval
		r.stop()
		if !saved {
			r.Error("Close returned during a write to the store")
		}
		tablet.subscription.Close()
		r.advance(time.Hour)
		if r.store.lateCalls != nil {
			r.Errorf("the service called %q after Close, want no calls", r.store.lateCalls)
		}
		r.wantCursor(10002, "phone", 2)
		r.wantCursor(10002, "tablet", 1)
	})
}

// Only backgroundTasks recovers panics and waits for its tasks.
func TestOnlyBackgroundTasksStartGoroutines(t *testing.T) {
	found := 0
	inspectSource(t, func(n ast.Node, file, position string) {
		starts := false
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = true
		case *ast.CallExpr:
			name, ok := n.Fun.(*ast.SelectorExpr)
			// time.AfterFunc is the default of Config.AfterFunc
			starts = ok && types.ExprString(name) != "time.AfterFunc" &&
				slices.Contains([]string{"afterFunc", "AfterFunc", "DoChan"}, name.Sel.Name)
		}
		if starts && file == "backgroundtasks.go" {
			found++
		} else if starts {
			t.Errorf("%s starts a goroutine or timer, want backgroundTasks to do so", position)
		}
	})
	if found != 2 {
		t.Errorf("found %d places in backgroundtasks.go that start a goroutine or timer, want 2", found)
	}
}

// No result of subscription.Load may be used directly, because a second Load may return nil.
func TestLoadedSubscriptionsAreCheckedForNil(t *testing.T) {
	inspectSource(t, func(n ast.Node, _, position string) {
		use, ok := n.(*ast.SelectorExpr)
		if !ok {
			return
		}
		if call, ok := use.X.(*ast.CallExpr); ok && strings.HasSuffix(types.ExprString(call.Fun), "subscription.Load") {
			t.Errorf("%s uses the result of subscription.Load, which may be nil", position)
		}
	})
}

// inspectSource calls visit with every syntax node of the package's code, except tests.
func inspectSource(t *testing.T, visit func(n ast.Node, file, position string)) {
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
				visit(n, file, set.Position(n.Pos()).String())
			}
			return true
		})
	}
}
