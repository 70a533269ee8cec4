// Package lab makes experiments on one server, the system under test.
//
// [Lab.Run] takes an experiment, a list of steps, and returns a [Trace] with the answer to each
// step. It resets the server first: through a control URL, with fresh accounts from a pool, or
// with commands that undo the residue of the experiment before. If an answer is lost or comes
// from a rate limit, Run makes another attempt, from a new reset. A transcript records all
// requests and answers; attempts that an earlier transcript already holds are replayed from an
// [Archive] and not sent again. The lab respects the experiment file's limits on hosts, requests,
// rates and failed logins.
//
// A request succeeds, or is "done", if its answer carries the success code and success fields
// that the file declares ([IsDone]). A mark is the unique number that a request carries and the
// server repeats in its answer.
package lab
