package auth

import (
	"testing"

	"github.com/rookery-im/rookery"
)

// Stored hashes of earlier versions stay valid.
func TestHashesAreInPHCFormat(t *testing.T) {
	const stored = "$argon2id$v=19$m=8,t=1,p=1$ewbFyou088Dh25telXkM6g$ZTYXpoEPAsE57jF3PePrLZrUZHUyoTqefi8G5SXKqQ4"
	for _, credential := range []rookery.Credential{stored, HashProof(ProofOf("123456"), TestCost)} {
		for password, want := range map[string]bool{"123456": true, "1234567": false} {
			proof := ProofOf(password)
			if matches, err := matchesHash(credential, proof[:]); matches != want || err != nil {
				t.Errorf("%s matches %q: %v, want %v; error %v", credential, password, matches, want, err)
			}
		}
	}
}

func TestUnreadableHashIsTemporary(t *testing.T) {
	for _, hash := range []rookery.Credential{
		"secret", "$argon2i$v=19$m=8,t=1,p=1$YWJj$YWJj", "$argon2id$v=1$$$"} {
		matches, err := matchesHash(hash, []byte("secret"))
		if matches || rookery.CodeOf(err) != rookery.CodeTemporary {
			t.Errorf("%s: matches %v, error %v, want code %d", hash, matches, err, rookery.CodeTemporary)
		}
	}
}
