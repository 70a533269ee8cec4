package protocol

import (
	"errors"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/transport"
)

// warnVersion logs a record with an unknown version, because the client only gets NULL.
func (h *Handler) warnVersion(request *clientRequest) {
	h.warnings.Warn(transport.WarningContext{Cause: "version", Address: request.peer.Addr},
		"a record with an unknown version was answered with NULL: "+
			"the client must send VER=1.0 to VER=1.4, and separate keys by &",
		"version", transport.Excerpt(string(request.valueBytes("VER"))))
}

// logRefusal logs an error if the operator should know about it. It logs no values of the record
// except command names and account numbers.
func (h *Handler) logRefusal(request *clientRequest, resultCode int, err error) {
	from := request.peer.Addr
	switch {
	case errors.Is(err, errUntrustedProxy):
		h.warnings.Warn(transport.WarningContext{Cause: "foreign proxy", Address: from},
			"records are refused because they came through an untrusted proxy: "+
				"if the proxy is yours, start the server with --trusted-proxy and its address")
	case errors.Is(err, errAmbiguousProxy):
		h.warnings.Warn(transport.WarningContext{Cause: "unclear proxy", Address: from},
			"records are refused because a proxy named with --trusted-proxy does not name the client clearly: "+
				"let it set one of X-Forwarded-For, Forwarded and X-Real-IP, and empty the others")
	case resultCode == resUnknownCommand:
		h.warnings.Warn(transport.WarningContext{Cause: "command", Address: from},
			"a record with an unknown command was refused: docs/protocol.md lists the commands; "+
				"a newer server may know more",
			"command", transport.Excerpt(request.commandName))
	case resultCode == resNotLoggedIn:
		h.warnings.Info(transport.WarningContext{Cause: "session", Address: from, Account: request.uin.String()},
			"a record without a session was refused: its client has to log in",
			"command", request.commandName, "reason", rookery.TextOf(err))
	case resultCode == resTemporary:
		if suppressed, shouldLog := h.errorLog.Allow(); shouldLog {
			h.log.Error("a request failed",
				"command", request.commandName, "account", request.uin, "address", from,
				"error", err, "more_since", suppressed)
		}
	}
}
