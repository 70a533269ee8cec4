package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

// useRecorder records what clients wanted to do when their passwords were verified.
type useRecorder struct {
	service.Passwords
	uses []auth.Use
}

func (r *useRecorder) Verify(ctx context.Context, attempt auth.Attempt) (auth.NamedCredential, error) {
	r.uses = append(r.uses, attempt.Use)
	return r.Passwords.Verify(ctx, attempt)
}

func TestSignInAsksForTheUseOfItsSession(t *testing.T) {
	recorder := &useRecorder{Passwords: newPasswords(time.Now)}
	f := newFixtureWith(t, service.Config{Passwords: recorder}, 10001)
	f.signIn(10001, home)
	f.signInDevice(10001, "phone")
	if got := recorder.uses; len(got) != 2 || got[0] != auth.UseAddressSession || got[1] != auth.UseDeviceSession {
		t.Errorf("uses %v, want %v and %v", got, auth.UseAddressSession, auth.UseDeviceSession)
	}
}
