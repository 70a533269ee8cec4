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

// maxSEQLength is the maximum length of SEQ in characters.
const maxSEQLength = 32

// Handler answers records. It is a transport.RecordHandler for single records and a
// transport.StreamHandler for long-lived connections.
type Handler struct {
	service     *service.Service
	log         *slog.Logger
	errorLog    transport.LogLimiter
	warnings    *transport.WarningLog
	requestPool sync.Pool // of *clientRequest
	pushBuffers sync.Pool // of *[]byte, for records to push
}

var _ transport.RecordHandler = (*Handler)(nil)

// New returns a Handler for svc.
func New(svc *service.Service, log *slog.Logger) *Handler {
	return &Handler{
		service: svc, log: log, warnings: transport.NewWarningLog(log, svc.Now),
		requestPool: sync.Pool{New: func() any { return new(clientRequest) }},
		pushBuffers: sync.Pool{New: func() any { return new([]byte) }},
	}
}

// clientRequest is the state of one record while it is answered.
type clientRequest struct {
	ctx     context.Context
	service *service.Service
	peer    *transport.Peer
	// stream is the connection that the record arrived on, or nil if it came by HTTP POST.
	stream *recordStream
	record wire.Record

	version wire.Version
	seq     string
	// seqIsText is set if SEQ could be decoded.
	seqIsText bool
	// uinText is the UIN as sent, for the answer.
	uinText string
	uin     rookery.UIN // 0 if uinText is no account number
	// commandName is the name that the answer repeats.
	commandName string
	command     *command
	// caller is the address, and the token if there is one, that authenticate the request.
	caller service.Caller
	// isForeign is set if the record names another session than the one its stream is bound to.
	isForeign bool
	session   *service.Session
	// values are the decoded values of command.keys, in the same order.
	values     []parameterValue
	requestKey rookery.RequestKey
	// bindsStream binds the stream to session after the answer; unbindsStream undoes the binding.
	bindsStream, unbindsStream bool

	answer       []byte // the buffer that the answer is appended to
	answerStart  int    // offset in answer
	streamBuffer []byte // reused for answers on streams
}

// maxStreamBuffer is the size in bytes up to which streamBuffer is kept for reuse.
const maxStreamBuffer = 4 << 10

// parameterValue is the value of one key.
type parameterValue struct {
	text    string
	isGiven bool
}

// AppendAnswer appends the answer to one record.
func (h *Handler) AppendAnswer(ctx context.Context, peer *transport.Peer, record, dst []byte) []byte {
	request := h.borrowRequest(ctx, peer)
	defer h.returnRequest(request)
	request.answer, request.answerStart = dst, len(dst)
	if !request.parseRecord(record) {
		h.warnVersion(request)
		return append(dst, wire.Null...)
	}
	h.answerRequest(request)
	if peer.Form == wire.FormHTTP {
		request.answer = append(request.answer, request.version.LineEnd()...)
	}
	return request.answer
}

// borrowRequest takes a request from the pool; returnRequest puts it back.
func (h *Handler) borrowRequest(ctx context.Context, peer *transport.Peer) *clientRequest {
	request := h.requestPool.Get().(*clientRequest)
	request.ctx, request.service, request.peer = ctx, h.service, peer
	return request
}

func (h *Handler) returnRequest(request *clientRequest) {
	clear(request.values) // texts may be long
	streamBuffer := request.streamBuffer
	if request.stream != nil && cap(request.answer) <= maxStreamBuffer {
		streamBuffer = request.answer[:0]
	}
	*request = clientRequest{record: request.record, values: request.values[:0],
		streamBuffer: streamBuffer} // keep the allocated slices
	h.requestPool.Put(request)
}

// parseRecord parses everything that does not depend on the session. It reports false if the
// version is unknown: the answer is then NULL.
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
	// Compare raw bytes, as package wire does to find the end of a text.
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

// maxEchoLength limits, in characters, the values that an answer repeats. Valid values are shorter.
// Without a limit, clients that do not read could make the server buffer long answers.
const maxEchoLength = 64

// truncateEcho shortens a value to maxEchoLength characters.
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

// answerRequest writes the answer to a parsed record.
func (h *Handler) answerRequest(request *clientRequest) {
	err := h.runRecovered(request, (*clientRequest).checkRequest)
	if err == nil {
		err = h.runRecovered(request, request.command.run)
	}
	if err != nil {
		h.refuseRequest(request, err)
	}
}

// runRecovered runs one step of a request. A panic is logged and becomes a temporary error.
func (h *Handler) runRecovered(request *clientRequest, step func(*clientRequest) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("a request caused a panic",
				"command", transport.Excerpt(request.commandName), "account", request.uin,
				"address", request.peer.Addr, "panic", p, "stack", string(debug.Stack()))
			err = rookery.Temporary(fmt.Errorf("panic: %v", p))
		}
	}()
	return step(request)
}

