package service

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/rookery-im/rookery"
)

// AddAccount stores an account, created now, and returns its number: a.UIN, or
// the lowest free one if that is 0. CodeExists if the number is taken.
func (s *Service) AddAccount(ctx context.Context, account rookery.Account, password string) (rookery.UIN, error) {
	if account.UIN != 0 && account.UIN < rookery.FirstUIN {
		return 0, rookery.Errorf(rookery.CodeParameter, "account number %d is out of range, allowed is %d to 4294967295", account.UIN, rookery.FirstUIN)
	}
	if err := checkAccount(&account, nil); err != nil {
		return 0, err
	}
	credential, err := s.credential(ctx, password)
	if err != nil {
		return 0, err
	}
	account.Created = s.now()
	uin, err := s.store.CreateAccount(ctx, account, credential)
	if err != nil {
		return 0, err
	}
	s.accounts.forget(uin)
	s.log.Info("account added", "account", uin)
	return uin, nil
}

// checkAccount reports with CodeParameter what an account cannot be. before is
// its profile as it was, nil if it is new.
func checkAccount(account *rookery.Account, before *rookery.Profile) error {
	if err := account.Profile.CheckNames(before); err != nil {
		return err
	}
	return account.Profile.Validate()
}

func (s *Service) credential(ctx context.Context, password string) (rookery.Credential, error) {
	if password == "" {
		return "", rookery.Errorf(rookery.CodeParameter, "the password is empty")
	}
	return s.prover.hash(ctx, ProofOf(password))
}

// SetPassword replaces an account's password and ends its sessions. Wrong tries
// from addresses that the account never signed in from are forgotten, so that
// the operator can help an owner whom they keep out.
func (s *Service) SetPassword(ctx context.Context, uin rookery.UIN, password string) error {
	if uin == rookery.System {
		return errSystem
	}
	credential, err := s.credential(ctx, password)
	if err != nil {
		return err
	}
	active, err := s.takeTurn(ctx, uin)
	if err != nil {
		return err
	}
	defer active.turn.end()
	if err := s.store.SetCredential(ctx, uin, credential); err != nil {
		return err
	}
	s.forget(ctx, active, active.all()) // the store has ended them
	s.guard.forget(uin)
	return nil
}

// CheckPassword reports whether an account has the password. It is for the
// operator: no limit on tries holds.
func (s *Service) CheckPassword(ctx context.Context, uin rookery.UIN, password string) (bool, error) {
	stored, err := s.store.Credential(ctx, uin)
	if err != nil {
		return false, err
	}
	if err := s.prover.queue.take(ctx, rankOperator, netip.Addr{}); err != nil {
		return false, err
	}
	defer s.prover.queue.leave()
	return s.prover.proves(uin, stored, ProofOf(password))
}

var errSystem = rookery.Errorf(rookery.CodeRefused, "account %d is the server itself: only its profile can be changed", rookery.System)

// ChangeAccount changes an account as it is now and returns it as it is then.
// change may be called more than once.
func (s *Service) ChangeAccount(ctx context.Context, uin rookery.UIN, change func(*rookery.Account) error) (rookery.Account, error) {
	return s.changeAccount(ctx, uin, change, rookery.RequestKey{})
}

// changeAccount does so once for equal marks.
func (s *Service) changeAccount(ctx context.Context, uin rookery.UIN, change func(*rookery.Account) error, mark rookery.RequestKey) (rookery.Account, error) {
	for {
		account, err := s.store.Account(ctx, uin)
		if err != nil {
			return rookery.Account{}, err
		}
		if _, done, err := s.store.RequestOutcome(ctx, mark); err != nil || done {
			return account, err
		}
		was := account
		if err := change(&account); err != nil {
			return rookery.Account{}, err
		}
		if err := checkAccount(&account, &was.Profile); err != nil {
			return rookery.Account{}, err
		}
		if uin == rookery.System && (account.Rule != was.Rule || account.Strangers != was.Strangers || account.Findable != was.Findable || account.DevicesOnly != was.DevicesOnly) {
			return rookery.Account{}, errSystem
		}
		receipt, err := s.store.UpdateAccount(ctx, account, mark)
		if rookery.CodeOf(err) == rookery.CodeConflict {
			continue
		}
		if err != nil || receipt.Repeated {
			return account, err
		}
		s.accounts.forget(uin)
		account.Revision++
		if account.DevicesOnly { // if it was before too: the session may have outlived a full disk
			return account, s.endAddressSession(ctx, uin)
		}
		return account, nil
	}
}

