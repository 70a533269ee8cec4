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
	// quietTime is how long a cause is not logged again for the same address.
	quietTime = time.Hour
	// warningsPerMinute is how many lines one cause gets, from all addresses
	// together.
	warningsPerMinute = 10
	// rememberedOccasions is how many addresses and causes are known to have been
	// logged; the one that has been silent for longest is forgotten first.
	rememberedOccasions = 4096
)

// WarningLog logs what clients do wrong, so that an operator finds out what to do:
// once for each cause and address, and again after an hour if it goes on. What
// strangers can cause at will neither fills the log nor memory.
type WarningLog struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex // guards what follows
	logged *lru.LRU[WarningContext, time.Time]
	causes map[string]*warningCount
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

// warningCount bounds the lines of one cause.
type warningCount struct {
	since  time.Time // when the minute began
	lines  int       // in this minute
	silent int       // occasions without a line since the latest line
}

// NewWarnings makes Warnings that log to log, by the clock now.
func NewWarnings(log *slog.Logger, now func() time.Time) *WarningLog {
	logged, err := lru.NewLRU[WarningContext, time.Time](rememberedOccasions, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &WarningLog{log: log, now: now, logged: logged, causes: make(map[string]*warningCount)}
}

// Warn logs a warning, with the client's address, unless that was done lately.
// What comes from the client must be an Excerpt.
func (w *WarningLog) Warn(warningContext WarningContext, message string, args ...any) {
	w.write(slog.LevelWarn, warningContext, message, args)
}

// Info does the same for what is no fault of anybody.
func (w *WarningLog) Info(warningContext WarningContext, message string, args ...any) {
	w.write(slog.LevelInfo, warningContext, message, args)
}

func (w *WarningLog) write(level slog.Level, warningContext WarningContext, message string, args []any) {
	if !w.log.Enabled(context.Background(), level) {
		return
	}
	silent, due := w.due(warningContext)
	if !due {
		return
	}
	args = append(args, "client", warningContext.Address)
	if warningContext.Account != "" {
		args = append(args, "account", warningContext.Account)
	}
	w.log.Log(context.Background(), level, message, append(args, "more_since", silent)...)
}

// due reports whether it is time for a line, and how many occasions of its cause
// have had none since the one before.
func (w *WarningLog) due(warningContext WarningContext) (silent int, ok bool) {
	network, _ := networkOf(warningContext.Address)
	warningContext.Address = network.Addr()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	count := w.causes[warningContext.Cause]
	if count == nil {
		count = &warningCount{since: now}
		w.causes[warningContext.Cause] = count
	}
	if now.Sub(count.since) >= time.Minute {
		count.since, count.lines = now, 0
	}
	at, known := w.logged.Get(warningContext)
	if known && now.Sub(at) < quietTime || count.lines >= warningsPerMinute {
		count.silent++
		return 0, false
	}
	w.logged.Add(warningContext, now)
	silent, count.silent = count.silent, 0
	count.lines++
	return silent, true
}

// excerptBytes is how much of a value that a client sent is logged at most.
const excerptBytes = 64

// Flood logs that a connection was closed because it brought more records in a
// second than limit.
func (w *WarningLog) Flood(from netip.Addr, limit int) {
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
	for end < len(value) && end < excerptBytes && loggable(value[end]) {
		end++
	}
	if end < len(value) {
		return value[:end] + "..."
	}
	return value
}

func loggable(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("._-:/[]", b) >= 0
}
