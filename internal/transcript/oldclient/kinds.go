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

// A Kind is a kind of client program: what it sends, and how it reads what
// comes back.
type Kind struct {
	Name string
	// Version is the protocol version that it speaks.
	Version string

	// extra are pairs that it sends behind VER, login those behind the proof, end
	// is what it puts behind each record.
	extra, login, end string
	// seq marks the nth request.
	seq func(n int) string
	// older are the commands that it sends in version 1.1 all the same.
	older []string
	// encode writes a user's text.
	encode func(text string) string
	post   post

	record   func(response string) (string, error)
	field    func(record, command, key string) (string, error)
	elements func(list string) ([]string, error)
	accepted func(record string) bool
	online   func(ctx context.Context, client *Client) ([]Friend, error)
	// receive is how messages come; nil if it asks for them with GetMsgEx.
	receive func(ctx context.Context, client *Client) ([]Message, error)
}

// Kinds returns all kinds that speak HTTP, old and not so old; Lines has the
// others.
func Kinds() []Kind {
	return []Kind{php(), visualBasic(), cSharp(), indy(), indyProxy(), java(), python(), goClient(), j2me(), cSharp14(), perl14()}
}

const login11 = "&M5=1&LC=9326B87B234E7235"

// php writes the study's request, literally, with fsockopen, and reads until
// feof.
func php() Kind {
	return Kind{
		Name: "PHP, fsockopen", Version: "1.1", login: login11, seq: clock, encode: raw,
		post: toTheEnd("POST HTTP/1.1\r\n" +
			"Host: " + host + "\r\n" +
			"Content-Type: text/plain; charset=UTF-8\r\n" +
			"Content-length: %d\r\n" +
			"Connection: close\r\n" +
			"\r\n"),
		record: behindHead, field: byNeighbours, elements: withoutLast, accepted: saysZeroAndZero, online: queryStat,
	}
}

// visualBasic writes its request to a Winsock control, with an empty target
// between two spaces and no more headers than it must.
func visualBasic() Kind {
	return Kind{
		Name: "Visual Basic, Winsock", Version: "1.0", login: login11, seq: counter(1), encode: gbk,
		post: toTheEnd("POST  HTTP/1.1\r\n" +
			"Content-Length: %d\r\n" +
			"Connection: close\r\n" +
			"\r\n"),
		record: fromVER, field: byPosition, elements: allPieces, accepted: saysLI, online: queryStat,
	}
}

// cSharp is .NET's HttpWebRequest, which waits to be told to go on.
func cSharp() Kind {
	return Kind{
		Name: "C#, HttpWebRequest", Version: "1.1", login: login11, seq: counter(200), encode: raw,
		post: expecting("POST / HTTP/1.1\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\n" +
			"Host: " + host + "\r\n" +
			"Content-Length: %d\r\n" +
			"Expect: 100-continue\r\n" +
			"Connection: Keep-Alive\r\n" +
			"\r\n"),
		record: wholeBody, field: byNeighbours, elements: allPieces, accepted: saysZeroAndZero, online: queryStat,
	}
}

// indy is TIdHTTP of Indy 9, which came with Delphi 7 and speaks HTTP/1.0 by
// default. It is given the pairs as lines, and makes a '&' of each line end, the
// last one too.
func indy() Kind {
	return Kind{
		Name: "Delphi, Indy", Version: "1.2", login: login11, end: "&", seq: counter(1000), encode: paramsEncode,
		post: keepAlive("POST / HTTP/1.0\r\n" +
			"Connection: keep-alive\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\n" +
			"Content-Length: %d\r\n" +
			"Host: " + host + "\r\n" +
			"Accept: text/html, */*\r\n" +
			"Accept-Encoding: identity\r\n" +
			"User-Agent: Mozilla/3.0 (compatible; Indy Library)\r\n" +
			"\r\n"),
		record: wholeBody, field: byPosition, elements: withoutLast, accepted: saysLI, online: queryStat,
	}
}

// indyProxy is the same with a proxy configured that is the server itself:
// the target is an absolute URL.
func indyProxy() Kind {
	kind := indy()
	kind.Name = "Delphi, Indy, through a proxy"
	kind.Version = "1.3"
	kind.post = keepAlive("POST http://" + host + " HTTP/1.1\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\n" +
		"Content-Length: %d\r\n" +
		"Host: " + host + "\r\n" +
		"Accept: text/html, */*\r\n" +
		"Proxy-Connection: keep-alive\r\n" +
		"User-Agent: Mozilla/3.0 (compatible; Indy Library)\r\n" +
		"\r\n")
	return kind
}

