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

// maxSEQ is the longest SEQ, in characters.
const maxSEQ = 32

// Handler answers records: one by one as a transport.RecordHandler, and on connections
// that stay as a transport.StreamHandler.
type Handler struct {
	service  *service.Service
	log      *slog.Logger
	failing  transport.LogLimiter
	warnings *transport.WarningLog
	calls    sync.Pool // of *call
	pushes   sync.Pool // of *[]byte, where what is pushed is written
}

var _ transport.RecordHandler = (*Handler)(nil)

// New makes a Handler.
func New(svc *service.Service, log *slog.Logger) *Handler {
	return &Handler{
		service: svc, log: log, warnings: transport.NewWarningLog(log, svc.Now),
		calls:  sync.Pool{New: func() any { return new(request) }},
		pushes: sync.Pool{New: func() any { return new([]byte) }},
	}
}

// request is one record on its way to an answer.
type request struct {
	ctx     context.Context
	service *service.Service
	peer    *transport.Peer
	// recordStream is what the record is said in, nil for one that came alone.
	dialogue *recordStream
	record   wire.Record

	version wire.Version
	seq     string
	// seqDecoded: SEQ was a text in some encoding.
	seqDecoded bool
	// uinText is the UIN as asked.
	uinText string
	uin     rookery.UIN // 0 if that is none
	// name is the command's, as it is answered.
	name string
	row  *command
	// asker is who the record says it is from.
	asker service.Caller
	// foreign: it is not from whom its connection is bound to.
	foreign bool
	session *service.Session
	// values are those of the row's keys, decoded.
	values []parameterValue
	mark   rookery.RequestKey
	// begins and ends: with the answer, session is the one that the connection
	// is bound to, proved by asker's token; it is bound to none any more.
	begins, ends bool

	dst   []byte // the answer grows here
	start int    // where in dst it begins
	own   []byte // what an answer in a dialogue is written to
}

// maxOwn is how much a call keeps of that, in bytes.
const maxOwn = 4 << 10

// parameterValue is a request's value of one key.
type parameterValue struct {
	text  string
	given bool
}

// AppendAnswer appends the answer to one record.
func (h *Handler) AppendAnswer(ctx context.Context, peer *transport.Peer, record, dst []byte) []byte {
	req := h.take(ctx, peer)
	defer h.giveBack(req)
	req.dst, req.start = dst, len(dst)
	if !req.read(record) {
		h.warnVersion(req)
		return append(dst, wire.Null...)
	}
	h.answer(req)
	if peer.Form == wire.FormHTTP {
		req.dst = append(req.dst, req.version.LineEnd()...)
	}
	return req.dst
}

// take lends a call, until giveBack.
func (h *Handler) take(ctx context.Context, peer *transport.Peer) *request {
	req := h.calls.Get().(*request)
	req.ctx, req.service, req.peer = ctx, h.service, peer
	return req
}

func (h *Handler) giveBack(req *request) {
	clear(req.values) // their texts can be long
	own := req.own
	if req.dialogue != nil && cap(req.dst) <= maxOwn {
		own = req.dst[:0]
	}
	*req = request{record: req.record, values: req.values[:0], own: own} // storage to be used again
	h.calls.Put(req)
}

// read takes a record apart, as far as that needs no session. It reports false
// for a version that is not spoken: then there is nothing else to be said.
func (c *request) read(record []byte) bool {
	c.record.Parse(record)
	var ok bool
	if c.version, ok = wire.ParseVersion(c.bytes("VER")); !ok {
		return false
	}
	c.seq, c.seqDecoded = c.loose("SEQ")
	c.seq = echo(c.seq)
	c.uinText, _ = c.loose("UIN")
	c.uin, _ = rookery.ParseUIN(c.uinText)
	c.uinText = echo(c.uinText)
	// By its bytes, as the codec does. It says where a text ends.
	name := c.bytes("CMD")
	if c.row = exact[string(name)]; c.row == nil {
		c.row = commands.find(name)
	}
	if c.row != nil {
		c.name = c.row.name
	} else {
		c.name, _ = c.loose("CMD")
		c.name = echo(c.name)
	}
	return true
}

// maxEcho is how much of a value that is echoed stands in the answer, in
// characters. It is more than a valid one has. Without a bound whoever takes no
// answers would make the server keep long ones.
const maxEcho = 64

// echo is as much of a value as is echoed.
func echo(text string) string {
	n := 0
	for i := range text {
		if n == maxEcho {
			return text[:i]
		}
		n++
	}
	return text
}

// answer writes the answer to a record that was read.
func (h *Handler) answer(req *request) {
	err := h.attempt(req, (*request).check)
	if err == nil {
		err = h.attempt(req, req.row.run)
	}
	if err != nil {
		h.refuse(req, err)
	}
}

// attempt takes a step of an answer. If that panics, it is not known to be done.
func (h *Handler) attempt(req *request, step func(*request) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("a request made the server panic", "command", transport.Excerpt(req.name), "account", req.uin,
				"address", req.peer.Addr, "panic", p, "stack", string(debug.Stack()))
			err = rookery.Temporary(fmt.Errorf("panic: %v", p))
		}
	}()
	return step(req)
}

// check makes the checks that all commands have in common, in the contract's
// order.
func (c *request) check() error {
	switch {
	case c.peer.UntrustedProxy:
		return errForeignProxy
	case c.peer.AmbiguousProxy:
		return errUnclearProxy
	case c.uin == 0:
		return errNoUIN
	}
	if c.row == nil {
		return errUnknownCommand
	}
	if err := c.identify(); err != nil {
		return err
	}
	if !c.row.always {
		if err := c.checkValues(); err != nil {
			return err
		}
	}
	if c.row.changing {
		c.mark = c.service.NewRequestKey(c.session, c.seq, c.content())
	}
	return nil
}

