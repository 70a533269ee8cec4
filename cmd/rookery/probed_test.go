package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/transcript"
)

// probedServer is a server under study, with control URLs that reset it and advance its clock.
type probedServer struct {
	*testServer
	// control answers POSTs to /reset and /clock.
	control    *httptest.Server
	events     eventLog
	credential rookery.Credential // of all accounts
	// crowdMayBeOffline says that sessions of the crowd may have ended.
	crowdMayBeOffline bool
}

// Beside the accounts of experiment files, see resettableAccounts, one account has more
// friends than one answer to List, of whom more are online than one answer to Query_Stat
// has. These friends are the crowd.
const (
	popular        rookery.UIN = 10004
	firstOfCrowd   rookery.UIN = 11001
	crowdSize                  = 1001
	crowdOnline                = 60
	probedPassword             = "123456"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// resettableAccounts returns the accounts that a reset creates anew. The first two are
// friends. Their profiles differ in every field, so that the prober can tell the fields
// of GetInfo apart.
func resettableAccounts() []rookery.Account {
	return []rookery.Account{
		accountWith(10001, rookery.Profile{
			Nick: "Ann", Face: 3, Age: 24, Sex: 1, Blood: 1, Constellation: 3, Animal: 5, Country: "UK",
			Province: "Yorkshire",
			City:     "Leeds", School: "Mill Lane", Job: "baker", HomePage: "http://example.org/?a=1&b=2",
			About:    "100% Ann",
			RealName: "Ann Archer", Mail: "ann@example.org", Phone: "0113555", Mobile: "0700123",
			Address:  "1 Harbour Road, Flat 2",
			PostCode: "LS1"}),
		accountWith(10002, rookery.Profile{
			Nick: "Ben, Jr", Face: 270, Age: 31, Blood: 4, Constellation: 11, Animal: 10, Country: "Ireland",
			Province: "Munster",
			City:     "Cork", School: "St. Mary's", Job: "teacher", HomePage: "http://example.net/",
			About:    "reads, walks",
			RealName: "Benjamin Byrne", Mail: "ben@example.org", Phone: "021444", Mobile: "0850456",
			Address:  "7 Hill Street",
			PostCode: "T12"}),
		accountWith(10003, rookery.Profile{
			Nick: "Cat", Face: 12, Age: 24, Sex: 1, Province: "Flanders", City: "Ghent", RealName: "Cato Claes",
			Mail: "cat@example.org", Phone: "0932", Mobile: "0470789", Address: "Quay 3", PostCode: "9000"}),
		openAccount(),
	}
}

func accountWith(uin rookery.UIN, p rookery.Profile) rookery.Account {
	account := rookery.NewAccount(uin, p.Nick, time.Time{})
	account.Profile = p
	return account
}

// openAccount returns an account that accepts every friend.
func openAccount() rookery.Account {
	account := accountWith(10020, rookery.Profile{Nick: "Open"})
	account.FriendRule = rookery.RuleOpen
	return account
}

// newProbedServer starts a probed server and stops it with the test. Its store is in
// /dev/shm, if that exists, because no test depends on durability.
func newProbedServer(t *testing.T) *probedServer {
	t.Helper()
	var config serverConfig
	if dir, err := os.MkdirTemp("/dev/shm", "rookery-test-*"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		config.dataDir = dir
	}
	p := &probedServer{testServer: newTestServer(t, config), credential: credential(probedPassword)}
	p.stop()
	p.config.log = slog.New(&p.events)
	p.start()
	p.createPopularAccount()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, r *http.Request) {
		if err := p.reset(r.Context()); err != nil {
			t.Logf("the reset failed: %v", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /clock", p.serveClock)
	p.control = httptest.NewServer(mux)
	t.Cleanup(p.control.Close)
	return p
}

// createPopularAccount creates the popular account and its friends. Other accounts can
// send it nothing, so that a reset need not restore its mailbox.
func (p *probedServer) createPopularAccount() {
	ctx := p.t.Context()
	account := accountWith(popular, rookery.Profile{Nick: "Popular", Face: 30})
	account.FriendRule, account.AllowStrangers = rookery.RuleClosed, false
	p.must(p.add(ctx, account))
	p.must(p.eachOfCrowd(crowdSize, func(i int, uin rookery.UIN) error {
		friend := accountWith(uin, rookery.Profile{Nick: fmt.Sprintf("No. %d", i+1), Face: i % 30 * 3, Age: 40})
		if err := p.add(ctx, friend); err != nil {
			return err
		}
		return p.service.Befriend(ctx, popular, uin)
	}))
	p.crowdMayBeOffline = true
}

// eachOfCrowd calls action for the first n of the crowd, concurrently, so that the calls
// share commits.
func (p *probedServer) eachOfCrowd(n int, action func(i int, uin rookery.UIN) error) error {
	var group errgroup.Group
	group.SetLimit(16) // the server refuses to hash more passwords at once
	for i := range n {
		group.Go(func() error { return action(i, firstOfCrowd+rookery.UIN(i)) })
	}
	return group.Wait()
}

func (p *probedServer) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// add stores an account with the cheap credential.
func (p *probedServer) add(ctx context.Context, account rookery.Account) error {
	account.Created = p.clock.now()
	_, err := p.store.CreateAccount(ctx, account, p.credential)
	return err
}

// reset restores the first state. It removes the accounts that may have sent requests,
// and adds them anew.
func (p *probedServer) reset(ctx context.Context) error {
	accounts := resettableAccounts()
	var removed, added errgroup.Group // concurrent, so that they share commits
	for _, account := range accounts {
		removed.Go(func() error {
			if err := p.operator().RemoveAccount(ctx, account.UIN); rookery.CodeOf(err) != rookery.CodeNoAccount {
				return err
			}
			return nil
		})
	}
	if err := removed.Wait(); err != nil {
		return err
	}
	if err := p.expireRequestKeys(ctx); err != nil {
		return err
	}
	for _, account := range accounts {
		added.Go(func() error { return p.add(ctx, account) })
	}
	if err := added.Wait(); err != nil {
		return err
	}
	if err := p.service.Befriend(ctx, accounts[0].UIN, accounts[1].UIN); err != nil {
		return err
	}
	return p.signInCrowd(ctx)
}

// expireRequestKeys advances the clock until the server has forgotten all request keys
// and wrong passwords. It empties the mailbox of the popular account if that was logged in.
func (p *probedServer) expireRequestKeys(ctx context.Context) error {
	if p.events.popularSignedIn.Swap(false) {
		if err := p.emptyMailbox(ctx, popular); err != nil {
			return err
		}
	}
	if p.events.wrongPassword.Swap(false) {
		p.wait(25 * time.Hour)
		p.crowdMayBeOffline = true
	}
	p.wait(121 * time.Second) // longer than request keys are kept, shorter than a session lives
	return nil
}

// signInCrowd makes crowdOnline of the crowd online, with sessions of the same age in
// each experiment.
func (p *probedServer) signInCrowd(ctx context.Context) error {
	proof := auth.ProofOf(probedPassword)
	if !p.crowdMayBeOffline {
		for i := range crowdOnline {
			if _, err := p.service.AuthenticateSession(ctx, firstOfCrowd+rookery.UIN(i),
				service.Caller{Address: loopback}); err != nil {
				return err
			}
		}
		return nil
	}
	err := p.eachOfCrowd(crowdOnline, func(i int, uin rookery.UIN) error {
		in := service.SignInRequest{UIN: uin, Proof: &proof, Address: loopback, Status: rookery.StatusOnline}
		if i%5 == 0 {
			in.Status = rookery.StatusAway
		}
		_, _, err := p.service.SignIn(ctx, in)
		return err
	})
	p.crowdMayBeOffline = err != nil
	return err
}

// emptyMailbox collects all entries of an account and logs it out.
func (p *probedServer) emptyMailbox(ctx context.Context, uin rookery.UIN) error {
	for _, record := range []string{
		"CMD=Login&SEQ=reset-1&UIN=%d&M5=0&PS=" + probedPassword,
		"CMD=GetMsgEx&SEQ=reset-2&UIN=%d",
		"CMD=GetMsgEx&SEQ=reset-3&UIN=%d",
		"CMD=Logout&SEQ=reset-4&UIN=%d",
	} {
		if _, err := p.ask(ctx, "VER=1.4&"+fmt.Sprintf(record, uin)); err != nil {
			return err
		}
	}
	return nil
}

// ask posts a record and returns the answer.
func (p *probedServer) ask(ctx context.Context, record string) (string, error) {
	conn, err := transcript.DialFrom(ctx, loopback, p.addr())
	if err != nil {
		return "", err
	}
	answer, err := transcript.Post(ctx, conn, transcript.Request{Record: []byte(record), Charset: "UTF-8"})
	return string(answer), err
}

func (p *probedServer) serveClock(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	seconds, err := strconv.ParseFloat(string(body), 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.wait(time.Duration(seconds * float64(time.Second)))
	p.crowdMayBeOffline = true
}

// eventLog is a log handler that records whether a password was wrong and whether the popular account has logged in.
type eventLog struct{ wrongPassword, popularSignedIn atomic.Bool }

func (h *eventLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (h *eventLog) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h *eventLog) WithGroup(string) slog.Handler                { return h }

func (h *eventLog) Handle(_ context.Context, r slog.Record) error {
	switch r.Message {
	case "wrong password":
		h.wrongPassword.Store(true)
	case "signed in":
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "account" && a.Value.String() == popular.String() {
				h.popularSignedIn.Store(true)
			}
			return true
		})
	}
	return nil
}

// TestResetRestoresTheProbedServer repeats an experiment whose requests change accounts,
// friends, mailboxes, sessions, request keys and failed logins. The answers stay the same.
func TestResetRestoresTheProbedServer(t *testing.T) {
	p := newProbedServer(t)
	login := func(uin rookery.UIN) string {
		return fmt.Sprintf("CMD=Login&SEQ=10000001&UIN=%d&M5=0&PS=%s", uin, probedPassword)
	}
	const wrongLogin = "CMD=Login&SEQ=10000011&UIN=10002&M5=0&PS=wrong"
	records := []string{
		"CMD=List&SEQ=10000000&UIN=10001",
		login(10001), login(10002), login(10003), login(popular),
		"CMD=CLTMSG&SEQ=10000002&UIN=10001&UN=10002&MG=hello",
		"CMD=CLTMSG&SEQ=10000003&UIN=10001&UN=10004&MG=hello",
		"CMD=Ack_AddToList&SEQ=10000004&UIN=10004&UN=10001&CD=2&RS=hello",
		"CMD=Ack_AddToList&SEQ=10000004&UIN=10001&UN=10004&CD=0&RS=",
		"CMD=DelFromList&SEQ=10000005&UIN=10002&UN=10001",
		"CMD=Ack_AddToList&SEQ=10000006&UIN=10003&UN=10001&CD=2&RS=hello",
		"CMD=GetMsgEx&SEQ=10000007&UIN=10001", "CMD=GetMsgEx&SEQ=10000007&UIN=10002",
		"CMD=GetMsgEx&SEQ=10000007&UIN=10004",
		"CMD=Change_Stat&SEQ=10000008&UIN=10001&ST=40",
		"CMD=Query_Stat&SEQ=10000009&UIN=10004", "CMD=Query_Stat&SEQ=10000009&UIN=10002",
		"CMD=List&SEQ=10000009&UIN=10004&TN=1000&UN=11990", "CMD=Finger&SEQ=10000009&UIN=10003",
		wrongLogin, wrongLogin, wrongLogin, wrongLogin, wrongLogin, login(10002),
	}
	runExperiment := func() (answers []string) {
		p.must(p.reset(t.Context()))
		for _, record := range records {
			answer, err := p.ask(t.Context(), "VER=1.1&"+record)
			p.must(err)
			answers = append(answers, answer)
		}
		return answers
	}
	first := runExperiment()
	for range 3 {
		for i, answer := range runExperiment() {
			if answer != first[i] {
				t.Errorf("answer to %s after a reset: got\n%s\nwant\n%s", records[i], answer, first[i])
			}
		}
	}
}
