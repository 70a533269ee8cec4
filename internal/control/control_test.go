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

// listen answers the socket of a directory until the test ends.
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

// TestAnOperatorActs runs every action in both forms: on a service in the same
// process, and over the socket.
func TestAnOperatorActs(t *testing.T) {
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
	for form, operator := range forms {
		t.Run(form, func(t *testing.T) {
			messenger := newService(t)
			o := operator(t, messenger)
			t.Run("adding an account without number and password makes both",
				func(t *testing.T) { addMakesBoth(t, messenger, o) })
			t.Run("a change takes what is named and leaves the rest",
				func(t *testing.T) { changeTakesWhatIsNamed(t, o) })
			t.Run("a new password ends the sessions", func(t *testing.T) { passwordEndsSessions(t, messenger, o) })
			t.Run("a notice goes to all named or to none", func(t *testing.T) { noticeToAllOrNone(t, o) })
			t.Run("two accounts become friends at a word of the operator's",
				func(t *testing.T) { befriendTakesBoth(t, messenger, o) })
			t.Run("devices are listed and revoked", func(t *testing.T) { devicesAreRevoked(t, messenger, o) })
			t.Run("a removed account is gone", func(t *testing.T) { removedIsGone(t, o) })
			t.Run("an error keeps its code and its text", func(t *testing.T) { errorsKeepCodeAndText(t, o) })
		})
	}
}

func addMakesBoth(t *testing.T, messenger *service.Service, operator *control.Operator) {
	added, err := operator.AddAccount(t.Context(),
		control.NewAccount{Settings: control.Settings{"nick": "Pingu, Jr", "rule": "open", "age": "9"}})
	if err != nil {
		t.Fatal(err)
	}
	if added.UIN != rookery.FirstUIN || added.Password == "" {
		t.Errorf("added %+v, want account %d with a password", added, rookery.FirstUIN)
	}
	if ok, err := messenger.CheckPassword(t.Context(), added.UIN, added.Password); err != nil || !ok {
		t.Errorf("the password that was made is not the account's (%v)", err)
	}
	action := only(t, operator)
	if action.Profile.Nick != "Pingu, Jr" || action.Rule != rookery.RuleOpen || action.Profile.Age != 9 ||
		!action.Strangers {
		t.Errorf("added %+v", action)
	}
}

func changeTakesWhatIsNamed(t *testing.T, operator *control.Operator) {
	account, err := operator.ChangeAccount(t.Context(), rookery.FirstUIN,
		control.Settings{"city": "深圳", "strangers": "no"})
	if err != nil {
		t.Fatal(err)
	}
	if account.Profile.City != "深圳" || account.Strangers || account.Profile.Nick != "Pingu, Jr" ||
		account.Rule != rookery.RuleOpen {
		t.Errorf("the account is %+v", account)
	}
	if got := only(t, operator).Account; got.Profile != account.Profile {
		t.Errorf("listed is %+v, changed was %+v", got, account)
	}
}

func passwordEndsSessions(t *testing.T, messenger *service.Service, operator *control.Operator) {
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
	if action := only(t, operator); len(action.Sessions) != 1 || action.Sessions[0].Address.String() != "192.0.2.1" ||
		action.Status != rookery.StatusOnline {
		t.Fatalf("signed in is %+v, looks %v", action.Sessions, action.Status)
	}
	if generated, err := operator.SetPassword(t.Context(), rookery.FirstUIN, "a new one"); err != nil ||
		generated != "" {
		t.Fatalf("made %q, error %v", generated, err)
	}
	if action := only(t, operator); len(action.Sessions) != 0 || action.Status != rookery.StatusOffline {
		t.Errorf("signed in is %+v, looks %v", action.Sessions, action.Status)
	}
}

func noticeToAllOrNone(t *testing.T, operator *control.Operator) {
	if err := operator.SendNotice(t.Context(), "hello", []rookery.UIN{rookery.FirstUIN}); err != nil {
		t.Error(err)
	}
	err := operator.SendNotice(t.Context(), "hello", []rookery.UIN{rookery.FirstUIN, 99999})
	if rookery.CodeOf(err) != rookery.CodeNoAccount || !strings.Contains(err.Error(), "99999") {
		t.Errorf("error %v, want one that names 99999", err)
	}
}

func befriendTakesBoth(t *testing.T, messenger *service.Service, operator *control.Operator) {
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
		t.Errorf("its friends are %v, error %v", friends, err)
	}
	if err := operator.Befriend(t.Context(), other.UIN, 99999); rookery.CodeOf(err) != rookery.CodeNoAccount {
		t.Errorf("error %v, want CodeNoAccount", err)
	}
	if err := operator.RemoveAccount(t.Context(), other.UIN); err != nil {
		t.Fatal(err)
	}
}

