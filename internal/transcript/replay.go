package transcript

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// A Request is a record on its way to the server.
type Request struct {
	Record []byte
	// Charset is what the client declares; the article's clients say UTF-8,
	// which decides nothing.
	Charset string
}

// Server is a server with its surroundings, fresh and empty, as a script needs
// it. Each method returns when what it asks for has taken effect.
type Server interface {
	// CreateAccount makes one account; fields that are not named are as in a new
	// account.
	CreateAccount(uin uint32, password string, fields []AccountField) error
	ChangeAccount(uin uint32, fields []AccountField) error
	Befriend(a, b uint32) error
	// SendNotice sends the operator's message, to everybody if to is empty.
	SendNotice(to []uint32, text string) error
	RemoveAccount(uin uint32) error
	SetPassword(uin uint32, password string) error
	// Restart stops the server, lets the clock run for down, and starts it on
	// the same data.
	Restart(down time.Duration) error
	// AdvanceClock moves the clock; what falls due has happened when it returns.
	AdvanceClock(duration time.Duration) error
	// Now is the time by the clock that Wait moves.
	Now() time.Time
	// OpenStream opens a line from a client's address.
	OpenStream(ctx context.Context, from netip.Addr) (Stream, error)
	// Post sends one record from a client's address and returns the body of
	// the answer, with the line end of version 1.4. It does not keep the
	// request.
	Post(ctx context.Context, from netip.Addr, request Request) ([]byte, error)
}

// SocketServer is a World on a socket.
type SocketServer interface {
	Server
	// ApplySetting is called before the first account is made, with the name and the
	// value of one of the server's flags.
	ApplySetting(name, value string) error
	// Dial connects to the server from a client's address.
	Dial(ctx context.Context, from netip.Addr) (net.Conn, error)
}

// Replay plays a script in a world and compares what comes back. The first
// difference ends it: the error begins with file:line and says what was sent,
// what was expected, what came, and the first byte in which they differ.
func Replay(ctx context.Context, script *Script, world Server) error {
	rep := &replayer{ctx: ctx, server: world, charset: "UTF-8",
		clientAddrs: make(map[string]netip.Addr), streams: make(openStreams), tokens: make(map[string]string)}
	rep.switchClient("home")
	defer rep.discardStreams()
	for _, step := range script.Steps {
		err := ctx.Err()
		if err == nil {
			err = step.Action.perform(rep)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", script.Name, step.Line, err)
		}
	}
	if err := rep.closeAllStreams(); err != nil {
		return fmt.Errorf("%s: %w", script.Name, err)
	}
	return nil
}

type replayer struct {
	ctx         context.Context
	server      Server
	clientAddrs map[string]netip.Addr
	clientAddr  netip.Addr
	charset     string
	streams     openStreams
	// tokens are those of device sessions, by the names that the script gives
	// them.
	tokens map[string]string
}

// switchClient lets the named client speak from now on. All of 127.0.0.0/8 is this
// machine, so a client can have any address of it.
func (r *replayer) switchClient(name string) {
	addr, ok := r.clientAddrs[name]
	if !ok {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + len(r.clientAddrs))})
		r.clientAddrs[name] = addr
	}
	r.clientAddr = addr
}

func (a *CreateAccounts) perform(rep *replayer) error {
	for uin := uint64(a.UIN); uin <= uint64(a.Last); uin++ {
		if err := rep.server.CreateAccount(uint32(uin), a.Password, a.AccountFields); err != nil {
			return err
		}
	}
	return nil
}

func (a *Befriend) perform(rep *replayer) error {
	for uin := uint64(a.First); uin <= uint64(a.Last); uin++ {
		if err := rep.server.Befriend(a.UIN, uint32(uin)); err != nil {
			return err
		}
	}
	return nil
}

func (a *ChangeAccount) perform(rep *replayer) error {
	return rep.server.ChangeAccount(a.UIN, a.Fields)
}
func (a *SendNotice) perform(rep *replayer) error    { return rep.server.SendNotice(a.To, a.Text) }
func (a *RemoveAccount) perform(rep *replayer) error { return rep.server.RemoveAccount(a.UIN) }
func (a *SetPassword) perform(rep *replayer) error   { return rep.server.SetPassword(a.UIN, a.Password) }
func (a *AdvanceClock) perform(rep *replayer) error  { return rep.server.AdvanceClock(a.Duration) }

// perform ends the lines too: no connection outlives its server.
func (a *RestartServer) perform(rep *replayer) error {
	err := rep.server.Restart(a.Downtime)
	rep.discardStreams()
	return err
}

func (a *SwitchClient) perform(rep *replayer) error {
	rep.switchClient(a.Name)
	return nil
}

func (a *SetCharset) perform(rep *replayer) error {
	rep.charset = a.Name
	return nil
}

// perform logs in without a SEQ, so that no rule about repeating holds.
func (a *LogInAccounts) perform(rep *replayer) error {
	for uin := uint64(a.UIN); uin <= uint64(a.Last); uin++ {
		exchange := &Exchange{
			Request: fmt.Appendf(nil, "VER=1.1&CMD=Login&SEQ=&UIN=%d&PS=%x&M5=1&LC=9326B87B234E7235", uin, md5.Sum([]byte(DefaultPassword))),
			Answer:  fmt.Appendf(nil, "VER=1.1&CMD=Login&SEQ=&UIN=%d&RES=0&RS=0&HI=60&LI=300", uin),
		}
		if err := exchange.perform(rep); err != nil {
			return err
		}
	}
	return nil
}

func (a *ServerSetting) perform(rep *replayer) error {
	server, ok := rep.server.(SocketServer)
	if !ok {
		return errNeedsSocket
	}
	return server.ApplySetting(a.Name, a.Value)
}

var errNeedsSocket = errors.New("this step needs a world on a socket")

func (x *Exchange) perform(rep *replayer) error {
	for range max(x.Repetitions, 1) {
		request := rep.expandVariables(x.Request, nil)
		received, err := rep.server.Post(rep.ctx, rep.clientAddr, Request{Record: bytes.Clone(request), Charset: rep.charset})
		if err != nil {
			return fmt.Errorf("no answer: %w\n\tsent %s", err, appendEscaped(nil, x.Request))
		}
		wanted := rep.expandVariables(x.Answer, received)
		if offset, ok := Match(wanted, received); !ok {
			return mismatchError(request, append(bytes.Clone(wanted), lineEndOf(wanted)...), received, offset)
		}
	}
	return nil
}

// mismatchError shows a difference as the script would have it written.
func mismatchError(sent, wanted, received []byte, offset int) error {
	text := fmt.Sprintf("the answer differs from byte %d on", offset)
	if sent != nil {
		text += fmt.Sprintf("\n\tsent %s", appendEscaped(nil, sent))
	}
	return fmt.Errorf("%s\n\twant %s\n\tgot  %s\n\tfrom %s", text, appendEscaped(nil, wanted), appendEscaped(nil, received), appendEscaped(nil, received[min(offset, len(received)):]))
}
