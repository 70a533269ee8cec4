// Package study finds out how an unknown server behaves: it plans experiments from
// what an experiment file declares, and judges by the answers. It knows no
// command by name: the file says what each is for, as far as that is known.
//
// A study is a row of phases, each a file of this package. All go through
// [Subject], so that two servers can be asked at once and compared. Everything is
// a function of the file, the seed and the answers.
package study
