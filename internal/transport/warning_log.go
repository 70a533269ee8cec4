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
	// repeatInterval is how long the same warning is suppressed for the same address.
	repeatInterval = time.Hour
	// warningsPerMinute limits the lines per cause, for all addresses together.
	warningsPerMinute = 10
	// maxRememberedWarnings is how many logged warnings are remembered. The one logged least
	// recently is forgotten first.
	maxRememberedWarnings = 4096
)

// WarningLog logs mistakes of clients for the operator: once per cause, address and account, and
// again after an hour. Strangers can fill neither the log nor memory with it. It is safe for
// concurrent use.
type WarningLog struct {
	log *slog.Logger
	now func() time.Time

	mu          sync.Mutex // guards the fields below
	lastLogged  *lru.LRU[WarningContext, time.Time]
	causeCounts map[string]*causeCount
}

// WarningContext identifies a warning: the same context is logged only once in an hour.
type WarningContext struct {
	// Cause is one of a few fixed strings of the program.
	Cause string
	// Address is the client's. Addresses of one IPv6 /64 network count as one.
	Address netip.Addr
	// Account is the account concerned, or "".
	Account string
}

// causeCount limits the lines of one cause.
type causeCount struct {
	minuteStart   time.Time // start of the current minute
	linesInMinute int
	suppressed    int // warnings suppressed since the latest line
}

// NewWarningLog returns a WarningLog that writes to log and takes the time from now.
func NewWarningLog(log *slog.Logger, now func() time.Time) *WarningLog {
	logged, err := lru.NewLRU[WarningContext, time.Time](maxRememberedWarnings, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &WarningLog{log: log, now: now, lastLogged: logged, causeCounts: make(map[string]*causeCount)}
}

// Warn logs a warning and the client's address, unless the limits suppress it. Values that come
// from a client must pass through Excerpt first.
func (w *WarningLog) Warn(warning WarningContext, message string, args ...any) {
	w.logLimited(slog.LevelWarn, warning, message, args)
}

// Info is like Warn, at level info, for what is nobody's mistake.
func (w *WarningLog) Info(warning WarningContext, message string, args ...any) {
	w.logLimited(slog.LevelInfo, warning, message, args)
}

func (w *WarningLog) logLimited(level slog.Level, warning WarningContext, message string, args []any) {
	if !w.log.Enabled(context.Background(), level) {
		return
	}
	suppressed, shouldLog := w.countWarning(warning)
	if !shouldLog {
		return
	}
	args = append(args, "client", warning.Address)
	if warning.Account != "" {
		args = append(args, "account", warning.Account)
	}
	w.log.Log(context.Background(), level, message, append(args, "more_since", suppressed)...)
}

// countWarning reports whether a warning may be logged now, and how many of its cause were
// suppressed since the last line.
func (w *WarningLog) countWarning(warning WarningContext) (suppressed int, ok bool) {
	network, _ := clientNetwork(warning.Address)
	warning.Address = network.Addr()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	count := w.causeCounts[warning.Cause]
	if count == nil {
		count = &causeCount{minuteStart: now}
		w.causeCounts[warning.Cause] = count
	}
	if now.Sub(count.minuteStart) >= time.Minute {
		count.minuteStart, count.linesInMinute = now, 0
	}
	loggedAt, isKnown := w.lastLogged.Get(warning)
	if isKnown && now.Sub(loggedAt) < repeatInterval || count.linesInMinute >= warningsPerMinute {
		count.suppressed++
		return 0, false
	}
	w.lastLogged.Add(warning, now)
	suppressed, count.suppressed = count.suppressed, 0
	count.linesInMinute++
	return suppressed, true
}

// maxExcerptBytes is the maximum length of an Excerpt.
const maxExcerptBytes = 64

// WarnTooManyRecords logs that a connection was closed because it exceeded limit records per
// second.
func (w *WarningLog) WarnTooManyRecords(from netip.Addr, limit int) {
	w.Warn(WarningContext{Cause: "records in a second", Address: from},
		"connection closed: it sent more records in a second than --max-records-per-second allows; "+
			"raise it to allow more",
		"limit", limit)
}

// Excerpt returns the start of a client's value that is safe to log: it stops before the first
// character that does not occur in names, versions and origins. It therefore contains no terminal
// control sequences, no line breaks, and no password that follows a separator.
func Excerpt(value string) string {
	length := 0
	for length < len(value) && length < maxExcerptBytes && isLoggable(value[length]) {
		length++
	}
	if length < len(value) {
		return value[:length] + "..."
	}
	return value
}

func isLoggable(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("._-:/[]", b) >= 0
}
