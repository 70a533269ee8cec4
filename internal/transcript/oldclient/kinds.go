package oldclient

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// A ProgramKind describes a client program: how it builds requests and parses answers.
type ProgramKind struct {
	Name string
	// Version is the protocol version of its requests.
	Version string

	// extraPairs follow VER in each record, loginPairs follow the proof in a login, recordEnd ends each record.
	extraPairs, loginPairs, recordEnd string
	// formatSEQ returns the SEQ of the nth request.
	formatSEQ func(n int) string
	// version11Commands are still sent in version 1.1.
	version11Commands []string
	// encodeText encodes a text that the user typed.
	encodeText func(text string) string
	exchange   exchangeFunc

	findRecord      func(response string) (string, error)
	findField       func(record, command, key string) (string, error)
	splitList       func(list string) ([]string, error)
	isLoginAccepted func(record string) bool
	listOnline      func(ctx context.Context, client *Client) ([]Friend, error)
	// receive returns incoming messages. If it is nil, the program polls with GetMsgEx.
	receive func(ctx context.Context, client *Client) ([]Message, error)
}

// HTTPKinds returns all kinds that use HTTP. StreamKinds returns the others.
func HTTPKinds() []ProgramKind {
	return []ProgramKind{php(), visualBasic(), cSharp(), indy(), indyProxy(), java(), python(), goClient(), j2me(),
		cSharp14(), perl14()}
}

const login11 = "&M5=1&LC=9326B87B234E7235"

// php writes the request of the published study literally with fsockopen and reads until feof.
func php() ProgramKind {
	return ProgramKind{
		Name: "PHP, fsockopen", Version: "1.1", loginPairs: login11, formatSEQ: clockSEQ, encodeText: encodeRaw,
		exchange: postUntilEOF("POST HTTP/1.1\r\n" +
			"Host: " + serverHost + "\r\n" +
			"Content-Type: text/plain; charset=UTF-8\r\n" +
			"Content-length: %d\r\n" +
			"Connection: close\r\n" +
			"\r\n"),
		findRecord: bodyAfterHeaders, findField: fieldByNeighbours, splitList: dropLastPiece,
		isLoginAccepted: containsRESAndRS, listOnline: listOnlineByQueryStat,
	}
}

// visualBasic writes its request to a Winsock control: an empty target between two spaces and the minimum of headers.
func visualBasic() ProgramKind {
	return ProgramKind{
		Name: "Visual Basic, Winsock", Version: "1.0", loginPairs: login11, formatSEQ: countingSEQ(1),
		encodeText: encodeGBK,
		exchange: postUntilEOF("POST  HTTP/1.1\r\n" +
			"Content-Length: %d\r\n" +
			"Connection: close\r\n" +
			"\r\n"),
		findRecord: fromFirstVER, findField: fieldByPosition, splitList: requireFinalComma, isLoginAccepted: containsLI,
		listOnline: listOnlineByQueryStat,
	}
}

// cSharp is .NET's HttpWebRequest, which waits for 100 Continue.
func cSharp() ProgramKind {
	return ProgramKind{
		Name: "C#, HttpWebRequest", Version: "1.1", loginPairs: login11, formatSEQ: countingSEQ(200),
		encodeText: encodeRaw,
		exchange: postExpectContinue("POST / HTTP/1.1\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\n" +
			"Host: " + serverHost + "\r\n" +
			"Content-Length: %d\r\n" +
			"Expect: 100-continue\r\n" +
			"Connection: Keep-Alive\r\n" +
			"\r\n"),
		findRecord: wholeBody, findField: fieldByNeighbours, splitList: requireFinalComma,
		isLoginAccepted: containsRESAndRS, listOnline: listOnlineByQueryStat,
	}
}

// indy is TIdHTTP of Indy 9, part of Delphi 7, which uses HTTP/1.0 by default. It receives the pairs as lines
// and turns every line end into '&', including the last one.
func indy() ProgramKind {
	return ProgramKind{
		Name: "Delphi, Indy", Version: "1.2", loginPairs: login11, recordEnd: "&", formatSEQ: countingSEQ(1000),
		encodeText: encodeIndyParams,
		exchange: postKeepAlive("POST / HTTP/1.0\r\n" +
			"Connection: keep-alive\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\n" +
			"Content-Length: %d\r\n" +
			"Host: " + serverHost + "\r\n" +
			"Accept: text/html, */*\r\n" +
			"Accept-Encoding: identity\r\n" +
			"User-Agent: Mozilla/3.0 (compatible; Indy Library)\r\n" +
			"\r\n"),
		findRecord: wholeBody, findField: fieldByPosition, splitList: dropLastPiece, isLoginAccepted: containsLI,
		listOnline: listOnlineByQueryStat,
	}
}

// indyProxy is indy with the server configured as its proxy, so that the target is an absolute URL.
func indyProxy() ProgramKind {
	kind := indy()
	kind.Name = "Delphi, Indy, through a proxy"
	kind.Version = "1.3"
	kind.exchange = postKeepAlive("POST http://" + serverHost + " HTTP/1.1\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\n" +
		"Content-Length: %d\r\n" +
		"Host: " + serverHost + "\r\n" +
		"Accept: text/html, */*\r\n" +
		"Proxy-Connection: keep-alive\r\n" +
		"User-Agent: Mozilla/3.0 (compatible; Indy Library)\r\n" +
		"\r\n")
	return kind
}

