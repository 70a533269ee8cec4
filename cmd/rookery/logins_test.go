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
	for _, test := range []struct{ address, port, account, httpAddresses, liveAddresses string }{
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
			t.Errorf("account of %s = %s, want %s", test.address, got, test.account)
		}
		if got := strings.Join(l.httpAddresses(), " "); got != test.httpAddresses {
			t.Errorf("HTTP addresses of %s = %s, want %s", test.address, got, test.httpAddresses)
		}
		if got := strings.Join(l.liveAddresses(), " "); got != test.liveAddresses {
			t.Errorf("live addresses of %s = %s, want %s", test.address, got, test.liveAddresses)
		}
	}
}

// useTempConfig gives a test its own configuration directory.
func useTempConfig(t *testing.T) {
	t.Cleanup(xdg.Reload) // runs after Setenv has restored the variable
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	xdg.Reload()
}

// saveLogin saves a login with a token.
func saveLogin(t *testing.T, l login) {
	t.Helper()
	lock, locked, err := l.tryLock()
	if err != nil || !locked {
		t.Fatalf("tryLock = %v, %v, want the lock", locked, err)
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

// failOnSkip returns a handler of skipped logins that fails the test.
func failOnSkip(t *testing.T) func(error) { return func(err error) { t.Error(err) } }

func TestFindLoginsPrefersTheLatestLogin(t *testing.T) {
	useTempConfig(t)
	for i, l := range []login{
		{Address: "qq://10001@one.example", Device: "old"},
		{Address: "qq://10001@two.example", Device: "a"},
		{Address: "http://10002@one.example", Device: "a"},
		{Address: "http://10001@one.example:8000", Device: "new"},
	} {
		l.LoggedInAt = time.Unix(int64(i), 0)
		saveLogin(t, l)
	}
	for account, want := range map[string][]string{
		"":                  {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10001":             {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10001@two.example": {"qq://10001@two.example"},
		"10001@One.Example": {"http://10001@one.example:8000", "qq://10001@one.example"},
		"10002":             {"http://10002@one.example"},
	} {
		found, err := findLogins(account, failOnSkip(t))
		if err != nil || len(found) != len(want) {
			t.Errorf("findLogins(%q) = %v, %v, want %v", account, found, err, want)
			continue
		}
		for i := range want {
			if found[i].Address != want[i] {
				t.Errorf("findLogins(%q) = %v, want %v", account, found, want)
			}
		}
	}
}

func TestNewLoginOfADeviceReplacesTheOldOne(t *testing.T) {
	useTempConfig(t)
	for i, address := range []string{"qq://10001@one.example", "http://10001@ONE.example:8000"} {
		saveLogin(t, login{Address: address, Device: "a", LoggedInAt: time.Unix(int64(i), 0)})
	}
	found, err := loadLogins(failOnSkip(t))
	if err != nil || len(found) != 1 || found[0].Address != "http://10001@ONE.example:8000" {
		t.Errorf("loadLogins = %v, %v, want the second login", found, err)
	}
}

func TestSavingALoginMakesItsDirectoryPrivate(t *testing.T) {
	useTempConfig(t)
	if err := os.MkdirAll(loginDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(loginDir(), 0o755); err != nil { // Mkdir applies the umask
		t.Fatal(err)
	}
	l := login{Address: "qq://10001@one.example"}
	saveLogin(t, l)
	for name, want := range map[string]os.FileMode{loginDir(): 0o700, l.basePath() + ".json": 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s = %v, want %v", name, got, want)
		}
	}
}

func TestDamagedLoginFilesAreReportedAndSkipped(t *testing.T) {
	useTempConfig(t)
	valid := login{Address: "qq://10001@one.example", Device: "a", LoggedInAt: time.Unix(0, 0)}
	saveLogin(t, valid)
	text, err := os.ReadFile(valid.basePath() + ".json")
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
	reported := map[string]bool{}
	found, err := loadLogins(func(err error) { reported[err.Error()] = true })
	if err != nil || len(found) != 1 || found[0].Address != valid.Address {
		t.Errorf("loadLogins = %+v, %v, want the valid login", found, err)
	}
	for name := range damaged {
		want := filepath.Join(loginDir(), name+".json") + " is not a stored login; remove it and log in again"
		if !reported[want] {
			t.Errorf("no error says %q", want)
		}
	}
	if len(reported) != len(damaged)+1 {
		t.Errorf("got %d errors, want %d: %v", len(reported), len(damaged)+1, reported)
	}
}
