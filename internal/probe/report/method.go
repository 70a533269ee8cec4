package report

// method is what a reader has to know to judge the rest: titles and texts.
func method() [][2]string {
	return [][2]string{
		{"Unit", "An experiment is a row of steps: it begins anew, reaches a state, sends a request that is changed in one place, then observes. Requests that change nothing are tried several in one experiment; the plain request is sent again in the end, and if that is answered otherwise each is tried by itself. What an earlier experiment left behind is looked for: facts are tried again behind other experiments."},
		{"Reset", "How it begins anew is what the experiment file says: commands that undo what was done, fresh accounts out of a pool, or a control URL. In the transcript that is step 0; it speaks for no fact."},
		{"Variants", "Each parameter is left out, emptied, doubled, moved, respelt and given values of its type and of others. Hidden keys are looked for in groups, and parameters that may depend on each other are varied in pairs."},
		{"Observation", "Many effects show only later or elsewhere. So the same account and the other one look afterwards, with the commands that the file says tell something: what they are told belongs to the request's effect, whatever its answer says."},
		{"Clustering", "Answers are compared in a normal form, in which names stand for what was sent. Variants with equal answers and equal effects count as one."},
		{"Bisection", "Where two neighbouring values of a sweep fall into different clusters, the edge between them is searched by halving, until two neighbouring values lie on either side of it."},
		{"Attacks", "What fields hold, and how they belong together, comes from templates: echo, constant, count of a list, parallel, sorted and others. Each is tried on all answers of the study, those to odd requests too, and stated only if none contradicts. Other facts are tried again in other sessions, with other marks, and behind somebody else who comes and goes."},
		{"State machines", "They are learned as Mealy machines, an aspect at a time, by L#: it keeps all observations in one tree and asks only what tells states apart. Counterexamples are looked for in stored transcripts, in the scenarios and with further tests, as far as the budget goes. What that guarantees, and what not, stands below each diagram."},
		{"Time", "Timers are measured apart from the machines. Waits bracket the end, and halving narrows it. The result is an interval: at its lower end the timer had not run out, at its upper end it had."},
		{"Noise", "Fields that differ between identical requests are masked, each by itself. The rest of such an answer still counts."},
		{"Transport failures", "A lost connection or a time-out is not an answer. The experiment is made again from a reset, and the failure is counted at the head of this report. Only where a request repeatedly gets no answer is that itself a finding."},
		{"Contradictions", "What a fact's experiment shows otherwise the second time makes the fact contested, and both transcripts are named. A transition that stays undecided has a question mark."},
		{"Absence", "That something has no effect can only be bounded. After n independent clean tries without a counterexample, its frequency is below 3/n at 95 % confidence (the rule of three): 60 tries say under 5 %. No number of tries says never."},
		{"Limits", "What was not asked was not found: values that are not near an edge or in a list, states that no answer shows, what happens under load, and what depends on the calendar. A fact holds for its scope and for the accounts that were used. The list of what was not tested is part of the result."},
	}
}
