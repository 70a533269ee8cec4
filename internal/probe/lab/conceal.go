package lab

import (
	"bytes"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// leastSecret is how long a secret must be, in bytes, to be told from what else
// servers write.
const minSecretLength = 6

// collectSecrets are the secrets that came from the environment, as servers might write
// them.
func collectSecrets(file *experiment.File) (all [][]byte) {
	accounts := file.Accounts
	if file.Pool != nil {
		accounts = append(accounts[:len(accounts):len(accounts)], experiment.Account{Secret: file.Pool.Secret, SecretHidden: file.Pool.SecretHidden})
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

// concealSecrets writes stars over hidden secrets in a response, and reports whether there
// were any: servers may answer with what they were sent.
func (l *Lab) concealSecrets(response []byte) bool {
	found := false
	for _, secret := range l.hiddenSecrets {
		for {
			at := bytes.Index(response, secret)
			if at < 0 {
				break
			}
			found = true
			copy(response[at:], bytes.Repeat([]byte("*"), len(secret)))
		}
	}
	return found
}
