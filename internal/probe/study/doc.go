// Package study finds out how an unknown server behaves. It takes an experiment file and a [Subject]
// that runs experiments, and returns facts, fields, state machines and timers as a [finding.Study].
// The package knows no command by name: the file gives each command a purpose, named by a verb such
// as login or send, as far as the purpose is known.
//
// A study runs a list of phases. All requests go through [Subject], so that one server can be studied
// or two can be compared. The same file, seed and answers always lead to the same study.
//
// Terms: a role is the name by which the file refers to a test account. The base request of a command
// is the one that the file declares, without changes. A mark is a request identifier that the client
// chooses, such as SEQ. A trace holds the answers of one experiment, one for each step.
package study
