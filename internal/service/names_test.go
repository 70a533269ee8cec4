package service_test

import (
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

func TestNamesOfOldStayUntilTheyAreChanged(t *testing.T) {
	w := newWorld(t, 10001)
	const old = "phone\u202e"
	account := rookery.NewAccount(10002, "\u200b", w.now())
	account.Profile.RealName = "\u3164"
	w.createAccount(account) // as earlier versions allowed
	_, err := w.store.Store.CreateAccount(t.Context(), rookery.NewAccount(10003, "\u200b", w.now()), credential())
	w.must(err)
	w.must(w.store.StartSession(t.Context(), rookery.Session{ID: 1, Account: 10002, Device: old, Address: home,
		Status: rookery.StatusOnline, SignedInAt: time.Unix(1, 0), Token: rookery.TokenHash{1}}, credential()))

	change := func(change func(*rookery.Profile)) error {
		_, err := w.ChangeAccount(t.Context(), 10002, func(account *rookery.Account) error {
			change(&account.Profile)
			return nil
		})
		return err
	}
	w.must(change(func(p *rookery.Profile) { p.Age = 9 }))
	w.wantCode(change(func(p *rookery.Profile) { p.Nick = "\u2060" }), rookery.CodeParameter)
	w.wantCode(change(func(p *rookery.Profile) { p.RealName = "\u2060" }), rookery.CodeParameter)
	w.must(change(func(p *rookery.Profile) { p.Nick, p.RealName = "Pingu", "" }))
	w.wantCode(change(func(p *rookery.Profile) { p.Nick = "\u200b" }), rookery.CodeParameter)

	proof := auth.ProofOf(password)
	request := service.SignInRequest{UIN: 10002, Proof: &proof, Address: home, Device: old}
	_, _, err = w.SignIn(t.Context(), request)
	w.must(err)
	request.UIN = 10001 // an account without that device
	_, _, err = w.SignIn(t.Context(), request)
	w.wantCode(err, rookery.CodeParameter)
	_, err = w.AddAccount(t.Context(), rookery.NewAccount(0, "\u200b", w.now()), password)
	w.wantCode(err, rookery.CodeParameter)
	_, err = w.ChangeAccount(t.Context(), rookery.System, func(account *rookery.Account) error {
		account.Profile.Nick = "a\u202eb"
		return nil
	})
	w.wantCode(err, rookery.CodeParameter)
}
