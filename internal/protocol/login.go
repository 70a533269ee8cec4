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

func login(c *request) error {
	status, err := c.status()
	if err != nil {
		return err
	}
	device, err := c.device()
	if err != nil {
		return err
	}
	if device == "" && c.peer.Page {
		return errPageLogin
	}
	se, token, err := c.service.SignIn(c.ctx, service.SignIn{
		UIN: c.uin, Proof: c.proof(), Address: c.peer.Addr, Status: status, Program: c.program(), Device: device,
	})
	if err != nil && rookery.CodeOf(err) == rookery.CodePassword {
		c.ok()
		c.number("RS", 1)
		c.text("RA", rookery.TextOf(err))
		return nil
	}
	if rookery.CodeOf(err) == rookery.CodeParameter {
		return about("DV", err) // nothing else was refused so far
	}
	if err != nil {
		return err
	}
	c.session, c.asker.Token, c.begins = se, token, true
	c.ok()
	c.number("RS", 0)
	c.number("HI", int(service.CallInterval.Seconds()))
	c.number("LI", int(service.SessionLife.Seconds()))
	if token != "" {
		c.text("SID", string(token))
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

func logout(c *request) error {
	if !c.foreign && !c.isNobody() {
		c.service.SignOut(c.ctx, c.uin, c.asker)
		c.ends = true
	}
	c.ok()
	return nil
}

func changeStat(c *request) error {
	status, err := c.status()
	if err != nil {
		return err
	}
	if status == 0 {
		return parameter("ST", "missing")
	}
	if err := c.service.SetStatus(c.ctx, c.session, status, c.mark); err != nil {
		return err
	}
	c.ok()
	return nil
}
