// Package probe studies servers that nobody knows: it puts together what the
// packages below it do, for whoever types a command.
//
// A folder holds a study. transcript.jsonl is what was asked and answered, and all
// else in the folder follows from it: [Report] writes it anew and sends nothing. So
// a study that was interrupted goes on by asking the transcript first and the
// server where the transcript ends.
package probe
