package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/rookery-im/rookery/client"
)

// sinceFlag is a flag for a position in the history: a message number or a time.
type sinceFlag struct {
	isSet  bool
	number uint64 // selects messages above it; used if time is zero
	time   time.Time
}

var errSince = errors.New(
	"give a message's number, a time such as 2026-11-23 or 18:00, or how long ago, such as 90m or 3d")

func (sf *sinceFlag) Set(text string) error { return sf.set(text, time.Now()) }
func (sf *sinceFlag) String() string        { return "" }
func (sf *sinceFlag) Type() string          { return "WHEN" }

func (sf *sinceFlag) set(text string, now time.Time) error {
	*sf = sinceFlag{isSet: true}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		sf.number = n
		return nil
	}
	if ago, ok := parseAgo(text); ok {
		sf.time = now.Add(-ago)
		return nil
	}
	var ok bool
	if sf.time, ok = parseTime(text, now); !ok {
		return errSince
	}
	return nil
}

// parseAgo parses a duration, with days (d) and weeks (w) as additional units. It returns false if text is not a
// duration or negative.
func parseAgo(text string) (time.Duration, bool) {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if text == "" || text[len(text)-1:] != unit {
			continue
		}
		n, err := strconv.ParseUint(text[:len(text)-1], 10, 13) // 13 bits: 8191 weeks fit into a Duration
		return time.Duration(n) * length, err == nil
	}
	ago, err := time.ParseDuration(text)
	return ago, err == nil && ago >= 0
}

// parseTime parses a time in several formats, in now's time zone unless the text contains one. A time without a date
// is on now's day. It returns false if no format matches.
func parseTime(text string, now time.Time) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04",
		"2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, true
		}
	}
	t, err := time.ParseInLocation("15:04", text, now.Location())
	if err != nil {
		return time.Time{}, false
	}
	year, month, day := now.Date()
	return time.Date(year, month, day, t.Hour(), t.Minute(), 0, 0, now.Location()), true
}

// filter returns the messages of a page above the number, or at or after the time. The page must be sorted from old to
// new.
func (sf *sinceFlag) filter(page []client.Message) []client.Message {
	for i, message := range page {
		if sf.time.IsZero() && message.Number > sf.number || !sf.time.IsZero() && !message.Time.Before(sf.time) {
			return page[i:]
		}
	}
	return nil
}
