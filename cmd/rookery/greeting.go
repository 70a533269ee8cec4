package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/rookery-im/rookery"
)

// samplePassword is what the lines for the first start give to accounts. It is
// no secret, so the server warns while an account has it.
const samplePassword = "change-this"

// sampleAccounts are those that the lines for the first start add.
var sampleAccounts = []struct {
	uin  rookery.UIN
	nick string
}{
	{rookery.FirstUIN, "first"},
	{rookery.FirstUIN + 1, "second"},
}

// invocation is how this program was started, so that the lines it prints
// start it again.
type invocation struct {
	program string
	data    string // the data directory, if it is not the default
}

// goRun matches the places where go run puts a program: a temporary directory,
// or its cache.
var goRun = regexp.MustCompile(`/go-build\d+/|/[0-9a-f]{64}-d/`)

func newInvocation(arg0, data string) invocation {
	i := invocation{program: shellQuote(arg0)}
	if goRun.MatchString(filepath.ToSlash(arg0)) {
		i.program = "go run ./cmd/rookery"
	}
	if data != defaultDataDir() {
		i.data = data
	}
	return i
}

// line is the command with arguments, as a shell takes it.
func (i invocation) line(args string) string {
	if i.data != "" {
		args += " --data " + shellQuote(i.data)
	}
	return i.program + " " + args
}

var plainWord = regexp.MustCompile(`^[0-9A-Za-z_./:@%+=,-]+$`)

func shellQuote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// greet prints lines to try the server with, and warns of accounts with the
// sample password.
func (s *server) greet(ctx context.Context, w io.Writer, i invocation) error {
	found, err := s.service.AccountsAfter(ctx, rookery.System, 2)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err = io.WriteString(w, firstStart(i, s.url())+commands(i, sampleAccounts[0].uin, s.url()))
		return err
	}
	var users []user
	for _, accountInfo := range found {
		sample, err := s.service.CheckPassword(ctx, accountInfo.UIN, samplePassword)
		if err != nil {
			return err
		}
		if sample {
			s.log.Warn("an account has the sample password, which is no secret; change it", "account", accountInfo.UIN,
				"with", i.line(fmt.Sprintf("user passwd %d", accountInfo.UIN)))
		}
		users = append(users, user{uin: accountInfo.UIN, strangers: accountInfo.Strangers, sample: sample})
	}
	_, err = io.WriteString(w, "\nTo sign in, send a message and collect it, paste into another terminal:\n\n"+
		chat(users, s.url())+commands(i, users[0].uin, s.url()))
	return err
}

// url is where a client on this machine finds the server.
func (s *server) url() string {
	at := netip.MustParseAddrPort(s.listeners[0].Addr().String())
	if at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	}
	return "http://" + at.String()
}

// firstStart is what to do when there is no account.
func firstStart(i invocation, url string) string {
	var b strings.Builder
	b.WriteString("\nThere is no account yet. To add two, paste into another terminal:\n\n")
	var users []user
	for _, a := range sampleAccounts {
		add := i.line(fmt.Sprintf("user add --uin %d --nick %s --password-stdin", a.uin, a.nick))
		fmt.Fprintf(&b, "printf %%s %s | %s\n", samplePassword, add)
		users = append(users, user{uin: a.uin, strangers: true, sample: true})
	}
	b.WriteString("\nThen, to sign in, send a message and collect it:\n\n")
	b.WriteString(chat(users, url))
	return b.String()
}

// commands is what a person types instead, to talk.
func commands(i invocation, uin rookery.UIN, url string) string {
	at := fmt.Sprintf("%d@%s", uin, strings.TrimPrefix(url, "http://"))
	return fmt.Sprintf("\nOr talk on the terminal; the login asks for the password:\n\n%s login %s\n%s chat\n", i.program, at, i.program)
}

// user is an account in the lines to paste.
type user struct {
	uin       rookery.UIN
	strangers bool // anybody may write to it
	sample    bool // it has the sample password
}

// chat is lines for a shell with which the first user writes to the last one,
// or to itself where the last takes no messages of strangers.
func chat(users []user, url string) string {
	from, to := users[0], users[len(users)-1]
	if !to.strangers {
		to = from
	}
	if from == to {
		users = []user{from}
	}
	var ask, talk strings.Builder
	for n, user := range users {
		password := samplePassword
		if !user.sample {
			variable := fmt.Sprintf("P%d", n+1)
			password = `"$` + variable + `"`
			fmt.Fprintf(&ask, "printf 'Password of %d: '; IFS= read -r %s; echo\n", user.uin, variable)
		}
		talk.WriteString(curl(url, fmt.Sprintf("CMD=Login&UIN=%d&M5=1&PS=$(printf %%s %s | %s)", user.uin, password, md5Command())))
	}
	talk.WriteString(curl(url, fmt.Sprintf("CMD=CLTMSG&UIN=%d&UN=%d&MG=hello", from.uin, to.uin)))
	talk.WriteString(curl(url, fmt.Sprintf("CMD=GetMsgEx&UIN=%d", to.uin)))
	if ask.Len() == 0 {
		return talk.String()
	}
	// In a brace group a shell has read all lines before it runs the first, so
	// that read gets what is typed and not the next line of the paste.
	return "{\nstty -echo 2>/dev/null\n" + ask.String() + "stty echo 2>/dev/null\n" + talk.String() + "}\n"
}

// curl is a line that posts a record with a fresh mark, which must not repeat.
func curl(url, rest string) string {
	return fmt.Sprintf(`curl -sS -w '\n' -d "VER=1.1&SEQ=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')&%s" %s`+"\n", rest, url)
}

// md5Command prints the MD5 of its input in hex, and nothing else.
func md5Command() string {
	if runtime.GOOS == "darwin" {
		return "md5 -q"
	}
	return "md5sum | cut -c1-32"
}
