package protocol

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// maxSEQLength is the longest SEQ, in characters.
const maxSEQLength = 32

// Handler answers records: one by one as a transport.RecordHandler, and on connections
// that stay as a transport.StreamHandler.
type Handler struct {
	service     *service.Service
	log         *slog.Logger
	errorLog    transport.LogLimiter
	warnings    *transport.WarningLog
	requestPool sync.Pool // of *call
	pushBuffers sync.Pool // of *[]byte, where what is pushed is written
}

var _ transport.RecordHandler = (*Handler)(nil)

// New makes a Handler.
func New(svc *service.Service, log *slog.Logger) *Handler {
	return &Handler{
		service: svc, log: log, warnings: transport.NewWarningLog(log, svc.Now),
		requestPool: sync.Pool{New: func() any { return new(clientRequest) }},
		pushBuffers: sync.Pool{New: func() any { return new([]byte) }},
	}
}

// clientRequest is one record on its way to an answer.
type clientRequest struct {
	ctx     context.Context
	service *service.Service
	peer    *transport.Peer
	// recordStream is what the record is said in, nil for one that came alone.
	stream *recordStream
	record wire.Record

	version wire.Version
	seq     string
	// seqDecoded: SEQ was a text in some encoding.
	seqIsText bool
	// uinText is the UIN as asked.
	uinText string
	uin     rookery.UIN // 0 if that is none
	// commandName is the command's, as it is answered.
	commandName string
	command     *command
	// caller is who the record says it is from.
	caller service.Caller
	// foreign: it is not from whom its connection is bound to.
	isForeign bool
	session   *service.Session
	// values are those of the row's keys, decoded.
	values     []parameterValue
	requestKey rookery.RequestKey
	// bindsStream and ends: with the answer, session is the one that the connection
	// is bound to, proved by asker's token; it is bound to none any more.
	bindsStream, unbindsStream bool

	answer       []byte // the answer grows here
	answerStart  int    // where in dst it begins
	streamBuffer []byte // what an answer in a dialogue is written to
}

// maxStreamBuffer is how much a call keeps of that, in bytes.
const maxStreamBuffer = 4 << 10

// parameterValue is a request's value of one key.
type parameterValue struct {
	text    string
	isGiven bool
}

// AppendAnswer appends the answer to one record.
func (h *Handler) AppendAnswer(ctx context.Context, peer *transport.Peer, record, dst []byte) []byte {
	req := h.borrowRequest(ctx, peer)
	defer h.returnRequest(req)
	req.answer, req.answerStart = dst, len(dst)
	if !req.parseRecord(record) {
		h.warnVersion(req)
		return append(dst, wire.Null...)
	}
	h.answerRequest(req)
	if peer.Form == wire.FormHTTP {
		req.answer = append(req.answer, req.version.LineEnd()...)
	}
	return req.answer
}

// borrowRequest lends a call, until giveBack.
func (h *Handler) borrowRequest(ctx context.Context, peer *transport.Peer) *clientRequest {
	req := h.requestPool.Get().(*clientRequest)
	req.ctx, req.service, req.peer = ctx, h.service, peer
	return req
}

func (h *Handler) returnRequest(req *clientRequest) {
	clear(req.values) // their texts can be long
	own := req.streamBuffer
	if req.stream != nil && cap(req.answer) <= maxStreamBuffer {
		own = req.answer[:0]
	}
	*req = clientRequest{record: req.record, values: req.values[:0], streamBuffer: own} // storage to be used again
	h.requestPool.Put(req)
}

// parseRecord takes a record apart, as far as that needs no session. It reports false
// for a version that is not spoken: then there is nothing else to be said.
func (c *clientRequest) parseRecord(record []byte) bool {
	c.record.Parse(record)
	var ok bool
	if c.version, ok = wire.ParseVersion(c.valueBytes("VER")); !ok {
		return false
	}
	c.seq, c.seqIsText = c.decodeForEcho("SEQ")
	c.seq = truncateEcho(c.seq)
	c.uinText, _ = c.decodeForEcho("UIN")
	c.uin, _ = rookery.ParseUIN(c.uinText)
	c.uinText = truncateEcho(c.uinText)
	// By its bytes, as the codec does. It says where a text ends.
	name := c.valueBytes("CMD")
	if c.command = commandsByName[string(name)]; c.command == nil {
		c.command = commands.findFold(name)
	}
	if c.command != nil {
		c.commandName = c.command.name
	} else {
		c.commandName, _ = c.decodeForEcho("CMD")
		c.commandName = truncateEcho(c.commandName)
	}
	return true
}

