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

// A Request is a record as a client posts it.
type Request struct {
	Record []byte
	// Charset is the declared charset, UTF-8 unless the script sets another.
	Charset string
}

// Server is a fresh, empty server as a script needs it. Each method returns once its effect is complete.
type Server interface {
	// CreateAccount creates an account. Fields that are not listed have their defaults.
	CreateAccount(uin uint32, password string, fields []AccountField) error
	ChangeAccount(uin uint32, fields []AccountField) error
	Befriend(a, b uint32) error
	// SendNotice sends an operator's notice. An empty list of receivers means all accounts.
	SendNotice(to []uint32, text string) error
	RemoveAccount(uin uint32) error
	SetPassword(uin uint32, password string) error
	// Restart stops the server, advances the clock by down, and starts the server on the same data.
	Restart(down time.Duration) error
	// AdvanceClock advances the clock and waits for everything that falls due.
	AdvanceClock(duration time.Duration) error
	// Now returns the time of the clock that AdvanceClock changes.
	Now() time.Time
	// OpenStream opens a persistent connection from a client's address.
	OpenStream(ctx context.Context, from netip.Addr) (Stream, error)
	// Post sends one record from a client's address and returns the body of the answer, including the line end
	// of version 1.4. It must not retain request.
	Post(ctx context.Context, from netip.Addr, request Request) ([]byte, error)
}

// SocketServer is a Server that listens on a socket.
type SocketServer interface {
	Server
	// ApplySetting sets a server flag. It is called before the first account is created.
	ApplySetting(name, value string) error
	// Dial connects to the server from a client's address.
	Dial(ctx context.Context, from netip.Addr) (net.Conn, error)
}

// Replay runs a script against a server and compares the answers. It stops at the first difference. The error
// begins with file:line and contains the request, the expected and the received answer, and the offset at
// which they differ.
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
	// tokens maps the script's names for tokens of device sessions to the tokens.
	tokens map[string]string
}

// switchClient makes the named client the sender of the following steps. Each client gets an address in
// 127.0.0.0/8, all of which belong to this machine.
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

// perform also discards the streams, because no connection survives a restart.
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

// perform logs in without a SEQ, so that the rules about repeated requests do not apply.
func (a *LogInAccounts) perform(rep *replayer) error {
	for uin := uint64(a.UIN); uin <= uint64(a.Last); uin++ {
		exchange := &Exchange{
			Request: fmt.Appendf(nil, "VER=1.1&CMD=Login&SEQ=&UIN=%d&PS=%x&M5=1&LC=9326B87B234E7235", uin,
				md5.Sum([]byte(DefaultPassword))),
			Answer: fmt.Appendf(nil, "VER=1.1&CMD=Login&SEQ=&UIN=%d&RES=0&RS=0&HI=60&LI=300", uin),
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
		received, err := rep.server.Post(rep.ctx, rep.clientAddr,
			Request{Record: bytes.Clone(request), Charset: rep.charset})
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

// mismatchError shows a difference in the notation of scripts.
func mismatchError(sent, wanted, received []byte, offset int) error {
	text := fmt.Sprintf("the answer differs from byte %d on", offset)
	if sent != nil {
		text += fmt.Sprintf("\n\tsent %s", appendEscaped(nil, sent))
	}
	return fmt.Errorf("%s\n\twant %s\n\tgot  %s\n\tfrom %s", text, appendEscaped(nil, wanted),
		appendEscaped(nil, received), appendEscaped(nil, received[min(offset, len(received)):]))
}
