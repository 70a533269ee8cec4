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

// World is a server with its surroundings, fresh and empty, as a script needs
// it. Each method returns when what it asks for has taken effect.
type World interface {
	// Account makes one account; fields that are not named are as in a new
	// account.
	Account(uin uint32, password string, fields []Field) error
	Set(uin uint32, fields []Field) error
	Befriend(a, b uint32) error
	// Notice sends the operator's message, to everybody if to is empty.
	Notice(to []uint32, text string) error
	Remove(uin uint32) error
	SetPassword(uin uint32, password string) error
	// Restart stops the server, lets the clock run for down, and starts it on
	// the same data.
	Restart(down time.Duration) error
	// Wait moves the clock; what falls due has happened when it returns.
	Wait(d time.Duration) error
	// Now is the time by the clock that Wait moves.
	Now() time.Time
	// Line opens a line from a client's address.
	Line(ctx context.Context, from netip.Addr) (Line, error)
	// Post sends one record from a client's address and returns the body of
	// the answer, with the line end of version 1.4. It does not keep the
	// request.
	Post(ctx context.Context, from netip.Addr, request Request) ([]byte, error)
}

// HTTPWorld is a World on a socket.
type HTTPWorld interface {
	World
	// Setting is called before the first account is made, with the name and the
	// value of one of the server's flags.
	Setting(name, value string) error
	// Dial connects to the server from a client's address.
	Dial(ctx context.Context, from netip.Addr) (net.Conn, error)
}

// Replay plays a script in a world and compares what comes back. The first
// difference ends it: the error begins with file:line and says what was sent,
// what was expected, what came, and the first byte in which they differ.
func Replay(ctx context.Context, script *Script, world World) error {
	r := &replay{ctx: ctx, world: world, charset: "UTF-8",
		clients: make(map[string]netip.Addr), lines: make(lines), tokens: make(map[string]string)}
	r.speak("home")
	defer r.forgetLines()
	for _, step := range script.Steps {
		err := ctx.Err()
		if err == nil {
			err = step.Action.perform(r)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", script.Name, step.Line, err)
		}
	}
	if err := r.hangUpAll(); err != nil {
		return fmt.Errorf("%s: %w", script.Name, err)
	}
	return nil
}

type replay struct {
	ctx     context.Context
	world   World
	clients map[string]netip.Addr
	from    netip.Addr
	charset string
	lines   lines
	// tokens are those of device sessions, by the names that the script gives
	// them.
	tokens map[string]string
}

// speak lets the named client speak from now on. All of 127.0.0.0/8 is this
// machine, so a client can have any address of it.
func (r *replay) speak(name string) {
	addr, ok := r.clients[name]
	if !ok {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + len(r.clients))})
		r.clients[name] = addr
	}
	r.from = addr
}

func (a *Account) perform(r *replay) error {
	for uin := uint64(a.UIN); uin <= uint64(a.Last); uin++ {
		if err := r.world.Account(uint32(uin), a.Password, a.Fields); err != nil {
			return err
		}
	}
	return nil
}

func (a *Friends) perform(r *replay) error {
	for uin := uint64(a.First); uin <= uint64(a.Last); uin++ {
		if err := r.world.Befriend(a.UIN, uint32(uin)); err != nil {
			return err
		}
	}
	return nil
}

func (a *Set) perform(r *replay) error         { return r.world.Set(a.UIN, a.Fields) }
func (a *Notice) perform(r *replay) error      { return r.world.Notice(a.To, a.Text) }
func (a *Remove) perform(r *replay) error      { return r.world.Remove(a.UIN) }
func (a *SetPassword) perform(r *replay) error { return r.world.SetPassword(a.UIN, a.Password) }
func (a *Wait) perform(r *replay) error        { return r.world.Wait(a.For) }

// perform ends the lines too: no connection outlives its server.
func (a *Restart) perform(r *replay) error {
	err := r.world.Restart(a.Down)
	r.forgetLines()
	return err
}

func (a *Client) perform(r *replay) error {
	r.speak(a.Name)
	return nil
}

func (a *Charset) perform(r *replay) error {
	r.charset = a.Name
	return nil
}

// perform logs in without a SEQ, so that no rule about repeating holds.
func (a *Login) perform(r *replay) error {
	for uin := uint64(a.UIN); uin <= uint64(a.Last); uin++ {
		exchange := &Exchange{
			Request: fmt.Appendf(nil, "VER=1.1&CMD=Login&SEQ=&UIN=%d&PS=%x&M5=1&LC=9326B87B234E7235", uin, md5.Sum([]byte(DefaultPassword))),
			Answer:  fmt.Appendf(nil, "VER=1.1&CMD=Login&SEQ=&UIN=%d&RES=0&RS=0&HI=60&LI=300", uin),
		}
		if err := exchange.perform(r); err != nil {
			return err
		}
	}
	return nil
}

func (a *Setting) perform(r *replay) error {
	hTTPWorld, ok := r.world.(HTTPWorld)
	if !ok {
		return errNeedsHTTP
	}
	return hTTPWorld.Setting(a.Name, a.Value)
}

var errNeedsHTTP = errors.New("this step needs a world on a socket")

func (x *Exchange) perform(r *replay) error {
	for range max(x.Times, 1) {
		request := r.expand(x.Request, nil)
		got, err := r.world.Post(r.ctx, r.from, Request{Record: bytes.Clone(request), Charset: r.charset})
		if err != nil {
			return fmt.Errorf("no answer: %w\n\tsent %s", err, appendEscaped(nil, x.Request))
		}
		want := r.expand(x.Answer, got)
		if at, ok := Match(want, got); !ok {
			return mismatch(request, append(bytes.Clone(want), lineEnd(want)...), got, at)
		}
	}
	return nil
}

// mismatch shows a difference as the script would have it written.
func mismatch(sent, want, got []byte, at int) error {
	text := fmt.Sprintf("the answer differs from byte %d on", at)
	if sent != nil {
		text += fmt.Sprintf("\n\tsent %s", appendEscaped(nil, sent))
	}
	return fmt.Errorf("%s\n\twant %s\n\tgot  %s\n\tfrom %s", text, appendEscaped(nil, want), appendEscaped(nil, got), appendEscaped(nil, got[min(at, len(got)):]))
}
