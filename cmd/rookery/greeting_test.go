package main

import (
	"net"
	"net/netip"
	"os/exec"
	"testing"
)

func TestCommandLineRepeatsTheInvocation(t *testing.T) {
	for _, test := range []struct {
		name       string
		arg0, data string
		want       string
	}{
		{"found in the path", "rookery", "d", "rookery user list --data d"},
		{"by its place", "./bin/rookery", "d", "./bin/rookery user list --data d"},
		{"by a place that a shell would take apart", "/my programs/rookery", "d",
			"'/my programs/rookery' user list --data d"},
		{"by go run", "/tmp/go-build972289055/b001/exe/rookery", "d", "go run ./cmd/rookery user list --data d"},
		{"by go run from its cache",
			"/home/me/.cache/go-build/68/687e46e92689fb2263f728436004ea76d45a2e1b90f22080aa9f4da5fbe1bdc6-d/rookery",
			"d",
			"go run ./cmd/rookery user list --data d"},
		{"on the default directory", "rookery", defaultDataDir(), "rookery user list"},
		{"on a directory that a shell would take apart", "rookery", "it's here",
			`rookery user list --data 'it'\''s here'`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := newInvocation(test.arg0, test.data).commandLine("user list"); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestShellUndoesShellQuote(t *testing.T) {
	for _, word := range []string{"plain", "", "two words", "it's", `$HOME \n "x" & ; *`, "企鹅"} {
		got, err := exec.Command("sh", "-c", "printf %s "+shellQuote(word)).Output()
		if err != nil || string(got) != word {
			t.Errorf("%q is read as %q, error %v", word, got, err)
		}
	}
}

func TestLocalURLCanBeReached(t *testing.T) {
	for _, test := range []struct{ name, listens, want string }{
		{"an address of this machine is taken as it is", "127.0.0.7:8000", "http://127.0.0.7:8000"},
		{"IPv6 is put in brackets", "[::1]:8000", "http://[::1]:8000"},
		{"for all addresses the loopback stands", "0.0.0.0:8000", "http://127.0.0.1:8000"},
		{"so for all of IPv6", "[::]:8000", "http://127.0.0.1:8000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &server{listeners: []net.Listener{listensAt(test.listens)}}
			if got := s.localURL(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// listensAt is a listener that has an address and nothing else.
type listensAt string

func (l listensAt) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(string(l)))
}
func (l listensAt) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l listensAt) Close() error              { return nil }

func TestCurlLinesSkipUsersWhoRejectStrangers(t *testing.T) {
	users := []trialUser{{uin: 10001, acceptsStrangers: true, hasSamplePassword: true},
		{uin: 10002, hasSamplePassword: true}}
	got := curlLines(users, "http://127.0.0.1:8000")
	want := curlLines(users[:1], "http://127.0.0.1:8000")
	if got != want {
		t.Errorf("the lines are\n%s, want those of one account\n%s", got, want)
	}
}
