package lab

import (
	"bytes"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// minSecretLength is the shortest secret, in bytes, that is concealed. A shorter one could occur
// in responses by chance.
const minSecretLength = 6

// collectSecrets returns the secrets that came from environment variables, in all forms that the
// server may echo: plain, escaped and hashed.
func collectSecrets(file *experiment.File) (all [][]byte) {
	accounts := file.Accounts
	if file.Pool != nil {
		accounts = append(accounts[:len(accounts):len(accounts)],
			experiment.Account{Secret: file.Pool.Secret, SecretHidden: file.Pool.SecretHidden})
	}
	for _, account := range accounts {
		if !account.SecretHidden {
			continue
		}
		for _, form := range []string{"secret", "md5(secret)", "MD5(secret)", "sha1(secret)", "sha256(secret)"} {
			if proof, ok := experiment.ComputeProof(form, account.Secret); ok && len(proof) >= minSecretLength {
				all = append(all, []byte(proof))
			}
		}
		if escaped := file.Syntax.EscapeValue(account.Secret); len(account.Secret) >= minSecretLength {
			all = append(all, []byte(escaped))
		}
	}
	return all
}

// concealSecrets overwrites hidden secrets in response, in place, with asterisks of the same
// length, because servers may echo requests. It reports whether it found any.
func (l *Lab) concealSecrets(response []byte) bool {
	found := false
	for _, secret := range l.hiddenSecrets {
		for {
			start := bytes.Index(response, secret)
			if start < 0 {
				break
			}
			found = true
			copy(response[start:], bytes.Repeat([]byte("*"), len(secret)))
		}
	}
	return found
}
