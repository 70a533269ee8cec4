package control_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
)

func newService(t *testing.T) *service.Service {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "rookery.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	messenger := service.New(service.Config{
		Store: store, Now: time.Now, Passwords: auth.New(auth.Config{Cost: auth.TestCost}),
	})
	if err := messenger.LoadSessions(t.Context()); err != nil {
		t.Fatal(err)
	}
	return messenger
}

// listen serves the socket of a directory until the test ends.
func listen(t *testing.T, dataDir string, h http.Handler) net.Listener {
	t.Helper()
	listener, err := control.Listen(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return listener
}

func dialSocket(t *testing.T, dataDir string) *control.Operator {
	t.Helper()
	operator, err := control.Dial(t.Context(), dataDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(operator.Close)
	return operator
}

// TestOperator runs every action in the same process and over the socket.
func TestOperator(t *testing.T) {
	forms := map[string]func(*testing.T, *service.Service) *control.Operator{
		"in the same process": func(_ *testing.T, messenger *service.Service) *control.Operator {
			return control.NewOperator(messenger)
		},
		"over the socket": func(t *testing.T, messenger *service.Service) *control.Operator {
			dataDir := t.TempDir()
			listen(t, dataDir, control.Handler(messenger))
			return dialSocket(t, dataDir)
		},
	}
	for name, newOperator := range forms {
		t.Run(name, func(t *testing.T) {
			messenger := newService(t)
			o := newOperator(t, messenger)
			// The steps share one account: the first adds it, a later one removes it.
			t.Run("AddAccount chooses number and password", func(t *testing.T) { testAddAccount(t, messenger, o) })
			t.Run("ChangeAccount changes only the named settings", func(t *testing.T) { testChangeAccount(t, o) })
			t.Run("SetPassword ends the sessions", func(t *testing.T) { testSetPassword(t, messenger, o) })
			t.Run("SendNotice reaches all accounts or none", func(t *testing.T) { testSendNotice(t, o) })
			t.Run("Befriend asks nobody", func(t *testing.T) { testBefriend(t, messenger, o) })
			t.Run("RevokeDevice ends the session of a device", func(t *testing.T) { testDevices(t, messenger, o) })
			t.Run("RemoveAccount leaves no account", func(t *testing.T) { testRemoveAccount(t, o) })
			t.Run("errors keep their code and text", func(t *testing.T) { testErrors(t, o) })
		})
	}
}

func testAddAccount(t *testing.T, messenger *service.Service, operator *control.Operator) {
	added, err := operator.AddAccount(t.Context(),
		control.NewAccount{Settings: control.Settings{"nick": "Pingu, Jr", "rule": "open", "age": "9"}})
	if err != nil {
		t.Fatal(err)
	}
	if added.UIN != rookery.FirstUIN || added.Password == "" {
		t.Errorf("AddAccount = %+v, want account %d with a password", added, rookery.FirstUIN)
	}
	if ok, err := messenger.CheckPassword(t.Context(), added.UIN, added.Password); err != nil || !ok {
		t.Errorf("CheckPassword of the generated password = %v, %v, want true", ok, err)
	}
	account := onlyAccount(t, operator)
	if account.Profile.Nick != "Pingu, Jr" || account.FriendRule != rookery.RuleOpen || account.Profile.Age != 9 ||
		!account.AllowStrangers {
		t.Errorf("got account %+v, want the given settings and the defaults", account)
	}
}

func testChangeAccount(t *testing.T, operator *control.Operator) {
	account, err := operator.ChangeAccount(t.Context(), rookery.FirstUIN,
		control.Settings{"city": "深圳", "strangers": "no"})
	if err != nil {
		t.Fatal(err)
	}
	if account.Profile.City != "深圳" || account.AllowStrangers || account.Profile.Nick != "Pingu, Jr" ||
		account.FriendRule != rookery.RuleOpen {
		t.Errorf("got account %+v, want only city and strangers changed", account)
	}
	if got := onlyAccount(t, operator).Account; got.Profile != account.Profile {
		t.Errorf("ListAccounts returns %+v, want %+v", got, account)
	}
}

func testSetPassword(t *testing.T, messenger *service.Service, operator *control.Operator) {
	generated, err := operator.SetPassword(t.Context(), rookery.FirstUIN, "")
	if err != nil {
		t.Fatal(err)
	}
	proof := auth.ProofOf(generated)
	_, _, err = messenger.SignIn(t.Context(), service.SignInRequest{
		UIN: rookery.FirstUIN, Proof: &proof, Address: netip.MustParseAddr("192.0.2.1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	account := onlyAccount(t, operator)
	if len(account.Sessions) != 1 || account.Sessions[0].Address.String() != "192.0.2.1" ||
		account.Status != rookery.StatusOnline {
		t.Fatalf("got sessions %+v, status %v, want one session, online", account.Sessions, account.Status)
	}
	if generated, err := operator.SetPassword(t.Context(), rookery.FirstUIN, "a new one"); err != nil ||
		generated != "" {
		t.Fatalf("SetPassword = %q, %v, want no generated password", generated, err)
	}
	if account := onlyAccount(t, operator); len(account.Sessions) != 0 || account.Status != rookery.StatusOffline {
		t.Errorf("got sessions %+v, status %v, want none, offline", account.Sessions, account.Status)
	}
}

func testSendNotice(t *testing.T, operator *control.Operator) {
	if err := operator.SendNotice(t.Context(), "hello", []rookery.UIN{rookery.FirstUIN}); err != nil {
		t.Error(err)
	}
	err := operator.SendNotice(t.Context(), "hello", []rookery.UIN{rookery.FirstUIN, 99999})
	if rookery.CodeOf(err) != rookery.CodeNoAccount || !strings.Contains(err.Error(), "99999") {
		t.Errorf("got error %v, want one that names 99999", err)
	}
}

func testBefriend(t *testing.T, messenger *service.Service, operator *control.Operator) {
	other, err := operator.AddAccount(t.Context(),
		control.NewAccount{Settings: control.Settings{"nick": "other", "rule": "closed"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := operator.Befriend(t.Context(), rookery.FirstUIN, other.UIN); err != nil {
		t.Fatal(err)
	}
	proof := auth.ProofOf(other.Password)
	session, _, err := messenger.SignIn(t.Context(),
		service.SignInRequest{UIN: other.UIN, Proof: &proof, Address: netip.MustParseAddr("192.0.2.2")})
	if err != nil {
		t.Fatal(err)
	}
	friends, _, err := messenger.Friends(t.Context(), session, service.PageQuery{Limit: 10})
	if err != nil || !slices.Equal(friends, []rookery.UIN{rookery.FirstUIN}) {
		t.Errorf("Friends = %v, %v, want %d", friends, err, rookery.FirstUIN)
	}
	if err := operator.Befriend(t.Context(), other.UIN, 99999); rookery.CodeOf(err) != rookery.CodeNoAccount {
		t.Errorf("error %v, want CodeNoAccount", err)
	}
	if err := operator.RemoveAccount(t.Context(), other.UIN); err != nil {
		t.Fatal(err)
	}
}

func testDevices(t *testing.T, messenger *service.Service, operator *control.Operator) {
	proof := auth.ProofOf("a new one")
	input := service.SignInRequest{UIN: rookery.FirstUIN, Proof: &proof, Address: netip.MustParseAddr("192.0.2.1"),
		Device: "phone"}
	_, token, err := messenger.SignIn(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	devices, err := operator.ListDevices(t.Context(), rookery.FirstUIN)
	if err != nil || len(devices) != 1 || devices[0].Name != "phone" || !devices[0].SignedIn {
		t.Fatalf("ListDevices = %+v, %v, want phone, signed in", devices, err)
	}
	if err := operator.RevokeDevice(t.Context(), rookery.FirstUIN, devices[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := messenger.AuthenticateSession(t.Context(), rookery.FirstUIN,
		service.Caller{Token: token}); rookery.CodeOf(err) != rookery.CodeNotSignedIn {
		t.Errorf("the token of the revoked device: got error %v, want CodeNotSignedIn", err)
	}
	if err := operator.RevokeDevice(t.Context(), rookery.FirstUIN,
		devices[0].ID); rookery.CodeOf(err) != rookery.CodeParameter {
		t.Errorf("error %v, want CodeParameter", err)
	}
	if _, err := operator.ListDevices(t.Context(), 99999); rookery.CodeOf(err) != rookery.CodeNoAccount {
		t.Errorf("error %v, want CodeNoAccount", err)
	}
}

func testRemoveAccount(t *testing.T, operator *control.Operator) {
	if err := operator.RemoveAccount(t.Context(), rookery.FirstUIN); err != nil {
		t.Fatal(err)
	}
	if accounts, err := operator.ListAccounts(t.Context(), rookery.System, 10); err != nil || len(accounts) != 0 {
		t.Errorf("ListAccounts = %v, %v, want none", accounts, err)
	}
}

func testErrors(t *testing.T, operator *control.Operator) {
	_, err := operator.ChangeAccount(t.Context(), 12345, control.Settings{"nick": "x"})
	if rookery.CodeOf(err) != rookery.CodeNoAccount {
		t.Errorf("error %v, want CodeNoAccount", err)
	}
	_, err = operator.AddAccount(t.Context(), control.NewAccount{Settings: control.Settings{"nick": "x", "age": "old"}})
	if want := `age: "old" is not a number`; rookery.CodeOf(err) != rookery.CodeParameter ||
		rookery.TextOf(err) != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

// onlyAccount returns the only account. It fails the test if there are none or several.
func onlyAccount(t *testing.T, operator *control.Operator) service.AccountInfo {
	t.Helper()
	accounts, err := operator.ListAccounts(t.Context(), rookery.System, 10)
	if err != nil || len(accounts) != 1 {
		t.Fatalf("ListAccounts returns %d accounts, %v, want one", len(accounts), err)
	}
	return accounts[0]
}

func TestDialIgnoresTheSocketOfAKilledServer(t *testing.T) {
	dataDir := t.TempDir()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dataDir, "control.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	if _, err := control.Dial(t.Context(), dataDir); !errors.Is(err, control.ErrNoServer) {
		t.Errorf("error %v, want ErrNoServer", err)
	}
	listen(t, dataDir, http.NotFoundHandler())
	dialSocket(t, dataDir)
}

func TestSocketIsPrivateAndRemovedOnClose(t *testing.T) {
	dataDir := t.TempDir()
	listener := listen(t, dataDir, http.NotFoundHandler())
	info, err := os.Stat(filepath.Join(dataDir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the socket = %v, want 0600", info.Mode().Perm())
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(dataDir); err != nil || len(files) != 0 {
		t.Errorf("after Close, the directory has %v, %v, want no files", files, err)
	}
}

func TestDialFailsWithoutASocket(t *testing.T) {
	if _, err := control.Dial(t.Context(), t.TempDir()); !errors.Is(err, control.ErrNoServer) {
		t.Errorf("error %v, want ErrNoServer", err)
	}
}

func TestServerOfAnotherVersionIsReported(t *testing.T) {
	dataDir := t.TempDir()
	listen(t, dataDir, http.NotFoundHandler())
	err := dialSocket(t, dataDir).RemoveAccount(t.Context(), 10001)
	if rookery.CodeOf(err) != rookery.CodeTemporary || !strings.Contains(err.Error(), "version") {
		t.Errorf("got error %v, want a temporary one that names the version", err)
	}
}

func TestMissingAnswerMeansUnknownOutcome(t *testing.T) {
	dataDir := t.TempDir()
	listen(t, dataDir, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	err := dialSocket(t, dataDir).RemoveAccount(t.Context(), 10001)
	if rookery.CodeOf(err) != rookery.CodeTemporary ||
		!strings.Contains(rookery.TextOf(err), "see whether it was done") {
		t.Errorf("got error %v, want one that says that the outcome is unknown", err)
	}
}

func TestRequestFinishesAfterItsCommandHasEnded(t *testing.T) {
	messenger := newService(t)
	h := control.Handler(messenger)
	dataDir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	listen(t, dataDir, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // before that, the server does not notice a closed connection
		r.Body = io.NopCloser(bytes.NewReader(body))
		cancel()
		<-r.Context().Done()
		h.ServeHTTP(w, r)
		close(answered)
	}))
	_, err := dialSocket(t, dataDir).AddAccount(ctx, control.NewAccount{Settings: control.Settings{"nick": "x"}})
	if err == nil {
		t.Fatal("AddAccount returned no error after its context was cancelled")
	}
	<-answered
	onlyAccount(t, control.NewOperator(messenger))
}

func TestValidateSettings(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings control.Settings
		wantErr  string
	}{
		{"no settings", nil, ""},
		{"valid values of each type", control.Settings{"nick": "a", "face": "270", "rule": "closed",
			"show-private": "yes"}, ""},
		{"an unknown field", control.Settings{"nick": "a", "shoe-size": "4"}, `"shoe-size" is no field`},
		{"a text for a number", control.Settings{"face": "big"}, `face: "big" is not a number`},
		{"a number out of range", control.Settings{"animal": "13"}, "zodiac animal is 13"},
		{"true for yes", control.Settings{"findable": "true"}, `findable: "true" is neither yes nor no`},
		{"an unknown rule", control.Settings{"rule": "maybe"}, "open, ask, closed"},
		{"a text that is too long", control.Settings{"nick": strings.Repeat("x", rookery.MaxNickBytes+1)},
			"nick has 97 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.settings.Validate()
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("Validate = %v, want %q", err, test.wantErr)
			}
			if err != nil && rookery.CodeOf(err) != rookery.CodeParameter {
				t.Errorf("code = %v, want CodeParameter", rookery.CodeOf(err))
			}
		})
	}
}

func TestFieldsReturnTheValuesSet(t *testing.T) {
	messenger := newService(t)
	operator := control.NewOperator(messenger)
	values := map[string]string{"TEXT": "Tom & Jerry", "N": "1", "yes|no": "yes", "RULE": "closed"}
	want := make(control.Settings)
	for _, field := range control.Fields() {
		want[field.Name] = values[field.Placeholder]
	}
	added, err := operator.AddAccount(t.Context(),
		control.NewAccount{Settings: control.Settings{"nick": "x", "strangers": "no", "findable": "no"}})
	if err != nil {
		t.Fatal(err)
	}
	account, err := operator.ChangeAccount(t.Context(), added.UIN, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range control.Fields() {
		if got := field.Get(account); got != want[field.Name] {
			t.Errorf("%s = %q, want %q", field.Name, got, want[field.Name])
		}
	}
}

func TestLongDataDirectoryGetsAShortSocketPath(t *testing.T) {
	dataDir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	listener, err := control.Listen(dataDir)
	if runtime.GOOS != "linux" {
		if err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("got error %v, want one that says that the path is too long", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	listen(t, dataDir, http.NotFoundHandler())
	dialSocket(t, dataDir)
}
