package fault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery"
)

// scriptedReplies is a server that answers attempts with replies, one after another. "SEQ=?" in a reply stands for
// the SEQ of the request. "" makes the attempt fail; "late" is a reply that never arrives.
type scriptedReplies struct {
	replies []string
	records []string // received so far
}

func (r *scriptedReplies) post(ctx context.Context, record string) (string, error) {
	r.records = append(r.records, record)
	reply := r.replies[0]
	r.replies = r.replies[1:]
	switch reply {
	case "":
		return "", errors.New("connection reset")
	case "late":
		<-ctx.Done()
		return "", ctx.Err()
	}
	_, seq, _ := strings.Cut(record, "&SEQ=")
	seq, _, _ = strings.Cut(seq, "&")
	return strings.ReplaceAll(reply, "SEQ=?", "SEQ="+seq), nil
}

func TestClientRepeatsUntilAnswered(t *testing.T) {
	const (
		done      = "VER=1.1&CMD=CLTMSG&SEQ=?&UIN=10001&RES=0"
		temporary = "VER=1.1&CMD=CLTMSG&SEQ=?&UIN=10001&RES=4&RA=try again"
		refused   = "VER=1.1&CMD=CLTMSG&SEQ=?&UIN=10001&RES=3&RA=no"
	)
	tests := []struct {
		name                  string
		replies               []string
		unanswered, temporary int64
		ok                    bool
	}{
		{"at once", []string{done}, 0, 0, true},
		{"after broken connections", []string{"", "", done}, 2, 0, true},
		{"after a missing answer", []string{"late", done}, 1, 0, true},
		{"after RES=4", []string{temporary, temporary, done}, 0, 2, true},
		{"stops at a refusal", []string{"", refused}, 1, 0, false},
		{"fails with the answer to another request", []string{strings.Replace(done, "?", "1", 1)}, 0, 0, false},
		{"fails with the answer to another account", []string{strings.Replace(done, "10001", "10002", 1)}, 0, 0,
			false},
		{"fails with an answer that is no record", []string{"NULL"}, 0, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := scriptedReplies{replies: test.replies}
				client := Client{UIN: 10001, Post: r.post}
				_, err := client.SendUntilDone(t.Context(),
					client.NewRequest("CLTMSG", formatTextFields(11001, "MG", "hello")))
				if (err == nil) != test.ok || len(r.replies) > 0 {
					t.Errorf("got error %v with %d unused replies, want success %v with 0", err, len(r.replies),
						test.ok)
				}
				unanswered, temporary := client.RepeatCounts()
				if unanswered != test.unanswered || temporary != test.temporary {
					t.Errorf("RepeatCounts = %d, %d, want %d, %d", unanswered, temporary, test.unanswered,
						test.temporary)
				}
				if len(slices.Compact(r.records)) != 1 {
					t.Errorf("the repeated records differ: %q", r.records)
				}
			})
		})
	}
}

func TestClientStopsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		broken := errors.New("broken")
		client := Client{UIN: 10001, Post: func(context.Context, string) (string, error) { return "", broken }}
		if _, err := client.SendUntilDone(ctx, client.NewRequest("List", "")); !errors.Is(err,
			context.DeadlineExceeded) || !errors.Is(err, broken) {
			t.Errorf("got error %v, want the deadline and the last failure", err)
		}
	})
}

func TestNewRequestHasANewSEQAndEscapedText(t *testing.T) {
	client := Client{UIN: 10001}
	a := client.NewRequest("CLTMSG", formatTextFields(11001, "MG", "50% & more, 茶"))
	b := client.NewRequest("CLTMSG", "")
	if a.SEQ == b.SEQ || len(a.SEQ) < 6 || len(a.SEQ) > 32 {
		t.Errorf("the SEQs are %q and %q, want two different ones of 6 to 32 characters", a.SEQ, b.SEQ)
	}
	if want := "VER=1.1&CMD=CLTMSG&SEQ=" + a.SEQ +
		"&UIN=10001&UN=11001&MG=50%25%20&%20more%2C%20%E8%8C%B6"; a.Record != want {
		t.Errorf("record = %q, want %q", a.Record, want)
	}
}

func TestAnswerMessages(t *testing.T) {
	const head = "VER=1.1&CMD=GetMsgEx&SEQ=abcdef&UIN=11001&RES=0"
	tests := []struct {
		name, text string
		want       []Message
		ok         bool
	}{
		{"none", head + "&MN=0&MT=&UN=&MG=", nil, true},
		{"texts are unescaped once", head + "&MN=1&MT=9,&UN=10002,&MG=%2526%2c a%26b,",
			[]Message{{From: 10002, To: 11001, Kind: rookery.KindMessage, Text: "%26, a&b"}}, true},
		{"status notices are omitted", head + "&MN=2&MT=2,99,&UN=10002,10003,&MG=please,10,",
			[]Message{{From: 10002, To: 11001, Kind: rookery.KindAsks, Text: "please"}}, true},
		{"a list is too short", head + "&MN=2&MT=9,9,&UN=10002,10003,&MG=a,", nil, false},
		{"the count is wrong", head + "&MN=2&MT=9,&UN=10002,&MG=a,", nil, false},
		{"a kind is no number", head + "&MN=1&MT=x,&UN=10002,&MG=a,", nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer, err := ParseAnswer(test.text + "\r\n")
			if err != nil {
				t.Fatal(err)
			}
			got, err := answer.Messages()
			if (err == nil) != test.ok || !slices.Equal(got, test.want) {
				t.Errorf("Messages = %v, %v, want %v, success %v", got, err, test.want, test.ok)
			}
		})
	}
}