var (
	errForeignProxy = rookery.Errorf(rookery.CodeRefused, "the request came through a proxy that is not trusted: "+
		"the operator names proxies with --trusted-proxy")
	errUnclearProxy = rookery.Errorf(rookery.CodeRefused, "the request came through a trusted proxy that does not say clearly "+
		"for whom: the operator has it set one of X-Forwarded-For, Forwarded and X-Real-IP, and empty the others")
)

var errNoUIN = rookery.Errorf(rookery.CodeNoAccount, "UIN: no account number, which is 10000 to 4294967295")

// identify finds out who asks: a device session by its SID, else the address's,
// unless the record is said on a connection that is bound. A web page has its
// user's address without being the user's program, so it needs the SID.
func (c *request) identify() (err error) {
	c.asker = service.Caller{Address: c.peer.Addr}
	if sid := c.bytes("SID"); len(sid) > 0 {
		c.asker.Token, _ = rookery.ParseToken(string(sid)) // anything else means nothing
	}
	if c.dialogue != nil && c.dialogue.session != nil {
		return c.dialogue.identify(c)
	}
	switch {
	case !c.row.session:
		return nil
	case c.isNobody():
		return errNobody
	}
	c.session, err = c.service.AuthenticateSession(c.ctx, c.uin, c.asker)
	c.begins = err == nil && c.asker.Token != ""
	return err
}

// isNobody reports whether the record is a web page's that names no device
// session: it acts for no session at all.
func (c *request) isNobody() bool { return c.peer.FromWebPage && c.asker.Token == "" }

var errNobody = rookery.Errorf(rookery.CodeNotSignedIn, "a web page acts for device sessions alone, with their SID")

// checkValues checks SEQ and decodes the values of the row's keys. What they tell
// of the client's encoding holds from now on.
func (c *request) checkValues() error {
	if !c.seqDecoded {
		return parameter("SEQ", errNotDecoded)
	}
	if utf8.RuneCountInString(c.seq) > maxSEQ {
		return parameter("SEQ", "more than %d characters", maxSEQ)
	}
	preferred := wire.CharsetUnknown
	if c.session != nil {
		preferred = wire.Charset(c.session.Encoding())
	}
	was := preferred
	for _, key := range c.row.keys {
		text, said, ok := c.decode(key, preferred)
		if !ok {
			return parameter(key, errNotDecoded)
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

// bytes is the percent-decoded value of a key, empty if it is not given.
func (c *request) bytes(key string) []byte {
	raw, _ := c.record.Raw(key)
	return wire.Unescape(nil, raw)
}

func (c *request) decode(key string, preferred wire.Charset) (text string, said wire.Charset, ok bool) {
	return wire.Decode(c.bytes(key), c.peer.Charset, preferred)
}

// loose is a value that is echoed, whatever it is; ok is false if it is no text
// in any encoding.
func (c *request) loose(key string) (text string, ok bool) {
	if text, _, ok := c.decode(key, wire.CharsetUnknown); ok {
		return text, true
	}
	return strings.ToValidUTF8(string(c.bytes(key)), "\uFFFD"), false
}

// parameterValue is the value of one of the row's keys.
func (c *request) value(key string) (text string, given bool) {
	for i, k := range c.row.keys {
		if k == key {
			return c.values[i].text, c.values[i].given
		}
	}
	panic("protocol: " + c.row.name + " does not list the key " + key)
}

// content is what makes two requests with the same SEQ equal: the command and
// the values of its keys. These are bytes, not texts: what a doubtful value is
// read as can change between a request and its repeat.
func (c *request) content() []byte {
	b := append(make([]byte, 0, 128), c.row.name...)
	for _, key := range c.row.keys {
		v := c.bytes(key)
		b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
	}
	return b
}

// refuse writes the answer to a request that got an error.
func (h *Handler) refuse(req *request, err error) {
	res := resOf(err)
	req.dst = wire.AppendHead(req.dst[:req.start], req.peer.Form, req.version, req.name, req.seq, req.uinText, res)
	if res != resNotLoggedIn {
		req.dst = wire.AppendText(req.dst, req.peer.Form, "RA", rookery.TextOf(err))
	}
	h.logRefusal(req, res, err)
}

const (
	resUnknownCommand = 2
	resTemporary      = 4
	resNotLoggedIn    = 20
)

var errUnknownCommand = parameter("CMD", "unknown command")

// resCodes maps what went wrong to RES. Login answers a wrong password by
// itself.
var resCodes = map[rookery.Code]int{
	rookery.CodeParameter:   1,
	rookery.CodeRefused:     3,
	rookery.CodePassword:    3,
	rookery.CodeExists:      3,
	rookery.CodeTemporary:   resTemporary,
	rookery.CodeConflict:    resTemporary,
	rookery.CodeNoAccount:   5,
	rookery.CodeNotSignedIn: resNotLoggedIn,
}

func resOf(err error) int {
	if errors.Is(err, errUnknownCommand) {
		return resUnknownCommand
	}
	return resCodes[rookery.CodeOf(err)]
}

// parameter is the error for a key whose value is missing or wrong.
func parameter(key, format string, args ...any) error {
	return rookery.Errorf(rookery.CodeParameter, key+": "+format, args...)
}

// about names the key at fault in an error of the service.
func about(key string, err error) error {
	var e *rookery.Error
	if !errors.As(err, &e) || e.Code == rookery.CodeTemporary {
		return err
	}
	return &rookery.Error{Code: e.Code, Text: key + ": " + e.Text, Cause: e.Cause}
}