// endAddressSession ends the session of an account that belongs to an address.
func (s *Service) endAddressSession(ctx context.Context, uin rookery.UIN) error {
	active, err := s.takeTurn(ctx, uin)
	if err != nil {
		return err
	}
	defer active.turn.end()
	session := active.session("")
	if session == nil {
		return nil
	}
	return s.end(ctx, active, []*Session{session})
}

// Befriend makes two accounts friends without asking them; nobody gets a
// message. CodeNoAccount if one of them does not exist.
func (s *Service) Befriend(ctx context.Context, one, other rookery.UIN) error {
	if one == rookery.System || other == rookery.System {
		return errSystem
	}
	if one == other {
		return rookery.Errorf(rookery.CodeParameter, "account %d cannot be its own friend", one)
	}
	for {
		stand, err := s.store.Relation(ctx, one, other)
		if err != nil {
			return err
		}
		_, err = s.store.ChangeRelation(ctx, rookery.RelationChange{Me: one, Other: other, From: stand, Transition: rookery.Befriend(), Time: s.now()})
		if rookery.CodeOf(err) == rookery.CodeConflict {
			continue
		}
		if err == nil {
			s.forgetRelations(one, other)
		}
		return err
	}
}

// RemoveAccount deletes an account with all that is its own. What others have
// from it stays theirs.
func (s *Service) RemoveAccount(ctx context.Context, uin rookery.UIN) error {
	if uin == rookery.System {
		return errSystem
	}
	active, err := s.takeTurn(ctx, uin)
	if err != nil {
		return err
	}
	defer active.turn.end()
	if err := s.end(ctx, active, active.all()); err != nil { // friends hear of it while they are some
		return err
	}
	boxes := active.boxes(everyBox)
	for _, consumer := range boxes { // a collection under way ends first; the mailbox then begins anew
		if err := consumer.turn.take(ctx); err != nil {
			return err
		}
		defer consumer.turn.end()
	}
	if err := s.store.RemoveAccount(ctx, uin); err != nil {
		return err
	}
	active.discard(boxes)
	active.leave() // who has the number next is another member, whatever this one is told yet
	s.members.remove(active)
	s.accounts.forget(uin)
	// Whoever may have it in a list: who became a friend just now as well.
	s.members.each(func(active *activeAccount) { active.forgetRelations() })
	s.log.Info("account removed", "account", uin)
	return nil
}

// AccountInfo is an account as the operator sees it.
type AccountInfo struct {
	rookery.Account
	Status   rookery.Status // what others see
	SignedIn []rookery.Session
}

// AccountsAfter lists at most limit accounts above after, by number.
func (s *Service) AccountsAfter(ctx context.Context, after rookery.UIN, limit int) ([]AccountInfo, error) {
	accounts, err := s.store.AccountsAfter(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]AccountInfo, len(accounts))
	for i, account := range accounts {
		list[i] = AccountInfo{Account: account, Status: s.Looks(account.UIN)}
		if active := s.members.get(account.UIN); active != nil {
			for _, session := range active.all() {
				if session.alive(s.uptime()) {
					about := session.about
					about.Token = rookery.TokenHash{} // nobody's business
					list[i].SignedIn = append(list[i].SignedIn, about)
				}
			}
		}
	}
	return list, nil
}

// Notify sends a notice of the operator to accounts, to all of them or none.
func (s *Service) Notify(ctx context.Context, text string, to []rookery.UIN) error {
	if err := rookery.CheckText(text); err != nil {
		return err
	}
	letters := make([]rookery.NewEntry, len(to))
	for i, uin := range to {
		if _, err := s.accounts.get(ctx, uin); err != nil {
			if rookery.CodeOf(err) == rookery.CodeNoAccount {
				return rookery.Errorf(rookery.CodeNoAccount, "there is no account %d", uin)
			}
			return fmt.Errorf("looking for account %d: %w", uin, err)
		}
		letters[i] = rookery.NewEntry{To: uin, Kind: rookery.KindMessage, Peer: rookery.System, Text: text}
	}
	receipt, err := s.store.Deliver(ctx, letters, s.now(), rookery.RequestKey{})
	if err != nil {
		return err
	}
	s.delivered(letters, receipt)
	return nil
}
