package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
)

func TestLoginAddresses(t *testing.T) {
	for _, test := range []struct{ address, port, account, post, live string }{
		{"qq://10001@chat.example", "", "10001@chat.example",
			"http://10001@chat.example", "qq://10001@chat.example ws://10001@chat.example"},
		{"qq://10001@chat.example", "14000", "10001@chat.example",
			"http://10001@chat.example:14000 http://10001@chat.example",
			"qq://10001@chat.example:14000 qq://10001@chat.example ws://10001@chat.example:14000 " +
				"ws://10001@chat.example"},
		{"http://10001@[fe80::1%25eth0]", "8000", "10001@[fe80::1%eth0]",
			"http://10001@[fe80::1%25eth0]:8000 http://10001@[fe80::1%25eth0]",
			"qq://10001@[fe80::1%25eth0]:8000 qq://10001@[fe80::1%25eth0] ws://10001@[fe80::1%25eth0]:8000 " +
				"ws://10001@[fe80::1%25eth0]"},
		{"qq://10001@Chat.example:14000", "", "10001@chat.example",
			"http://10001@Chat.example:14000", "qq://10001@Chat.example:14000 ws://10001@Chat.example:14000"},
		{"tcp://10001@[::1]:9000", "", "10001@[::1]:9000", "http://10001@[::1]:9000",
			"tcp://10001@[::1]:9000 ws://10001@[::1]:9000"},
		{"http://10001@127.0.0.1:8000", "", "10001@127.0.0.1",
			"http://10001@127.0.0.1:8000", "qq://10001@127.0.0.1:8000 ws://10001@127.0.0.1:8000"},
		{"https://10001@chat.example/", "443", "10001@chat.example",
			"https://10001@chat.example:443/ https://10001@chat.example/",
			"wss://10001@chat.example:443 wss://10001@chat.example"},
		{"wss://10001@chat.example/ws", "", "10001@chat.example", "https://10001@chat.example",
			"wss://10001@chat.example/ws"},
		{"ws://10001@chat.example:81", "", "10001@chat.example:81", "http://10001@chat.example:81",
			"ws://10001@chat.example:81"},
	} {
		l := login{Address: test.address, Port: test.port}
		if got := l.accountName(); got != test.account {
			t.Errorf("%s is %s, want %s", test.address, got, test.account)
		}
		if got := strings.Join(l.httpAddresses(), " "); got != test.post {
			t.Errorf("%s posts to %s, want %s", test.address, got, test.post)
		}
		if got := strings.Join(l.liveAddresses(), " "); got != test.live {
			t.Errorf("%s connects to %s, want %s", test.address, got, test.live)
		}
	}
}

// ownConfig gives a test a configuration directory of its own.
func ownConfig(t *testing.T) {
	t.Cleanup(xdg.Reload) // after the variable is as it was
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	xdg.Reload()
}

// keepLogin keeps a login, with a token.
func keepLogin(t *testing.T, l login) {
	t.Helper()
	lock, locked, err := l.tryLock()
	if err != nil || !locked {
		t.Fatal(locked, err)
	}
	defer lock.Unlock()
	draft, err := l.newDraft()
	if err != nil {
		t.Fatal(err)
	}
	l.Token = "rk_" + strings.Repeat("0", 43)
	if err := draft.commit(l); err != nil {
		t.Fatal(err)
	}
}

// failOn fails the test where a login is skipped.
func failOn(t *testing.T) func(error) { return func(err error) { t.Error(err) } }

func TestFindLoginsPrefersTheLatestLogin(t *testing.T) {
	ownConfig(t)
	for i, l := range []login{
		{Address: "qq://10001@one.example", Device: "old"},
		{Address: "qq://10001@two.example", Device: "a"},
		{Address: "http://10002@one.example", Device: "a"},
		{Address: "http://10001@one.example:8000", Device: "new"},
	} {
		l.LoggedInAt = time.Unix(int64(i), 0)
		keepLogin(t, l)
	}
	for account, want := range map[string][]string{
		"":                  {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10001":             {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10001@two.example": {"qq://10001@two.example"},
		"10001@One.Example": {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10002":             {"http://10002@one.example"},
	} {
		found, err := findLogins(account, failOn(t))
		if err != nil || len(found) != len(want) {
			t.Errorf("%q finds %v, %v, want %v", account, found, err, want)
			continue
		}
		for i := range want {
			if found[i].Address != want[i] {
				t.Errorf("%q finds %v, want %v", account, found, want)
			}
		}
	}
}

func TestNewLoginOfADeviceReplacesTheOldOne(t *testing.T) {
	ownConfig(t)
	for i, address := range []string{"qq://10001@one.example", "http://10001@ONE.example:8000"} {
		keepLogin(t, login{Address: address, Device: "a", LoggedInAt: time.Unix(int64(i), 0)})
	}
	found, err := loadLogins(failOn(t))
	if err != nil || len(found) != 1 || found[0].Address != "http://10001@ONE.example:8000" {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestSavingALoginMakesItsDirectoryPrivate(t *testing.T) {
	ownConfig(t)
	if err := os.MkdirAll(loginDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(loginDir(), 0o755); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	l := login{Address: "qq://10001@one.example"}
	keepLogin(t, l)
	for name, want := range map[string]os.FileMode{loginDir(): 0o700, l.basePath() + ".json": 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestDamagedLoginFilesAreReportedAndSkipped(t *testing.T) {
	ownConfig(t)
	whole := login{Address: "qq://10001@one.example", Device: "a", LoggedInAt: time.Unix(0, 0)}
	keepLogin(t, whole)
	text, err := os.ReadFile(whole.basePath() + ".json")
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string]string{
		"empty":   "",
		"half":    string(text[:len(text)/2]),
		"zeros":   strings.Repeat("\x00", len(text)),
		"object":  "{}",
		"list":    "[]",
		"account": strings.Replace(string(text), "10001@", "", 1),
		"token":   strings.Replace(string(text), "rk_0", "rk_", 1),
		"scheme":  strings.Replace(string(text), "qq:", "gopher:", 1),
		"no host": strings.Replace(string(text), "one.example", "", 1),
	}
	for name, text := range damaged {
		if err := os.WriteFile(filepath.Join(loginDir(), name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(loginDir(), "folder.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	found, err := loadLogins(func(err error) { said[err.Error()] = true })
	if err != nil || len(found) != 1 || found[0].Address != whole.Address {
		t.Errorf("found %+v, error %v", found, err)
	}
	for name := range damaged {
		want := filepath.Join(loginDir(), name+".json") + " is not a stored login; remove it and log in again"
		if !said[want] {
			t.Errorf("it is not said that %s", want)
		}
	}
	if len(said) != len(damaged)+1 {
		t.Errorf("said was %v", said)
	}
}
