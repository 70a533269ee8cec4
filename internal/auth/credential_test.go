package auth

import (
	"context"
	"testing"

	"github.com/rookery-im/rookery"
)

const (
	chosenPassword = "correct horse"
	randomPassword = "abcdefghij234567"
)

var (
	plainCredential = NamedCredential{"password", KindPassword, UseEverything,
		hashInput([]byte(chosenPassword), TestCost)}
	md5Credential = NamedCredential{"MD5", KindPasswordMD5, UseEverything,
		HashProof(ProofOf(chosenPassword), TestCost)}
	randomCredential = NamedCredential{"laptop", KindRandom, UseAddressSession,
		hashRandomProof(ProofOf(randomPassword))}
)

// countHashes makes the fixture count the Argon2id hashes that it compares with.
func (f *fixture) countHashes() *int {
	count := new(int)
	f.passwords.matchesHash = func(hash rookery.Credential, input []byte) (bool, error) {
		*count++
		return matchesHash(hash, input)
	}
	return count
}

// verify verifies a secret for 10001 and returns the name of the credential that it matches.
func (f *fixture) verify(secret Secret, use Use, credentials ...NamedCredential) (string, error) {
	matched, err := f.passwords.Verify(f.Context(), Attempt{Account: 10001, Address: home, Use: use, Secret: secret,
		Credentials: credentials, IsKnownAddress: func(context.Context) (bool, error) { return true, nil }})
	return matched.Name, err
}

func TestVerifyReturnsTheMatchingCredential(t *testing.T) {
	all := []NamedCredential{md5Credential, plainCredential, randomCredential}
	tests := []struct {
		name        string
		secret      Secret
		use         Use
		credentials []NamedCredential
		want        string
	}{
		{"a proof matches the MD5", SecretFromProof(ProofOf(chosenPassword)), UseDeviceSession, all, "MD5"},
		{"a password matches the MD5", SecretFromPassword(chosenPassword), UseDeviceSession, all[:1], "MD5"},
		{"a password matches the password", SecretFromPassword(chosenPassword), UseDeviceSession, all[1:], "password"},
		{"a proof is no password", SecretFromProof(ProofOf(chosenPassword)), UseDeviceSession, all[1:], ""},
		{"a proof matches a random secret", SecretFromProof(ProofOf(randomPassword)), UseAddressSession, all, "laptop"},
		{"a random secret matches itself", SecretFromPassword(randomPassword), UseAddressSession, all, "laptop"},
		{"a secret for another use is wrong", SecretFromPassword(randomPassword), UseDeviceSession, all, ""},
		{"a stored hash is no secret", SecretFromPassword(string(randomCredential.Hash)), UseAddressSession, all, ""},
		{"another password is wrong", SecretFromPassword("other"), UseAddressSession, all, ""},
		{"no secret is wrong", Secret{}, UseAddressSession, all, ""},
		{"no secret is not the proof 0", Secret{}, UseAddressSession,
			[]NamedCredential{{"MD5", KindPasswordMD5, UseEverything, HashProof(Proof{}, TestCost)}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			for _, attempt := range []string{"first", "repeated"} {
				got, err := f.verify(tt.secret, tt.use, tt.credentials...)
				if got != tt.want || (err == nil) != (tt.want != "") {
					t.Errorf("%s attempt: matched %q, error %v, want %q", attempt, got, err, tt.want)
				}
			}
		})
	}
}

// Otherwise the time of an answer would tell which credentials an account has, or whether it exists.
func TestEveryRefusalTakesTheSameNumberOfHashes(t *testing.T) {
	accounts := map[string][]NamedCredential{
		"no credential":   nil,
		"password":        {plainCredential},
		"MD5":             {md5Credential},
		"both":            {plainCredential, md5Credential},
		"random":          {randomCredential},
		"all":             {randomCredential, md5Credential, plainCredential},
		"not for the use": {{"MD5", KindPasswordMD5, UseDeviceSession, md5Credential.Hash}},
	}
	secrets := []struct {
		name   string
		secret Secret
		want   int
	}{
		{"nothing", Secret{}, 1},
		{"proof", SecretFromProof(ProofOf("wrong")), 1},
		{"password", SecretFromPassword("wrong"), 2},
	}
	for accountName, credentials := range accounts {
		for _, tt := range secrets {
			f := newFixture(t)
			count := f.countHashes()
			_, err := f.verify(tt.secret, UseAddressSession, credentials...)
			f.wantWrong(err)
			if *count != tt.want {
				t.Errorf("account with %s, client sends %s: %d hashes, want %d", accountName, tt.name, *count, tt.want)
			}
		}
	}
}

func TestRightPasswordTakesAsManyHashesAsAWrongOne(t *testing.T) {
	f := newFixture(t)
	count := f.countHashes()
	_, err := f.verify(SecretFromPassword(chosenPassword), UseAddressSession, plainCredential, md5Credential)
	f.must(err)
	if *count != 2 {
		t.Errorf("%d hashes, want 2", *count)
	}
}

func TestRepeatedAndRandomSecretsNeedNoHash(t *testing.T) {
	f := newFixture(t)
	_, err := f.verify(SecretFromPassword(chosenPassword), UseAddressSession, md5Credential)
	f.must(err)
	count := f.countHashes()
	// The proof is the same for the credential, whether the client or the server has computed it.
	_, err = f.verify(SecretFromProof(ProofOf(chosenPassword)), UseAddressSession, randomCredential, md5Credential)
	f.must(err)
	_, err = f.verify(SecretFromPassword(randomPassword), UseAddressSession, randomCredential, md5Credential)
	f.must(err)
	if *count != 0 {
		t.Errorf("%d hashes, want 0", *count)
	}
}

func TestRandomSecretWaitsForTheLimiter(t *testing.T) {
	f := newFixture(t)
	for range freeFailuresPerPair + 1 {
		_, _ = f.verify(SecretFromPassword("wrong"), UseAddressSession, randomCredential)
	}
	_, err := f.verify(SecretFromPassword(randomPassword), UseAddressSession, randomCredential)
	f.wantWait(err)
	f.advance(maxLoginWait)
	_, err = f.verify(SecretFromPassword(randomPassword), UseAddressSession, randomCredential)
	f.must(err)
}
