package service_test

import (
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

func TestExistingInvalidNamesStayUntilChanged(t *testing.T) {
	f := newFixture(t, 10001)
	const old = "phone\u202e"
	account := rookery.NewAccount(10002, "\u200b", f.now())
	account.Profile.RealName = "\u3164"
	f.createAccount(account) // as earlier versions allowed
	_, err := f.store.Store.CreateAccount(t.Context(), rookery.NewAccount(10003, "\u200b", f.now()), credential())
	f.must(err)
	f.must(f.store.StartSession(t.Context(), rookery.Session{ID: 1, Account: 10002, Device: old, Address: home,
		Status: rookery.StatusOnline, SignedInAt: time.Unix(1, 0), Token: rookery.TokenHash{1}}, credential()))

	change := func(change func(*rookery.Profile)) error {
		_, err := f.ChangeAccount(t.Context(), 10002, func(account *rookery.Account) error {
			change(&account.Profile)
			return nil
		})
		return err
	}
	f.must(change(func(p *rookery.Profile) { p.Age = 9 }))
	f.wantCode(change(func(p *rookery.Profile) { p.Nick = "\u2060" }), rookery.CodeParameter)
	f.wantCode(change(func(p *rookery.Profile) { p.RealName = "\u2060" }), rookery.CodeParameter)
	f.must(change(func(p *rookery.Profile) { p.Nick, p.RealName = "Pingu", "" }))
	f.wantCode(change(func(p *rookery.Profile) { p.Nick = "\u200b" }), rookery.CodeParameter)

	proof := auth.ProofOf(password)
	request := service.SignInRequest{UIN: 10002, Proof: &proof, Address: home, Device: old}
	_, _, err = f.SignIn(t.Context(), request)
	f.must(err)
	request.UIN = 10001 // an account without that device
	_, _, err = f.SignIn(t.Context(), request)
	f.wantCode(err, rookery.CodeParameter)
	_, err = f.AddAccount(t.Context(), rookery.NewAccount(0, "\u200b", f.now()), password)
	f.wantCode(err, rookery.CodeParameter)
	_, err = f.ChangeAccount(t.Context(), rookery.System, func(account *rookery.Account) error {
		account.Profile.Nick = "a\u202eb"
		return nil
	})
	f.wantCode(err, rookery.CodeParameter)
}
