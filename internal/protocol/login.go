package protocol

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/wire"
)

// maxProgram is how much of LC is kept, in bytes; clients send 16 digits.
const maxProgram = 64

func login(req *request) error {
	status, err := req.status()
	if err != nil {
		return err
	}
	device, err := req.device()
	if err != nil {
		return err
	}
	if device == "" && req.peer.FromWebPage {
		return errPageLogin
	}
	session, token, err := req.service.SignIn(req.ctx, service.SignInRequest{
		UIN: req.uin, Proof: req.proof(), Address: req.peer.Addr, Status: status, Program: req.program(), Device: device,
	})
	if err != nil && rookery.CodeOf(err) == rookery.CodePassword {
		req.ok()
		req.number("RS", 1)
		req.text("RA", rookery.TextOf(err))
		return nil
	}
	if rookery.CodeOf(err) == rookery.CodeParameter {
		return about("DV", err) // nothing else was refused so far
	}
	if err != nil {
		return err
	}
	req.session, req.asker.Token, req.begins = session, token, true
	req.ok()
	req.number("RS", 0)
	req.number("HI", int(service.KeepAliveInterval.Seconds()))
	req.number("LI", int(service.SessionTimeout.Seconds()))
	if token != "" {
		req.text("SID", string(token))
	}
	return nil
}

// program reads LC, which names the client in the server's log: so it is cut, and
// holds nothing that a terminal would not show.
func (c *request) program() string {
	name, _ := c.value("LC")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name[:min(len(name), maxProgram)])
}

var errPageLogin = rookery.Errorf(rookery.CodeRefused, "DV: missing; "+
	"a web page shares the address of whoever opens it, so it logs in as a device: send VER=1.4 and DV")

// device reads DV, the name of the device that signs in; empty for an address.
// Versions without device sessions do not look at it.
func (c *request) device() (string, error) {
	if !c.version.Devices() {
		return "", nil
	}
	name, _, ok := c.decode("DV", wire.CharsetUnknown)
	if !ok {
		return "", parameter("DV", errNotDecoded)
	}
	return name, nil
}

// proof reads PS as M5 says it is to be read; nil if it cannot prove anything.
func (c *request) proof() *service.Proof {
	ps, _ := c.value("PS")
	var proof service.Proof
	switch m5, _ := c.value("M5"); m5 {
	case "0":
		proof = service.ProofOf(ps)
	case "1":
		digest, err := hex.DecodeString(ps)
		if err != nil || len(digest) != len(proof) {
			return nil
		}
		proof = service.Proof(digest)
	default:
		return nil
	}
	return &proof
}

func logout(req *request) error {
	if !req.foreign && !req.isNobody() {
		req.service.SignOut(req.ctx, req.uin, req.asker)
		req.ends = true
	}
	req.ok()
	return nil
}

func changeStat(req *request) error {
	status, err := req.status()
	if err != nil {
		return err
	}
	if status == 0 {
		return parameter("ST", "missing")
	}
	if err := req.service.SetStatus(req.ctx, req.session, status, req.mark); err != nil {
		return err
	}
	req.ok()
	return nil
}
