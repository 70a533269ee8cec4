package fault

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery"
)

// Values of RES, the result field of an answer.
const (
	resDone      = 0
	resTemporary = 4 // temporary failure; the request may or may not have taken effect
)

// Client sends the requests of one account. It follows the protocol's advice for bad networks: each request has a
// new, long SEQ and is repeated with that SEQ until an answer arrives. Its methods are safe for concurrent use.
type Client struct {
	UIN  rookery.UIN
	Post PostFunc
	// Device is the device name to log in with. Without one the session belongs to the client's IP address, as
	// with old programs.
	Device string
	// AttemptTimeout returns how long one attempt waits for its answer; nil means 30 s. The server may still
	// be processing one attempt when the next one arrives.
	AttemptTimeout func() time.Duration

	unansweredCount, temporaryCount atomic.Int64
}

// RepeatCounts returns the number of attempts without an answer and the number of attempts answered RES=4. The
// outcome of both is unknown, so that they had to be repeated.
func (c *Client) RepeatCounts() (unanswered, temporary int64) {
	return c.unansweredCount.Load(), c.temporaryCount.Load()
}

// Request is a record together with its SEQ.
type Request struct {
	SEQ    string
	Record string
}

// NewRequest returns a request with a new SEQ. fields holds the command's own fields as "&KEY=VALUE", escaped,
// with the message text last.
func (c *Client) NewRequest(command, fields string) Request {
	return c.newRequestWithSEQ(rand.Text(), command, fields)
}

func (c *Client) newRequestWithSEQ(seq, command, fields string) Request {
	version := "1.1"
	if c.Device != "" {
		version = "1.4"
	}
	return Request{SEQ: seq, Record: fmt.Sprintf("VER=%s&CMD=%s&SEQ=%s&UIN=%d%s", version, command, seq, c.UIN, fields)}
}

// errInvalidAnswer marks answers that violate the protocol. SendUntilAnswered does not retry after such an answer,
// because a successful repeat would hide the fault.
var errInvalidAnswer = errors.New("invalid answer")

// SendOnce sends a request once. After an error, or an answer with RES=4, the outcome is unknown. The error wraps
// errInvalidAnswer if the answer is malformed or belongs to another request.
func (c *Client) SendOnce(ctx context.Context, request Request) (Answer, error) {
	timeout := 30 * time.Second
	if c.AttemptTimeout != nil {
		timeout = c.AttemptTimeout()
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	text, err := c.Post(ctx, request.Record)
	if err != nil {
		c.unansweredCount.Add(1)
		return Answer{}, err
	}
	answer, err := ParseAnswer(text)
	switch {
	case err != nil:
		return answer, err
	case answer.SEQ != request.SEQ || answer.UIN != c.UIN:
		return answer, fmt.Errorf("%w: %s was answered %s", errInvalidAnswer, request.Record, text)
	case answer.RES == resTemporary:
		c.temporaryCount.Add(1)
	}
	return answer, nil
}

// SendUntilAnswered repeats a request until the answer has a RES other than 4. It returns an error if ctx ends
// first, or if an answer is invalid.
func (c *Client) SendUntilAnswered(ctx context.Context, request Request) (Answer, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		answer, err := c.SendOnce(ctx, request)
		if err == nil && answer.RES != resTemporary || errors.Is(err, errInvalidAnswer) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, fmt.Errorf("%s was not answered: %w", request.Record, errors.Join(ctx.Err(), err))
		case <-time.After(pause):
		}
	}
}

// SendUntilDone is SendUntilAnswered, but an answer with a RES other than 0 is an error as well.
func (c *Client) SendUntilDone(ctx context.Context, request Request) (Answer, error) {
	answer, err := c.SendUntilAnswered(ctx, request)
	if err == nil && answer.RES != resDone {
		err = fmt.Errorf("%s was answered %s", request.Record, answer.Text)
	}
	return answer, err
}

// Login signs in and repeats the request until it is answered. A refusal is an error.
func (c *Client) Login(ctx context.Context, password string) error {
	_, err := c.loginWith(ctx, password, c.SendUntilDone)
	return err
}

