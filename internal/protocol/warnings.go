package protocol

import (
	"errors"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/transport"
)

// warnVersion logs a record with an unknown version, because the client only gets NULL.
func (h *Handler) warnVersion(req *clientRequest) {
	h.warnings.Warn(transport.WarningContext{Cause: "version", Address: req.peer.Addr},
		"a record of an unknown version was answered NULL: let the client send VER=1.0 to VER=1.4, and separate keys by &",
		"version", transport.Excerpt(string(req.valueBytes("VER"))))
}

// logRefusal logs an error if the operator should know about it. It logs no values of the record
// except command names and account numbers.
func (h *Handler) logRefusal(req *clientRequest, res int, err error) {
	from := req.peer.Addr
	switch {
	case errors.Is(err, errUntrustedProxy):
		h.warnings.Warn(transport.WarningContext{Cause: "foreign proxy", Address: from},
			"records are refused, since they came through a proxy that is not trusted: "+
				"if the proxy is yours, start the server with --trusted-proxy and its address")
	case errors.Is(err, errAmbiguousProxy):
		h.warnings.Warn(transport.WarningContext{Cause: "unclear proxy", Address: from},
			"records are refused, since a proxy named with --trusted-proxy does not say clearly for whom it asks: "+
				"let it set one of X-Forwarded-For, Forwarded and X-Real-IP, and empty the others")
	case res == resUnknownCommand:
		h.warnings.Warn(transport.WarningContext{Cause: "command", Address: from},
			"a record of an unknown command was refused: docs/protocol.md lists the commands, and a newer server may know more",
			"command", transport.Excerpt(req.commandName))
	case res == resNotLoggedIn:
		h.warnings.Info(transport.WarningContext{Cause: "session", Address: from, Account: req.uin.String()},
			"a record without a session was refused: its client has to log in", "command", req.commandName, "reason", rookery.TextOf(err))
	case res == resTemporary:
		if kept, due := h.errorLog.Allow(); due {
			h.log.Error("a request was not done", "command", req.commandName, "account", req.uin, "address", from,
				"error", err, "more_since", kept)
		}
	}
}