// checkRequest makes the checks common to all commands, in the order of docs/protocol.md.
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
	errAmbiguousProxy = rookery.Errorf(rookery.CodeRefused, "the request came through a trusted proxy that does not "+
		"say clearly "+
		"for whom: the operator has it set one of X-Forwarded-For, Forwarded and X-Real-IP, and empty the others")
)

var errNoUIN = rookery.Errorf(rookery.CodeNoAccount, "UIN: no account number, which is 10000 to 4294967295")

// findSession authenticates the request: by the stream's session if it is bound, else by the SID,
// else by the address. A web page has its user's address, so it needs a SID.
func (c *clientRequest) findSession() (err error) {
	c.caller = service.Caller{Address: c.peer.Addr}
	if sid := c.valueBytes("SID"); len(sid) > 0 {
		c.caller.Token, _ = rookery.ParseToken(string(sid)) // an invalid SID counts as none
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

// isPageWithoutToken reports whether a web page sent the record without a SID. It then acts for no
// session.
func (c *clientRequest) isPageWithoutToken() bool { return c.peer.FromWebPage && c.caller.Token == "" }

var errPageWithoutToken = rookery.Errorf(rookery.CodeNotSignedIn,
	"a web page acts for device sessions alone, with their SID")

// decodeValues checks SEQ and decodes the values of the command's keys. It stores the encoding that
// they reveal in the session.
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
	stored := preferred
	for _, key := range c.command.keys {
		text, detected, ok := c.decodeValue(key, preferred)
		if !ok {
			return parameterError(key, errNotDecoded)
		}
		if detected != wire.CharsetUnknown {
			preferred = detected
		}
		_, isGiven := c.record.Raw(key)
		c.values = append(c.values, parameterValue{text, isGiven})
	}
	// The default is UTF-8, so only a change from or to GB18030 is stored.
	if c.session != nil && (preferred == wire.GB18030) != (stored == wire.GB18030) {
		return c.service.SetEncoding(c.ctx, c.session, uint8(preferred))
	}
	return nil
}

const errNotDecoded = "the text has no known encoding, or holds a NUL"

// valueBytes returns the percent-decoded value of a key, or nothing if the key is missing.
func (c *clientRequest) valueBytes(key string) []byte {
	raw, _ := c.record.Raw(key)
	return wire.Unescape(nil, raw)
}

func (c *clientRequest) decodeValue(key string, preferred wire.Charset) (text string, detected wire.Charset, ok bool) {
	return wire.Decode(c.valueBytes(key), c.peer.Charset, preferred)
}

// decodeForEcho decodes a value for the answer. If it has no known encoding, ok is false and
// invalid bytes are replaced.
func (c *clientRequest) decodeForEcho(key string) (text string, ok bool) {
	if text, _, ok := c.decodeValue(key, wire.CharsetUnknown); ok {
		return text, true
	}
	return strings.ToValidUTF8(string(c.valueBytes(key)), "\uFFFD"), false
}

// valueOf returns the value of one of command.keys.
func (c *clientRequest) valueOf(key string) (text string, isGiven bool) {
	for i, k := range c.command.keys {
		if k == key {
			return c.values[i].text, c.values[i].isGiven
		}
	}
	panic("protocol: " + c.command.name + " does not list the key " + key)
}

// contentForKey returns what must be equal for two requests with the same SEQ to be repeats: the
// command name and the values of its keys. It uses raw bytes, since an ambiguous value may be
// decoded differently the second time.
func (c *clientRequest) contentForKey() []byte {
	b := append(make([]byte, 0, 128), c.command.name...)
	for _, key := range c.command.keys {
		v := c.valueBytes(key)
		b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
	}
	return b
}

// refuseRequest replaces the answer by one for err, and logs it if necessary.
func (h *Handler) refuseRequest(request *clientRequest, err error) {
	res := resultCode(err)
	request.answer = wire.AppendHead(request.answer[:request.answerStart], request.peer.Form, request.version,
		request.commandName, request.seq, request.uinText, res)
	if res != resNotLoggedIn {
		request.answer = wire.AppendText(request.answer, request.peer.Form, "RA", rookery.TextOf(err))
	}
	h.logRefusal(request, res, err)
}

const (
	resUnknownCommand = 2
	resTemporary      = 4
	resNotLoggedIn    = 20
)

var errUnknownCommand = parameterError("CMD", "unknown command")

// resultCodes maps error codes to RES. handleLogin reports a wrong password itself.
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

// parameterError returns the error for a missing or invalid value of key.
func parameterError(key, format string, args ...any) error {
	return rookery.Errorf(rookery.CodeParameter, key+": "+format, args...)
}

// prefixKey puts the key at fault before the text of an error from package service.
func prefixKey(key string, err error) error {
	var codedErr *rookery.Error
	if !errors.As(err, &codedErr) || codedErr.Code == rookery.CodeTemporary {
		return err
	}
	return &rookery.Error{Code: codedErr.Code, Text: key + ": " + codedErr.Text, Cause: codedErr.Cause}
}
