package report

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// method is what a reader has to know to judge the rest.
//
//go:embed page/method.txt
var method string

// documentOf makes what a report says. Its first section answers what the protocol
// does; what that rests on comes behind it.
func documentOf(study *finding.Study) *document {
	s := shown(study)
	d := &document{Kind: "Study of a server", Title: or(s.Name, "Unnamed server"), Head: head(s)}
	if compared(s) {
		d.Kind = "Comparison of two servers"
		d.add("differences", "Differences", differences(s))
		if len(s.Sightings) > 0 {
			d.add("sightings", "Seen once, and not again", sightings(s))
		}
	}
	at := anchorsOf(s)
	d.add("summary", "What the protocol does", summary(s))
	d.add("untested", "What was not tested", gaps(s))
	if len(s.Scenarios) > 0 {
		d.add("scenarios", "Scenarios", scenarios(s))
	}
	d.add("parameters", "What each parameter accepts", parameters(s))
	d.add("fields", "What answers hold", fields(s))
	d.add("codes", "Codes by command and state", codeUses(s))
	d.add("machines", "State machines", machines(s))
	d.add("paging", "Lists, page by page", walks(s))
	d.add("noise", "Noise", noise(s))
	d.add("examples", "A request of each command", examples(s))
	d.add("facts", "All facts", allFacts(s, at))
	d.add("method", "Method and limits", methodBlocks(s))
	d.add("transcript", "Phases", phases(s))
	return d
}

func (d *document) add(id, title string, blocks []block) {
	d.Sections = append(d.Sections, section{id, title, blocks})
}

func head(study *finding.Study) []block {
	var out []block
	for i, server := range study.Servers {
		label := "Server"
		if compared(study) {
			label += " " + string(rune('A'+i))
		}
		sent := 0
		if i < len(study.Requests) {
			sent = study.Requests[i]
		}
		out = append(out, says(bold(label+": "), wire(server),
			textSpan{Text: fmt.Sprintf(", %s of %s requests.", count(sent), count(study.Budget))}))
	}
	out = append(out, para(fmt.Sprintf("Began %s, took %s, %s, %s, seed %d.",
		or(moment(study.Began), "at a time that is not known"), lasting(study.Seconds),
		plural(study.Tries, "experiment"), plural(study.Faults, "transport failure"), study.Seed)))
	if study.Stopped != "" {
		return append(out, note(bold("Stopped early: "), textSpan{Text: sentence(study.Stopped)},
			textSpan{Text: " What is missing is named under "}, to("what was not tested", "untested"), textSpan{Text: "."}))
	}
	early := slices.ContainsFunc(study.Phases, func(phase finding.PhaseSummary) bool { return phase.Ended != "" })
	switch {
	case len(study.Phases) == 0:
		out = append(out, note(textSpan{Text: "No phase was begun."}))
	case early:
		out = append(out, note(textSpan{Text: "Some phases ended early; "}, to("the last table", "transcript"),
			textSpan{Text: " says which."}))
	}
	return out
}

// gaps are what was not tested: what the study says so itself, and the facts that
// no experiment was made for.
func gaps(study *finding.Study) []block {
	type reason struct {
		why  string
		more int
	}
	var order []reason
	whats := map[reason][]string{}
	for _, untestedItem := range study.Untested {
		r := reason{untestedItem.Why, untestedItem.Requests}
		if whats[r] == nil {
			order = append(order, r)
		}
		whats[r] = append(whats[r], untestedItem.What)
	}
	var list [][]textSpan
	for _, reason := range order {
		line := []textSpan{bold(strings.Join(whats[reason], ", ")), {Text: ": " + sentence(reason.why)}}
		if reason.more > 0 {
			line = append(line, textSpan{Text: fmt.Sprintf(" Some %s more would.", plural(reason.more, "request"))})
		}
		list = append(list, line)
	}
	for _, fact := range ofGrade(study.Facts, finding.Untested) {
		list = append(list, append(statement(fact), soft(" "+fact.Bound)))
	}
	switch {
	case len(list) > 0:
		return []block{{List: list}}
	case len(study.Facts) == 0:
		return []block{para("Nothing was tested.")}
	}
	return []block{para("Nothing that was planned was left out. What no plan asks for is told under method and limits.")}
}

// scenarios shows each scenario as it was sent and answered, and what follows.
func scenarios(study *finding.Study) []block {
	var out []block
	for _, scenario := range study.Scenarios {
		out = append(out, heading(scenario.Name))
		if follows := scenarioFacts(study, scenario); len(follows) > 0 {
			out = append(out, block{List: statements(follows)})
		} else {
			out = append(out, para("Comparing its answers shows nothing new."))
		}
		var steps [][]tableCell
		for i, step := range scenario.Steps {
			n := plainCell(fmt.Sprint(i + 1))
			if step.Wait > 0 {
				steps = append(steps, []tableCell{n, plainCell(lasting(step.Wait) + " go by"), nil})
				continue
			}
			exchange := step.Exchange
			steps = append(steps, []tableCell{n, {wire(or(exchange.Request, step.Step))}, {wire(or(exchange.Response, "no answer"))}})
		}
		out = append(out, rows([]string{"Step", "Sent", "Answered"}, steps)...)
	}
	return out
}