// maxEchoLength is how much of a value that is echoed stands in the answer, in
// characters. It is more than a valid one has. Without a bound whoever takes no
// answers would make the server keep long ones.
const maxEchoLength = 64

// truncateEcho is as much of a value as is echoed.
func truncateEcho(text string) string {
	n := 0
	for i := range text {
		if n == maxEchoLength {
			return text[:i]
		}
		n++
	}
	return text
}

// answerRequest writes the answer to a record that was read.
func (h *Handler) answerRequest(req *clientRequest) {
	err := h.runRecovered(req, (*clientRequest).checkRequest)
	if err == nil {
		err = h.runRecovered(req, req.command.run)
	}
	if err != nil {
		h.refuseRequest(req, err)
	}
}

// runRecovered takes a step of an answer. If that panics, it is not known to be done.
func (h *Handler) runRecovered(req *clientRequest, step func(*clientRequest) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("a request made the server panic", "command", transport.Excerpt(req.commandName), "account", req.uin,
				"address", req.peer.Addr, "panic", p, "stack", string(debug.Stack()))
			err = rookery.Temporary(fmt.Errorf("panic: %v", p))
		}
	}()
	return step(req)
}

// checkRequest makes the checks that all commands have in common, in the contract's
// order.
func (c *clientRequest) checkRequest() error {
	switch {
	case c.peer.UntrustedProxy:
		return errUntrustedProxy
	case c.peer.AmbiguousProxy:
		return errAmbiguousProxy
	case c.uin == 0:
		return errNoUIN
	}
	if c.command == nil {
		return errUnknownCommand
	}
	if err := c.findSession(); err != nil {
		return err
	}
	if !c.command.skipsValues {
		if err := c.decodeValues(); err != nil {
			return err
		}
	}
	if c.command.isChanging {
		c.requestKey = c.service.NewRequestKey(c.session, c.seq, c.contentForKey())
	}
	return nil
}

var (
	errUntrustedProxy = rookery.Errorf(rookery.CodeRefused, "the request came through a proxy that is not trusted: "+
		"the operator names proxies with --trusted-proxy")
	errAmbiguousProxy = rookery.Errorf(rookery.CodeRefused, "the request came through a trusted proxy that does not say clearly "+
		"for whom: the operator has it set one of X-Forwarded-For, Forwarded and X-Real-IP, and empty the others")
)

var errNoUIN = rookery.Errorf(rookery.CodeNoAccount, "UIN: no account number, which is 10000 to 4294967295")

// findSession finds out who asks: a device session by its SID, else the address's,
// unless the record is said on a connection that is bound. A web page has its
// user's address without being the user's program, so it needs the SID.
func (c *clientRequest) findSession() (err error) {
	c.caller = service.Caller{Address: c.peer.Addr}
	if sid := c.valueBytes("SID"); len(sid) > 0 {
		c.caller.Token, _ = rookery.ParseToken(string(sid)) // anything else means nothing
	}
	if c.stream != nil && c.stream.session != nil {
		return c.stream.checkBoundSession(c)
	}
	switch {
	case !c.command.needsSession:
		return nil
	case c.isPageWithoutToken():
		return errPageWithoutToken
	}
	c.session, err = c.service.AuthenticateSession(c.ctx, c.uin, c.caller)
	c.bindsStream = err == nil && c.caller.Token != ""
	return err
}

// isPageWithoutToken reports whether the record is a web page's that names no device
// session: it acts for no session at all.
func (c *clientRequest) isPageWithoutToken() bool { return c.peer.FromWebPage && c.caller.Token == "" }

var errPageWithoutToken = rookery.Errorf(rookery.CodeNotSignedIn, "a web page acts for device sessions alone, with their SID")

