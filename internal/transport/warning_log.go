package transport

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// repeatInterval is how long a cause is not logged again for the same address.
	repeatInterval = time.Hour
	// warningsPerMinute is how many lines one cause gets, from all addresses
	// together.
	warningsPerMinute = 10
	// maxRememberedWarnings is how many addresses and causes are known to have been
	// logged; the one that has been silent for longest is forgotten first.
	maxRememberedWarnings = 4096
)

// WarningLog logs what clients do wrong, so that an operator finds out what to do:
// once for each cause and address, and again after an hour if it goes on. What
// strangers can cause at will neither fills the log nor memory.
type WarningLog struct {
	log *slog.Logger
	now func() time.Time

	mu          sync.Mutex // guards what follows
	lastLogged  *lru.LRU[WarningContext, time.Time]
	causeCounts map[string]*causeCount
}

// WarningContext is one thing that a client did wrong.
type WarningContext struct {
	// Cause is one of a few that the program knows.
	Cause string
	// Address is the client's. IPv6 networks of 64 bits count as one.
	Address netip.Addr
	// Account is whom it was done for, "" if that does not matter.
	Account string
}

// causeCount bounds the lines of one cause.
type causeCount struct {
	minuteStart   time.Time // when the minute began
	linesInMinute int       // in this minute
	suppressed    int       // occasions without a line since the latest line
}

// NewWarningLog makes Warnings that log to log, by the clock now.
func NewWarningLog(log *slog.Logger, now func() time.Time) *WarningLog {
	logged, err := lru.NewLRU[WarningContext, time.Time](maxRememberedWarnings, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &WarningLog{log: log, now: now, lastLogged: logged, causeCounts: make(map[string]*causeCount)}
}

// Warn logs a warning, with the client's address, unless that was done lately.
// What comes from the client must be an Excerpt.
func (w *WarningLog) Warn(warningContext WarningContext, message string, args ...any) {
	w.logLimited(slog.LevelWarn, warningContext, message, args)
}

// Info does the same for what is no fault of anybody.
func (w *WarningLog) Info(warningContext WarningContext, message string, args ...any) {
	w.logLimited(slog.LevelInfo, warningContext, message, args)
}

func (w *WarningLog) logLimited(level slog.Level, warningContext WarningContext, message string, args []any) {
	if !w.log.Enabled(context.Background(), level) {
		return
	}
	silent, due := w.countWarning(warningContext)
	if !due {
		return
	}
	args = append(args, "client", warningContext.Address)
	if warningContext.Account != "" {
		args = append(args, "account", warningContext.Account)
	}
	w.log.Log(context.Background(), level, message, append(args, "more_since", silent)...)
}

// countWarning reports whether it is time for a line, and how many occasions of its cause
// have had none since the one before.
func (w *WarningLog) countWarning(warningContext WarningContext) (silent int, ok bool) {
	network, _ := clientNetwork(warningContext.Address)
	warningContext.Address = network.Addr()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	count := w.causeCounts[warningContext.Cause]
	if count == nil {
		count = &causeCount{minuteStart: now}
		w.causeCounts[warningContext.Cause] = count
	}
	if now.Sub(count.minuteStart) >= time.Minute {
		count.minuteStart, count.linesInMinute = now, 0
	}
	at, known := w.lastLogged.Get(warningContext)
	if known && now.Sub(at) < repeatInterval || count.linesInMinute >= warningsPerMinute {
		count.suppressed++
		return 0, false
	}
	w.lastLogged.Add(warningContext, now)
	silent, count.suppressed = count.suppressed, 0
	count.linesInMinute++
	return silent, true
}

// maxExcerptBytes is how much of a value that a client sent is logged at most.
const maxExcerptBytes = 64

// WarnTooManyRecords logs that a connection was closed because it brought more records in a
// second than limit.
func (w *WarningLog) WarnTooManyRecords(from netip.Addr, limit int) {
	w.Warn(WarningContext{Cause: "records in a second", Address: from},
		"connection closed: it brought more records in a second than --max-records-per-second allows; raise it to take more",
		"limit", limit)
}

// Excerpt is as much of a value that a client sent as may be logged: its
// beginning, up to the first character that names, versions and origins do not
// have. So nothing in it moves a terminal's cursor or begins a line, and no
// password that stands behind a separator is in it.
func Excerpt(value string) string {
	end := 0
	for end < len(value) && end < maxExcerptBytes && isLoggable(value[end]) {
		end++
	}
	if end < len(value) {
		return value[:end] + "..."
	}
	return value
}

func isLoggable(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("._-:/[]", b) >= 0
}
