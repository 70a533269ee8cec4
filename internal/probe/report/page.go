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

func head(s *finding.Study) []block {
	var out []block
	for i, server := range s.Servers {
		label := "Server"
		if compared(s) {
			label += " " + string(rune('A'+i))
		}
		sent := 0
		if i < len(s.Requests) {
			sent = s.Requests[i]
		}
		out = append(out, says(bold(label+": "), wire(server),
			textSpan{Text: fmt.Sprintf(", %s of %s requests.", count(sent), count(s.Budget))}))
	}
	out = append(out, para(fmt.Sprintf("Began %s, took %s, %s, %s, seed %d.",
		or(moment(s.Began), "at a time that is not known"), lasting(s.Seconds),
		plural(s.Tries, "experiment"), plural(s.Faults, "transport failure"), s.Seed)))
	if s.Stopped != "" {
		return append(out, note(bold("Stopped early: "), textSpan{Text: sentence(s.Stopped)},
			textSpan{Text: " What is missing is named under "}, to("what was not tested", "untested"), textSpan{Text: "."}))
	}
	early := slices.ContainsFunc(s.Phases, func(p finding.Phase) bool { return p.Ended != "" })
	switch {
	case len(s.Phases) == 0:
		out = append(out, note(textSpan{Text: "No phase was begun."}))
	case early:
		out = append(out, note(textSpan{Text: "Some phases ended early; "}, to("the last table", "transcript"),
			textSpan{Text: " says which."}))
	}
	return out
}

// gaps are what was not tested: what the study says so itself, and the facts that
// no experiment was made for.
func gaps(s *finding.Study) []block {
	type reason struct {
		why  string
		more int
	}
	var order []reason
	whats := map[reason][]string{}
	for _, g := range s.Untested {
		r := reason{g.Why, g.Requests}
		if whats[r] == nil {
			order = append(order, r)
		}
		whats[r] = append(whats[r], g.What)
	}
	var list [][]textSpan
	for _, r := range order {
		line := []textSpan{bold(strings.Join(whats[r], ", ")), {Text: ": " + sentence(r.why)}}
		if r.more > 0 {
			line = append(line, textSpan{Text: fmt.Sprintf(" Some %s more would.", plural(r.more, "request"))})
		}
		list = append(list, line)
	}
	for _, f := range ofGrade(s.Facts, finding.Untested) {
		list = append(list, append(statement(f), soft(" "+f.Bound)))
	}
	switch {
	case len(list) > 0:
		return []block{{List: list}}
	case len(s.Facts) == 0:
		return []block{para("Nothing was tested.")}
	}
	return []block{para("Nothing that was planned was left out. What no plan asks for is told under method and limits.")}
}

// scenarios shows each scenario as it was sent and answered, and what follows.
func scenarios(s *finding.Study) []block {
	var out []block
	for _, sc := range s.Scenarios {
		out = append(out, heading(sc.Name))
		if follows := scenarioFacts(s, sc); len(follows) > 0 {
			out = append(out, block{List: statements(follows)})
		} else {
			out = append(out, para("Comparing its answers shows nothing new."))
		}
		var steps [][]tableCell
		for i, step := range sc.Steps {
			n := plainCell(fmt.Sprint(i + 1))
			if step.Wait > 0 {
				steps = append(steps, []tableCell{n, plainCell(lasting(step.Wait) + " go by"), nil})
				continue
			}
			e := step.Exchange
			steps = append(steps, []tableCell{n, {wire(or(e.Request, step.Step))}, {wire(or(e.Response, "no answer"))}})
		}
		out = append(out, rows([]string{"Step", "Sent", "Answered"}, steps)...)
	}
	return out
}

func scenarioFacts(s *finding.Study, sc finding.Scenario) []finding.Fact {
	var out []finding.Fact
	for _, id := range sc.Facts {
		if i := slices.IndexFunc(s.Facts, func(f finding.Fact) bool { return f.ID == id }); i >= 0 {
			out = append(out, s.Facts[i])
		}
	}
	return out
}

func statements(facts []finding.Fact) [][]textSpan {
	var out [][]textSpan
	for _, f := range facts {
		line := statement(f)
		if f.Grade != finding.Confirmed {
			line = append(line, soft(" ("+string(f.Grade)+")"))
		}
		out = append(out, line)
	}
	return out
}

func noise(s *finding.Study) []block {
	switch {
	case len(s.Noise) == 0 && s.Tries == 0:
		return []block{para("No equal requests were made.")}
	case len(s.Noise) == 0:
		return []block{para("Equal requests got equal answers: no field had to be masked.")}
	}
	var out [][]tableCell
	for _, n := range s.Noise {
		out = append(out, []tableCell{plainCell(n.Command), {wire(n.Key)}, wires(few(n.Values))})
	}
	return append([]block{para("These fields differ between equal requests. They are masked, each by itself.")},
		rows([]string{"Command", "Field", "Seen"}, out)...)
}

func allFacts(s *finding.Study, at map[string]string) []block {
	var out []block
	for _, name := range commandsOf(s) {
		facts := byWeight(s.Facts, func(f finding.Fact) bool { return f.Command == name })
		if len(facts) == 0 {
			continue
		}
		var list [][]tableCell
		for _, f := range facts {
			said := statement(f)
			if extra := strings.TrimSpace(f.Scope + " " + f.Bound); extra != "" {
				said = append(said, soft(" "+extra))
			}
			shows := evidence(f.Evidence, at)
			if len(f.Against) > 0 {
				shows = append(append(shows, textSpan{Text: "; against: "}), evidence(f.Against, at)...)
			}
			list = append(list, []tableCell{plainCell(string(f.Grade)), said, {soft(support(f))}, shows})
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
func commandsOf(s *finding.Study) []string {
	names := []string{"*"}
	for _, c := range s.Commands {
		names = append(names, c.Name)
	}
	for _, f := range s.Facts {
		if !slices.Contains(names, f.Command) {
			names = append(names, f.Command)
		}
	}
	return names
}

func methodBlocks(s *finding.Study) []block {
	var out []block
	for _, p := range strings.Split(method, "\n\n") {
		title, text, _ := strings.Cut(strings.Join(strings.Fields(p), " "), ": ")
		out = append(out, says(bold(title+". "), textSpan{Text: text}))
	}
	grades := "Each fact has a grade."
	for _, g := range finding.Grades() {
		grades += " " + string(g) + ": " + gradeMeans[g] + "."
	}
	out = append(out, says(bold("Grades. "), textSpan{Text: grades}))
	if s.Experiment != "" {
		out = append(out, folded("The experiment file", block{Verbatim: s.Experiment}))
	}
	return out
}

func phases(s *finding.Study) []block {
	if len(s.Phases) == 0 {
		return []block{para("No phase was begun.")}
	}
	var out [][]tableCell
	for _, p := range s.Phases {
		out = append(out, []tableCell{plainCell(p.Name), plainCell(count(p.Requests)), plainCell(lasting(p.Seconds)),
			plainCell(count(p.Facts)), plainCell(or(p.Ended, "when it was done"))})
	}
	return rows([]string{"Phase", "Requests", "Time", "Facts", "Ended"}, out)
}