func devicesAreRevoked(t *testing.T, messenger *service.Service, operator *control.Operator) {
	proof := auth.ProofOf("a new one")
	input := service.SignInRequest{UIN: rookery.FirstUIN, Proof: &proof, Address: netip.MustParseAddr("192.0.2.1"),
		Device: "phone"}
	_, token, err := messenger.SignIn(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	devices, err := operator.ListDevices(t.Context(), rookery.FirstUIN)
	if err != nil || len(devices) != 1 || devices[0].Name != "phone" || !devices[0].SignedIn {
		t.Fatalf("devices are %+v, error %v", devices, err)
	}
	if err := operator.RevokeDevice(t.Context(), rookery.FirstUIN, devices[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := messenger.AuthenticateSession(t.Context(), rookery.FirstUIN,
		service.Caller{Token: token}); rookery.CodeOf(err) != rookery.CodeNotSignedIn {
		t.Errorf("its token still gets a session: %v", err)
	}
	if err := operator.RevokeDevice(t.Context(), rookery.FirstUIN,
		devices[0].ID); rookery.CodeOf(err) != rookery.CodeParameter {
		t.Errorf("error %v, want CodeParameter", err)
	}
	if _, err := operator.ListDevices(t.Context(), 99999); rookery.CodeOf(err) != rookery.CodeNoAccount {
		t.Errorf("error %v, want CodeNoAccount", err)
	}
}

func removedIsGone(t *testing.T, operator *control.Operator) {
	if err := operator.RemoveAccount(t.Context(), rookery.FirstUIN); err != nil {
		t.Fatal(err)
	}
	if unused, err := operator.ListAccounts(t.Context(), rookery.System, 10); err != nil || len(unused) != 0 {
		t.Errorf("left are %v, error %v", unused, err)
	}
}

func errorsKeepCodeAndText(t *testing.T, operator *control.Operator) {
	_, err := operator.ChangeAccount(t.Context(), 12345, control.Settings{"nick": "x"})
	if rookery.CodeOf(err) != rookery.CodeNoAccount {
		t.Errorf("error %v, want CodeNoAccount", err)
	}
	_, err = operator.AddAccount(t.Context(), control.NewAccount{Settings: control.Settings{"nick": "x", "age": "old"}})
	if want := `age: "old" is not a number`; rookery.CodeOf(err) != rookery.CodeParameter ||
		rookery.TextOf(err) != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// only returns the one account that there is.
func only(t *testing.T, operator *control.Operator) service.AccountInfo {
	t.Helper()
	all, err := operator.ListAccounts(t.Context(), rookery.System, 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d accounts, error %v", len(all), err)
	}
	return all[0]
}

func TestASocketLeftByAKilledServerIsNoServer(t *testing.T) {
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

func TestTheSocketIsTheOwnersAloneAndGoesWithTheServer(t *testing.T) {
	dataDir := t.TempDir()
	listener := listen(t, dataDir, http.NotFoundHandler())
	info, err := os.Stat(filepath.Join(dataDir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, want 0600", info.Mode().Perm())
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if unused, err := os.ReadDir(dataDir); err != nil || len(unused) != 0 {
		t.Errorf("left are %v, error %v", unused, err)
	}
}

func TestNoServerWhereThereIsNoSocket(t *testing.T) {
	if _, err := control.Dial(t.Context(), t.TempDir()); !errors.Is(err, control.ErrNoServer) {
		t.Errorf("error %v, want ErrNoServer", err)
	}
}

func TestAServerOfAnotherVersionIsNamedAsSuch(t *testing.T) {
	dataDir := t.TempDir()
	listen(t, dataDir, http.NotFoundHandler())
	err := dialSocket(t, dataDir).RemoveAccount(t.Context(), 10001)
	if rookery.CodeOf(err) != rookery.CodeTemporary || !strings.Contains(err.Error(), "version") {
		t.Errorf("error %v", err)
	}
}

func TestAnAnswerThatDoesNotComeIsNotTakenForAFailure(t *testing.T) {
	dataDir := t.TempDir()
	listen(t, dataDir, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	err := dialSocket(t, dataDir).RemoveAccount(t.Context(), 10001)
	if rookery.CodeOf(err) != rookery.CodeTemporary ||
		!strings.Contains(rookery.TextOf(err), "see whether it was done") {
		t.Errorf("error %v", err)
	}
}

func TestARequestIsFinishedThoughTheCommandHasGone(t *testing.T) {
	messenger := newService(t)
	h := control.Handler(messenger)
	dataDir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	listen(t, dataDir, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // only then does a server see its client go
		r.Body = io.NopCloser(bytes.NewReader(body))
		cancel()
		<-r.Context().Done()
		h.ServeHTTP(w, r)
		close(answered)
	}))
	_, err := dialSocket(t, dataDir).AddAccount(ctx, control.NewAccount{Settings: control.Settings{"nick": "x"}})
	if err == nil {
		t.Fatal("the command has got an answer")
	}
	<-answered
	only(t, control.NewOperator(messenger))
}

func TestSettingsNameTheirFields(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings control.Settings
		error    string
	}{
		{"nothing is fine", nil, ""},
		{"every field takes a text of its kind", control.Settings{"nick": "a", "face": "270", "rule": "closed",
			"show-private": "yes"}, ""},
		{"an unknown field is named", control.Settings{"nick": "a", "shoe-size": "4"}, `"shoe-size" is no field`},
		{"a number must be one", control.Settings{"face": "big"}, `face: "big" is not a number`},
		{"a number has bounds", control.Settings{"animal": "13"}, "zodiac animal is 13"},
		{"yes and no are spelt out", control.Settings{"findable": "true"}, `findable: "true" is neither yes nor no`},
		{"a rule is one of three", control.Settings{"rule": "maybe"}, "open, ask, closed"},
		{"a text has a most", control.Settings{"nick": strings.Repeat("x", rookery.MaxNickBytes+1)},
			"nick has 97 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.settings.Validate()
			if (err == nil) != (test.error == "") || err != nil && !strings.Contains(err.Error(), test.error) {
				t.Errorf("error %v, want %q", err, test.error)
			}
			if err != nil && rookery.CodeOf(err) != rookery.CodeParameter {
				t.Errorf("code %v, want CodeParameter", rookery.CodeOf(err))
			}
		})
	}
}

func TestAFieldReadsBackWhatWasSet(t *testing.T) {
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
			t.Errorf("%s is %q, want %q", field.Name, got, want[field.Name])
		}
	}
}

func TestAShortSocketPathIsMadeOfALongOne(t *testing.T) {
	dataDir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	listener, err := control.Listen(dataDir)
	if runtime.GOOS != "linux" {
		if err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("error %v, want one that says that the path is too long", err)
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