// decodeValues checks SEQ and decodes the values of the row's keys. What they tell
// of the client's encoding holds from now on.
func (c *clientRequest) decodeValues() error {
	if !c.seqIsText {
		return parameterError("SEQ", errNotDecoded)
	}
	if utf8.RuneCountInString(c.seq) > maxSEQLength {
		return parameterError("SEQ", "more than %d characters", maxSEQLength)
	}
	preferred := wire.CharsetUnknown
	if c.session != nil {
		preferred = wire.Charset(c.session.Encoding())
	}
	was := preferred
	for _, key := range c.command.keys {
		text, said, ok := c.decodeValue(key, preferred)
		if !ok {
			return parameterError(key, errNotDecoded)
		}
		if said != wire.CharsetUnknown {
			preferred = said
		}
		_, given := c.record.Raw(key)
		c.values = append(c.values, parameterValue{text, given})
	}
	// Unknown means UTF-8: only another meaning is worth storing.
	if c.session != nil && (preferred == wire.GB18030) != (was == wire.GB18030) {
		return c.service.SetEncoding(c.ctx, c.session, uint8(preferred))
	}
	return nil
}

const errNotDecoded = "the text has no known encoding, or holds a NUL"

// valueBytes is the percent-decoded value of a key, empty if it is not given.
func (c *clientRequest) valueBytes(key string) []byte {
	raw, _ := c.record.Raw(key)
	return wire.Unescape(nil, raw)
}

func (c *clientRequest) decodeValue(key string, preferred wire.Charset) (text string, said wire.Charset, ok bool) {
	return wire.Decode(c.valueBytes(key), c.peer.Charset, preferred)
}

// decodeForEcho is a value that is echoed, whatever it is; ok is false if it is no text
// in any encoding.
func (c *clientRequest) decodeForEcho(key string) (text string, ok bool) {
	if text, _, ok := c.decodeValue(key, wire.CharsetUnknown); ok {
		return text, true
	}
	return strings.ToValidUTF8(string(c.valueBytes(key)), "\uFFFD"), false
}

// parameterValue is the value of one of the row's keys.
func (c *clientRequest) valueOf(key string) (text string, given bool) {
	for i, k := range c.command.keys {
		if k == key {
			return c.values[i].text, c.values[i].isGiven
		}
	}
	panic("protocol: " + c.command.name + " does not list the key " + key)
}

// contentForKey is what makes two requests with the same SEQ equal: the command and
// the values of its keys. These are bytes, not texts: what a doubtful value is
// handleRead as can change between a request and its repeat.
func (c *clientRequest) contentForKey() []byte {
	b := append(make([]byte, 0, 128), c.command.name...)
	for _, key := range c.command.keys {
		v := c.valueBytes(key)
		b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
	}
	return b
}

// refuseRequest writes the answer to a request that got an error.
func (h *Handler) refuseRequest(req *clientRequest, err error) {
	res := resultCode(err)
	req.answer = wire.AppendHead(req.answer[:req.answerStart], req.peer.Form, req.version, req.commandName, req.seq, req.uinText, res)
	if res != resNotLoggedIn {
		req.answer = wire.AppendText(req.answer, req.peer.Form, "RA", rookery.TextOf(err))
	}
	h.logRefusal(req, res, err)
}

const (
	resUnknownCommand = 2
	resTemporary      = 4
	resNotLoggedIn    = 20
)

var errUnknownCommand = parameterError("CMD", "unknown command")

// resultCodes maps what went wrong to RES. Login answers a wrong password by
// itself.
var resultCodes = map[rookery.Code]int{
	rookery.CodeParameter:   1,
	rookery.CodeRefused:     3,
	rookery.CodePassword:    3,
	rookery.CodeExists:      3,
	rookery.CodeTemporary:   resTemporary,
	rookery.CodeConflict:    resTemporary,
	rookery.CodeNoAccount:   5,
	rookery.CodeNotSignedIn: resNotLoggedIn,
}

func resultCode(err error) int {
	if errors.Is(err, errUnknownCommand) {
		return resUnknownCommand
	}
	return resultCodes[rookery.CodeOf(err)]
}

// parameterError is the error for a key whose value is missing or wrong.
func parameterError(key, format string, args ...any) error {
	return rookery.Errorf(rookery.CodeParameter, key+": "+format, args...)
}

// prefixKey names the key at fault in an error of the service.
func prefixKey(key string, err error) error {
	var e *rookery.Error
	if !errors.As(err, &e) || e.Code == rookery.CodeTemporary {
		return err
	}
	return &rookery.Error{Code: e.Code, Text: key + ": " + e.Text, Cause: e.Cause}
}
