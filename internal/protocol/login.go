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

// maxProgramBytes is how many bytes of LC are kept; clients send 16 digits.
const maxProgramBytes = 64

func handleLogin(req *clientRequest) error {
	status, err := req.parseStatus()
	if err != nil {
		return err
	}
	device, err := req.parseDevice()
	if err != nil {
		return err
	}
	if device == "" && req.peer.FromWebPage {
		return errPageLogin
	}
	session, token, err := req.service.SignIn(req.ctx, service.SignInRequest{
		UIN: req.uin, Proof: req.parseProof(), Address: req.peer.Addr, Status: status, Program: req.parseProgram(), Device: device,
	})
	if err != nil && rookery.CodeOf(err) == rookery.CodePassword {
		req.beginAnswer()
		req.addNumber("RS", 1)
		req.addText("RA", rookery.TextOf(err))
		return nil
	}
	if rookery.CodeOf(err) == rookery.CodeParameter {
		return prefixKey("DV", err) // no other parameter can fail here
	}
	if err != nil {
		return err
	}
	req.session, req.caller.Token, req.bindsStream = session, token, true
	req.beginAnswer()
	req.addNumber("RS", 0)
	req.addNumber("HI", int(service.KeepAliveInterval.Seconds()))
	req.addNumber("LI", int(service.SessionTimeout.Seconds()))
	if token != "" {
		req.addText("SID", string(token))
	}
	return nil
}

// parseProgram reads LC, the client program for the server's log. It is cut and stripped of
// unprintable characters.
func (c *clientRequest) parseProgram() string {
	name, _ := c.valueOf("LC")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name[:min(len(name), maxProgramBytes)])
}

var errPageLogin = rookery.Errorf(rookery.CodeRefused, "DV: missing; "+
	"a web page shares the address of whoever opens it, so it logs in as a device: send VER=1.4 and DV")

// parseDevice reads DV, the device name for a device session. It is "" for an address session, and
// always before version 1.4.
func (c *clientRequest) parseDevice() (string, error) {
	if !c.version.HasDevices() {
		return "", nil
	}
	name, _, ok := c.decodeValue("DV", wire.CharsetUnknown)
	if !ok {
		return "", parameterError("DV", errNotDecoded)
	}
	return name, nil
}

// parseProof reads PS in the form that M5 selects. It returns nil if no password can match it.
func (c *clientRequest) parseProof() *service.Proof {
	ps, _ := c.valueOf("PS")
	var proof service.Proof
	switch m5, _ := c.valueOf("M5"); m5 {
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

func handleLogout(req *clientRequest) error {
	if !req.isForeign && !req.isPageWithoutToken() {
		req.service.SignOut(req.ctx, req.uin, req.caller)
		req.unbindsStream = true
	}
	req.beginAnswer()
	return nil
}

func handleChangeStat(req *clientRequest) error {
	status, err := req.parseStatus()
	if err != nil {
		return err
	}
	if status == 0 {
		return parameterError("ST", "missing")
	}
	if err := req.service.SetStatus(req.ctx, req.session, status, req.requestKey); err != nil {
		return err
	}
	req.beginAnswer()
	return nil
}
