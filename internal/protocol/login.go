package protocol

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/wire"
)

// maxProgramBytes is how many bytes of LC are kept; clients send 16 digits.
const maxProgramBytes = 64

func handleLogin(request *clientRequest) error {
	status, err := request.parseStatus()
	if err != nil {
		return err
	}
	device, err := request.parseDevice()
	if err != nil {
		return err
	}
	if device == "" && request.peer.FromWebPage {
		return errPageLogin
	}
	session, token, err := request.service.SignIn(request.ctx, service.SignInRequest{
		UIN: request.uin, Proof: request.parseProof(), Address: request.peer.Addr, Status: status,
		Program: request.parseProgram(), Device: device,
	})
	if err != nil && rookery.CodeOf(err) == rookery.CodePassword {
		request.beginAnswer()
		request.addNumber("RS", 1)
		request.addText("RA", rookery.TextOf(err))
		return nil
	}
	if rookery.CodeOf(err) == rookery.CodeParameter {
		return prefixKey("DV", err) // no other parameter can fail here
	}
	if err != nil {
		return err
	}
	request.session, request.caller.Token, request.bindsStream = session, token, true
	request.beginAnswer()
	request.addNumber("RS", 0)
	request.addNumber("HI", int(service.KeepAliveInterval.Seconds()))
	request.addNumber("LI", int(service.SessionTimeout.Seconds()))
	if token != "" {
		request.addText("SID", string(token))
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
func (c *clientRequest) parseProof() *auth.Proof {
	password, _ := c.valueOf("PS")
	var proof auth.Proof
	switch proofForm, _ := c.valueOf("M5"); proofForm {
	case "0":
		proof = auth.ProofOf(password)
	case "1":
		digest, err := hex.DecodeString(password)
		if err != nil || len(digest) != len(proof) {
			return nil
		}
		proof = auth.Proof(digest)
	default:
		return nil
	}
	return &proof
}

func handleLogout(request *clientRequest) error {
	if !request.isForeign && !request.isPageWithoutToken() {
		request.service.SignOut(request.ctx, request.uin, request.caller)
		request.unbindsStream = true
	}
	request.beginAnswer()
	return nil
}

func handleChangeStat(request *clientRequest) error {
	status, err := request.parseStatus()
	if err != nil {
		return err
	}
	if status == 0 {
		return parameterError("ST", "missing")
	}
	if err := request.service.SetStatus(request.ctx, request.session, status, request.requestKey); err != nil {
		return err
	}
	request.beginAnswer()
	return nil
}
