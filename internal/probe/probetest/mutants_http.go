package probetest

import "time"

const timeField = "time-field"

func coreHTTP() []mutantChange {
	return []mutantChange{
		newMutant("get-is-answered", "GET", "*", "transport",
			"A GET with a record in its body is answered like a POST.",
			func(rules *serverRules) { rules.http.answersGet = true }),
		newMutant("content-type-bare", "Content-Type", "*", "transport",
			"Content-Type has no charset.",
			func(rules *serverRules) { rules.http.omitsCharset = true }),
		newMutant("empty-text-500", "status", "CLTMSG", "transport",
			"A CLTMSG without a text gets status 500 and no record.",
			func(rules *serverRules) { rules.http.emptyTextIs500 = true }),
		newMutant("unknown-command-closes", "no answer", "*", "transport",
			"An unknown command gets no answer, the connection is closed.",
			func(rules *serverRules) { rules.record.unknownCommand = closeConnection }),
		newMutant("close-ignored", "Connection", "*", "transport",
			"The connection stays open though the request says Connection: close.",
			func(rules *serverRules) { rules.http.ignoresClose = true }),
	}
}

func moreHTTP() []mutantChange {
	return []mutantChange{
		newMutant("no-content-type", "Content-Type", "*", "transport",
			"There is no Content-Type.",
			func(rules *serverRules) { rules.http.omitsContentType = true }),
		newMutant("no-content-length", "Content-Length", "*", "transport",
			"Answers are chunked.",
			func(rules *serverRules) { rules.http.sendsChunked = true }),
		newMutant("never-keeps", "Connection", "*", "transport",
			"Each answer ends its connection.",
			func(rules *serverRules) { rules.http.neverKeepsAlive = true }),
	}
}

// transientFaults are differences that do not recur. The prober must report them as such.
func transientFaults() []mutantChange {
	return []mutantChange{
		newMutant("fails-once", "one failure", "*", "limit",
			"The 200th request since the server's start gets status 500.",
			func(rules *serverRules) { rules.http.failingRequest = 200 }),
	}
}

// equivalents are changes that must not be reported as differences.
func equivalents() []mutantChange {
	return []mutantChange{
		newEquivalent("field-order", "The fields of an answer come in reverse order after RES.",
			func(rules *serverRules) { rules.record.reversesFields = true }),
		newEquivalent("jitter", "An answer comes 0 to 3 ms late.",
			func(rules *serverRules) { rules.http.maxJitter = 3 * time.Millisecond }),
		newEquivalent("lost-requests",
			"One request in a hundred gets no answer, the connection is closed; half of these took effect.",
			func(rules *serverRules) { rules.http.lossRate = 0.01 }),
		newEquivalent(timeField, "Answers have a field with the time of day; those of the other server too.",
			func(rules *serverRules) { rules.record.addsTime = true }),
		newEquivalent("reason-wording", "Reasons have other words, and name the same key.",
			func(rules *serverRules) { rules.record.rewordsReasons = true }),
		newEquivalent("http-header", "There is one more HTTP header, and names of headers are in lower case.",
			func(rules *serverRules) { rules.http.addsHeader = true }),
	}
}
