package main

import (
	"testing"
	"time"

	"github.com/rookery-im/rookery/client"
)

func TestSinceParsesNumbersTimesAndDurations(t *testing.T) {
	zone := time.FixedZone("here", 8*3600)
	now := time.Date(2026, 11, 23, 19, 30, 15, 0, zone)
	at := func(month time.Month, day, hour, minute, second int) time.Time {
		return time.Date(2026, month, day, hour, minute, second, 0, zone)
	}
	for text, want := range map[string]sinceFlag{
		"0":                    {number: 0},
		"1234":                 {number: 1234},
		"90m":                  {time: at(11, 23, 18, 0, 15)},
		"3d":                   {time: at(11, 20, 19, 30, 15)},
		"2w":                   {time: at(11, 9, 19, 30, 15)},
		"2026-11-01":           {time: at(11, 1, 0, 0, 0)},
		"2026-11-01 18:05":     {time: at(11, 1, 18, 5, 0)},
		"2026-11-01T18:05:06":  {time: at(11, 1, 18, 5, 6)},
		"18:05":                {time: at(11, 23, 18, 5, 0)},
		"2026-11-01T10:05:06Z": {time: at(11, 1, 18, 5, 6)},
	} {
		var got sinceFlag
		if err := got.set(text, now); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if !got.isSet || got.number != want.number || !got.time.Equal(want.time) {
			t.Errorf("set(%q) gives %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"", "-1", "-3h", "d", "yesterday", "25:00", "2026-13-01", "20000w"} {
		if err := new(sinceFlag).set(text, now); err == nil {
			t.Errorf("set(%q): got no error", text)
		}
	}
}

func TestSinceFiltersMessages(t *testing.T) {
	firstTime := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	page := []client.Message{{Number: 3, Time: firstTime}, {Number: 5, Time: firstTime.Add(time.Minute)},
		{Number: 6, Time: firstTime.Add(2 * time.Minute)}}
	for _, test := range []struct {
		name  string
		since sinceFlag
		want  int
	}{
		{"0 selects all", sinceFlag{}, 3},
		{"a number is exclusive", sinceFlag{number: 3}, 2},
		{"the last number selects none", sinceFlag{number: 6}, 0},
		{"a time is inclusive", sinceFlag{time: firstTime.Add(time.Minute)}, 2},
		{"a time after the last selects none", sinceFlag{time: firstTime.Add(time.Hour)}, 0},
	} {
		if got := test.since.filter(page); len(got) != test.want {
			t.Errorf("%s: got %d messages, want %d", test.name, len(got), test.want)
		}
	}
}