// loginWith signs in with a request that send delivers, and returns the answer. If the server refuses, it returns
// both the answer and an error.
func (c *Client) loginWith(ctx context.Context, password string,
	send func(context.Context, Request) (Answer, error)) (Answer, error) {
	keys := fmt.Sprintf("&PS=%x&M5=1&LC=9326B87B234E7235", md5.Sum([]byte(password)))
	if c.Device != "" {
		keys += "&DV=" + url.QueryEscape(c.Device)
	}
	answer, err := send(ctx, c.NewRequest("Login", keys))
	if err == nil && answer.Value("RS") != "0" {
		err = fmt.Errorf("account %d cannot sign in: %s", c.UIN, answer.Text)
	}
	return answer, err
}

// formatTextFields returns the receiver's field and a field with the given key for the text, which must be last.
func formatTextFields(to rookery.UIN, key, text string) string {
	return fmt.Sprintf("&UN=%d&%s=%s", to, key, url.PathEscape(text))
}

// Answer is a parsed answer record.
type Answer struct {
	CMD, SEQ string
	UIN      rookery.UIN
	RES      int
	// Text is the whole record without its line end.
	Text string
}

// ParseAnswer parses a record. It returns an error that wraps errInvalidAnswer if RES or UIN is missing or
// malformed.
func ParseAnswer(text string) (Answer, error) {
	answer := Answer{Text: strings.TrimRight(text, "\r\n")}
	answer.CMD, answer.SEQ = answer.Value("CMD"), answer.Value("SEQ")
	res, err := strconv.Atoi(answer.Value("RES"))
	uin, ok := rookery.ParseUIN(answer.Value("UIN"))
	if err != nil || !ok {
		return answer, fmt.Errorf("%w: %q is no answer", errInvalidAnswer, text)
	}
	answer.UIN, answer.RES = uin, res
	return answer, nil
}

// Value returns the raw value of a key, or the empty string if the record does not contain the key.
func (a Answer) Value(key string) string {
	for pair := range strings.SplitSeq(a.Text, "&") {
		if k, v, _ := strings.Cut(pair, "="); k == key {
			return v
		}
	}
	return ""
}

var unescaper = strings.NewReplacer("%25", "%", "%26", "&", "%2c", ",")

// List returns the unescaped elements of a list. The protocol ends each element with a comma; List drops text
// after the last comma.
func (a Answer) List(key string) []string {
	var elements []string
	for element := range strings.SplitAfterSeq(a.Value(key), ",") {
		if element, ok := strings.CutSuffix(element, ","); ok {
			elements = append(elements, unescaper.Replace(element))
		}
	}
	return elements
}

// UINs returns a list of account numbers, with 0 for an element that is not one.
func (a Answer) UINs(key string) []rookery.UIN {
	var elements []rookery.UIN
	for _, element := range a.List(key) {
		uin, _ := rookery.ParseUIN(element)
		elements = append(elements, uin)
	}
	return elements
}

// Messages returns the messages of a GetMsgEx answer. The answer consists of parallel lists: element i of MT, UN
// and MG is the kind, sender and text of message i. Messages leaves out status notices, which the server does not
// store.
func (a Answer) Messages() ([]Message, error) {
	kinds, froms, texts := a.List("MT"), a.UINs("UN"), a.List("MG")
	if count := len(kinds); len(froms) != count || len(texts) != count || a.Value("MN") != strconv.Itoa(count) {
		return nil, fmt.Errorf("%w: the lists of %s have different lengths", errInvalidAnswer, a.Text)
	}
	var messages []Message
	for i, kind := range kinds {
		n, err := strconv.ParseUint(kind, 10, 8)
		if err != nil {
			return nil, fmt.Errorf("%w: %s holds the kind %q", errInvalidAnswer, a.Text, kind)
		}
		if rookery.Kind(n) != rookery.KindStatus {
			messages = append(messages, Message{From: froms[i], To: a.UIN, Kind: rookery.Kind(n), Text: texts[i]})
		}
	}
	return messages, nil
}