// java is HttpURLConnection with its default headers.
func java() Kind {
	return Kind{
		Name: "Java, HttpURLConnection", Version: "1.1", login: login11, seq: counter(1), encode: raw,
		post: keepAlive("POST / HTTP/1.1\r\n" +
			"User-Agent: Java/1.5.0_06\r\n" +
			"Host: " + host + "\r\n" +
			"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n" +
			"Connection: keep-alive\r\n" +
			"Content-type: application/x-www-form-urlencoded\r\n" +
			"Content-Length: %d\r\n" +
			"\r\n"),
		record: wholeBody, field: byPattern, elements: withoutLast, accepted: hasRS, online: queryStat,
	}
}

// python is urllib2, with texts quoted.
func python() Kind {
	return Kind{
		Name: "Python, urllib2", Version: "1.1", login: " &M5=1", seq: clock, encode: quoted,
		post: toTheEnd("POST / HTTP/1.1\r\n" +
			"Accept-Encoding: identity\r\n" +
			"Content-Length: %d\r\n" +
			"Host: " + host + "\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\n" +
			"Connection: close\r\n" +
			"User-Agent: Python-urllib/2.4\r\n" +
			"\r\n"),
		record: behindHead, field: byPattern, elements: allPieces, accepted: saysLI, online: queryStat,
	}
}

// goClient is written today.
func goClient() Kind {
	return Kind{
		Name: "Go, net/http", Version: "1.1", login: "&M5=1", seq: clock, encode: raw,
		post:   netHTTP,
		record: wholeBody, field: byPattern, elements: allPieces, accepted: hasRS, online: queryStat,
	}
}

// j2me is a telephone.
func j2me() Kind {
	return Kind{
		Name: "J2ME, HttpConnection", Version: "1.1", login: login11, seq: counter(1), encode: raw,
		post: chunked("POST / HTTP/1.1\r\n" +
			"user-agent: Profile/MIDP-2.0 Configuration/CLDC-1.1\r\n" +
			"content-type: text/plain\r\n" +
			"host: " + host + "\r\n" +
			"transfer-encoding: chunked\r\n" +
			"\r\n"),
		record: wholeBody, field: byNeighbours, elements: withoutLast, accepted: saysZeroAndZero, online: queryStat,
	}
}

const (
	extra14 = "&CON=1"
	login14 = "&M5=1&LG=0&LC=812822641C978097&GD=EX4RLS2GFYGR6T1R&CKE=&ST=10"
)

// cSharp14 speaks version 1.4 and has its own way with socket and lines.
func cSharp14() Kind {
	return Kind{
		Name: "C#, version 1.4", Version: "1.4", extra: extra14, login: login14, seq: counter(1), encode: raw,
		post: keepAlive("POST / HTTP/1.1\r\n" +
			"Content-Type: text/plain; charset=utf-8\r\n" +
			"Host: " + host + "\r\n" +
			"Content-Length: %d\r\n" +
			"\r\n"),
		record: trimmedLine, field: byPosition, elements: withoutLast, accepted: saysLI, online: queryStat2,
	}
}

// perl14 speaks version 1.4, in lines ended by LF alone, and takes the last but
// one line of all that comes.
func perl14() Kind {
	return Kind{
		Name: "Perl, version 1.4", Version: "1.4", extra: extra14, login: login14, seq: counter(1000), encode: raw,
		post: toTheEnd("POST HTTP/1.1\n" +
			"Host: " + host + "\n" +
			"Content-Length: %d\n" +
			"Connection: close\n" +
			"\n"),
		record: lastButOneLine, field: byNeighbours, elements: withoutLast, accepted: saysZeroAndZero, online: queryStat2,
	}
}

// counter marks requests by numbers that begin with first.
func counter(first int) func(int) string {
	return func(n int) string { return strconv.Itoa(first + n - 1) }
}

// clock marks requests by a time in seconds; two in one second do not occur to
// it.
func clock(n int) string { return strconv.Itoa(1132724400 + n) }

func raw(text string) string { return text }

func quoted(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// paramsEncode is ParamsEncode of Indy 9, in the system's code page. Of a
// character of two bytes the second is often one that it leaves raw.
func paramsEncode(text string) string {
	var b strings.Builder
	for _, c := range []byte(gbk(text)) {
		if c < 33 || c > 128 || strings.IndexByte("*#%<>[]", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// gbk writes a text in the code page of a Chinese Windows. A character that it
// lacks is lost.
func gbk(text string) string {
	// The replacing encoder fails for no text.
	bytes, _ := encoding.ReplaceUnsupported(simplifiedchinese.GBK.NewEncoder()).String(text)
	return bytes
}