// java is HttpURLConnection with its default headers.
func java() ProgramKind {
	return ProgramKind{
		Name: "Java, HttpURLConnection", Version: "1.1", loginPairs: login11, formatSEQ: countingSEQ(1),
		encodeText: encodeRaw,
		exchange: postKeepAlive("POST / HTTP/1.1\r\n" +
			"User-Agent: Java/1.5.0_06\r\n" +
			"Host: " + serverHost + "\r\n" +
			"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n" +
			"Connection: keep-alive\r\n" +
			"Content-type: application/x-www-form-urlencoded\r\n" +
			"Content-Length: %d\r\n" +
			"\r\n"),
		findRecord: wholeBody, findField: fieldByPattern, splitList: dropLastPiece, isLoginAccepted: hasZeroRS,
		listOnline: listOnlineByQueryStat,
	}
}

// python is urllib2 with quoted texts.
func python() ProgramKind {
	return ProgramKind{
		Name: "Python, urllib2", Version: "1.1", loginPairs: " &M5=1", formatSEQ: clockSEQ, encodeText: encodeQuoted,
		exchange: postUntilEOF("POST / HTTP/1.1\r\n" +
			"Accept-Encoding: identity\r\n" +
			"Content-Length: %d\r\n" +
			"Host: " + serverHost + "\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\n" +
			"Connection: close\r\n" +
			"User-Agent: Python-urllib/2.4\r\n" +
			"\r\n"),
		findRecord: bodyAfterHeaders, findField: fieldByPattern, splitList: requireFinalComma,
		isLoginAccepted: containsLI, listOnline: listOnlineByQueryStat,
	}
}

// goClient is a present-day program with net/http.
func goClient() ProgramKind {
	return ProgramKind{
		Name: "Go, net/http", Version: "1.1", loginPairs: "&M5=1", formatSEQ: clockSEQ, encodeText: encodeRaw,
		exchange:   postNetHTTP,
		findRecord: wholeBody, findField: fieldByPattern, splitList: requireFinalComma, isLoginAccepted: hasZeroRS,
		listOnline: listOnlineByQueryStat,
	}
}

// j2me is a program on a mobile phone.
func j2me() ProgramKind {
	return ProgramKind{
		Name: "J2ME, HttpConnection", Version: "1.1", loginPairs: login11, formatSEQ: countingSEQ(1),
		encodeText: encodeRaw,
		exchange: postChunked("POST / HTTP/1.1\r\n" +
			"user-agent: Profile/MIDP-2.0 Configuration/CLDC-1.1\r\n" +
			"content-type: text/plain\r\n" +
			"host: " + serverHost + "\r\n" +
			"transfer-encoding: chunked\r\n" +
			"\r\n"),
		findRecord: wholeBody, findField: fieldByNeighbours, splitList: dropLastPiece,
		isLoginAccepted: containsRESAndRS, listOnline: listOnlineByQueryStat,
	}
}

const (
	extra14 = "&CON=1"
	login14 = "&M5=1&LG=0&LC=812822641C978097&GD=EX4RLS2GFYGR6T1R&CKE=&ST=10"
)

// cSharp14 speaks version 1.4 and builds its HTTP requests by hand.
func cSharp14() ProgramKind {
	return ProgramKind{
		Name: "C#, version 1.4", Version: "1.4", extraPairs: extra14, loginPairs: login14, formatSEQ: countingSEQ(1),
		encodeText: encodeRaw,
		exchange: postKeepAlive("POST / HTTP/1.1\r\n" +
			"Content-Type: text/plain; charset=utf-8\r\n" +
			"Host: " + serverHost + "\r\n" +
			"Content-Length: %d\r\n" +
			"\r\n"),
		findRecord: withoutLineEnd, findField: fieldByPosition, splitList: dropLastPiece, isLoginAccepted: containsLI,
		listOnline: listOnlineByQueryStat2,
	}
}

// perl14 speaks version 1.4 with bare LF as line end, and takes the last but one line of the response.
func perl14() ProgramKind {
	return ProgramKind{
		Name: "Perl, version 1.4", Version: "1.4", extraPairs: extra14, loginPairs: login14,
		formatSEQ: countingSEQ(1000), encodeText: encodeRaw,
		exchange: postUntilEOF("POST HTTP/1.1\n" +
			"Host: " + serverHost + "\n" +
			"Content-Length: %d\n" +
			"Connection: close\n" +
			"\n"),
		findRecord: lastButOneLine, findField: fieldByNeighbours, splitList: dropLastPiece,
		isLoginAccepted: containsRESAndRS, listOnline: listOnlineByQueryStat2,
	}
}

// countingSEQ numbers requests, beginning with first.
func countingSEQ(first int) func(int) string {
	return func(n int) string { return strconv.Itoa(first + n - 1) }
}

// clockSEQ uses the time in seconds as SEQ. The program assumes that there is one request per second.
func clockSEQ(n int) string { return strconv.Itoa(1132724400 + n) }

func encodeRaw(text string) string { return text }

func encodeQuoted(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// encodeIndyParams is ParamsEncode of Indy 9 in the system's code page. It often leaves the second byte of a
// two-byte character unescaped.
func encodeIndyParams(text string) string {
	var encoded strings.Builder
	for _, char := range []byte(encodeGBK(text)) {
		if char < 33 || char > 128 || strings.IndexByte("*#%<>[]", char) >= 0 {
			fmt.Fprintf(&encoded, "%%%02X", char)
			continue
		}
		encoded.WriteByte(char)
	}
	return encoded.String()
}

// encodeGBK encodes a text in the code page of a Chinese Windows and replaces characters that it lacks.
func encodeGBK(text string) string {
	// The replacing encoder never fails.
	bytes, _ := encoding.ReplaceUnsupported(simplifiedchinese.GBK.NewEncoder()).String(text)
	return bytes
}
