// Package probe runs studies of unknown servers. Input is an experiment file and one or
// two server URLs; output is a folder with a transcript and reports.
//
// A study makes experiments, lists of requests from a reset on, and derives facts about the server
// from the answers. The transcript records every request and answer, and all reports are computed
// from it.
// [Report] rewrites the reports without sending anything. An interrupted study resumes by
// replaying its transcript and then continues on the server.
package probe
