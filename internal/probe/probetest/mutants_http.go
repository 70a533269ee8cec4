package probetest

import "time"

const timeField = "time-field"

func coreHTTP() []ruleChange {
	return []ruleChange{
		mutate("get-is-answered", "GET", "*", "transport",
			"A GET with a record in its body is answered like a POST.",
			func(r *rules) { r.http.answerGet = true }),
		mutate("content-type-bare", "Content-Type", "*", "transport",
			"Content-Type has no charset.",
			func(r *rules) { r.http.bareType = true }),
		mutate("empty-text-500", "status", "CLTMSG", "transport",
			"A CLTMSG without a text gets status 500 and no record.",
			func(r *rules) { r.http.emptyIs500 = true }),
		mutate("unknown-command-closes", "no answer", "*", "transport",
			"An unknown command gets no answer, the connection is closed.",
			func(r *rules) { r.record.unknown = closes }),
		mutate("close-ignored", "Connection", "*", "transport",
			"The connection stays open though the request says Connection: close.",
			func(r *rules) { r.http.keepOpen = true }),
	}
}

func moreHTTP() []ruleChange {
	return []ruleChange{
		mutate("no-content-type", "Content-Type", "*", "transport",
			"There is no Content-Type.",
			func(r *rules) { r.http.noType = true }),
		mutate("no-content-length", "Content-Length", "*", "transport",
			"Answers are chunked.",
			func(r *rules) { r.http.chunked = true }),
		mutate("never-keeps", "Connection", "*", "transport",
			"Each answer ends its connection.",
			func(r *rules) { r.http.neverKeep = true }),
	}
}

// fleeting are differences that do not show again: neither found nor missed, but
// told as what they are.
func fleeting() []ruleChange {
	return []ruleChange{
		mutate("fails-once", "one failure", "*", "limit",
			"The 200th request since the server's start gets status 500.",
			func(r *rules) { r.http.failsOnce = 200 }),
	}
}

// equivalents are no differences.
func equivalents() []ruleChange {
	return []ruleChange{
		equal("field-order", "The fields of an answer come in reverse, behind RES.",
			func(r *rules) { r.record.otherOrder = true }),
		equal("jitter", "An answer comes 0 to 3 ms late.",
			func(r *rules) { r.http.jitter = 3 * time.Millisecond }),
		equal("lost-requests", "One request in a hundred gets no answer, the connection is closed; half of these took effect.",
			func(r *rules) { r.http.lost = 0.01 }),
		equal(timeField, "Answers have a field with the time of day; those of the other server too.",
			func(r *rules) { r.record.time = true }),
		equal("reason-wording", "Reasons have other words, and name the same key.",
			func(r *rules) { r.record.otherReasons = true }),
		equal("http-header", "There is one more HTTP header, and names of headers are in lower case.",
			func(r *rules) { r.http.extraHeader = true }),
	}
}
