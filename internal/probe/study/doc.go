// Package study finds out how an unknown server behaves. It takes an experiment file and a
// [Subject] that runs experiments, and returns facts, fields, machines and timers as a
// [finding.Study]. It knows no command by name: the file says what each command is for, as far as
// that is known.
//
// A study runs a list of phases, each in a file of this package. All requests go through [Subject],
// so that one server can be studied or two can be compared. The same file, seed and answers always
// lead to the same study.
package study