func scenarioFacts(study *finding.Study, scenario finding.ScenarioRecord) []finding.Fact {
	var out []finding.Fact
	for _, id := range scenario.Facts {
		if i := slices.IndexFunc(study.Facts, func(fact finding.Fact) bool { return fact.ID == id }); i >= 0 {
			out = append(out, study.Facts[i])
		}
	}
	return out
}

func statements(facts []finding.Fact) [][]textSpan {
	var out [][]textSpan
	for _, fact := range facts {
		line := statement(fact)
		if fact.Grade != finding.Confirmed {
			line = append(line, soft(" ("+string(fact.Grade)+")"))
		}
		out = append(out, line)
	}
	return out
}

func noise(study *finding.Study) []block {
	switch {
	case len(study.Noise) == 0 && study.Tries == 0:
		return []block{para("No equal requests were made.")}
	case len(study.Noise) == 0:
		return []block{para("Equal requests got equal answers: no field had to be masked.")}
	}
	var out [][]tableCell
	for _, noise := range study.Noise {
		out = append(out, []tableCell{plainCell(noise.Command), {wire(noise.Key)}, wires(few(noise.Values))})
	}
	return append([]block{para("These fields differ between equal requests. They are masked, each by itself.")},
		rows([]string{"Command", "Field", "Seen"}, out)...)
}

func allFacts(study *finding.Study, at map[string]string) []block {
	var out []block
	for _, name := range commandsOf(study) {
		facts := byWeight(study.Facts, func(fact finding.Fact) bool { return fact.Command == name })
		if len(facts) == 0 {
			continue
		}
		var list [][]tableCell
		for _, fact := range facts {
			said := statement(fact)
			if extra := strings.TrimSpace(fact.Scope + " " + fact.Bound); extra != "" {
				said = append(said, soft(" "+extra))
			}
			shows := evidence(fact.Evidence, at)
			if len(fact.Against) > 0 {
				shows = append(append(shows, textSpan{Text: "; against: "}), evidence(fact.Against, at)...)
			}
			list = append(list, []tableCell{plainCell(string(fact.Grade)), said, {soft(support(fact))}, shows})
		}
		confirmed := len(ofGrade(facts, finding.Confirmed))
		title := fmt.Sprintf("%s: %s, %d confirmed", all(name), plural(len(facts), "fact"), confirmed)
		out = append(out, folded(title, rows([]string{"Grade", "Fact", "Support", "Entries"}, list)...))
	}
	if out == nil {
		return []block{para("No fact was found.")}
	}
	return append([]block{says(textSpan{Text: "An entry such as "}, wire("a12.3"), textSpan{Text: " is one of "},
		wire("transcript.jsonl"), textSpan{Text: ": server a, experiment 12, step 3. Witnesses, all entries and the line "},
		textSpan{Text: "that shows a fact again are in "}, wire("protocol.json"), textSpan{Text: "."})}, out...)
}

// commandsOf names all commands: all at once first, then in the study's order.
func commandsOf(study *finding.Study) []string {
	names := []string{"*"}
	for _, command := range study.Commands {
		names = append(names, command.Name)
	}
	for _, fact := range study.Facts {
		if !slices.Contains(names, fact.Command) {
			names = append(names, fact.Command)
		}
	}
	return names
}

func methodBlocks(study *finding.Study) []block {
	var out []block
	for _, p := range strings.Split(method, "\n\n") {
		title, text, _ := strings.Cut(strings.Join(strings.Fields(p), " "), ": ")
		out = append(out, says(bold(title+". "), textSpan{Text: text}))
	}
	grades := "Each fact has a grade."
	for _, grade := range finding.Grades() {
		grades += " " + string(grade) + ": " + gradeMeans[grade] + "."
	}
	out = append(out, says(bold("Grades. "), textSpan{Text: grades}))
	if study.Experiment != "" {
		out = append(out, folded("The experiment file", block{Verbatim: study.Experiment}))
	}
	return out
}

func phases(study *finding.Study) []block {
	if len(study.Phases) == 0 {
		return []block{para("No phase was begun.")}
	}
	var out [][]tableCell
	for _, phase := range study.Phases {
		out = append(out, []tableCell{plainCell(phase.Name), plainCell(count(phase.Requests)), plainCell(lasting(phase.Seconds)),
			plainCell(count(phase.Facts)), plainCell(or(phase.Ended, "when it was done"))})
	}
	return rows([]string{"Phase", "Requests", "Time", "Facts", "Ended"}, out)
}
