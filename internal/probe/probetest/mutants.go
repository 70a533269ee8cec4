package probetest

// A Mutant is one behaviour that is changed.
type Mutant struct {
	Name       string // in kebab-case
	Kind       string // what it belongs to
	About      string // what it does differently, in a sentence
	Command    string // that the first difference found should name, "*" for three or more; in the words of HTTP QQ
	Aspect     string // likewise
	Wider      bool   // is of a kind that a study by purposes misses
	Equivalent bool   // is no difference, and must not be reported
}

// Partner is the configuration of the server that a mutant is compared to.
func (m Mutant) Partner() Config {
	return Config{Time: m.Name == timeField}
}

// Mutants are those of the benchmark.
func Mutants() []Mutant {
	return named(coreLists, coreSessions, coreRecords, corePeople, coreMail, coreHTTP, coreWider, equivalents)
}

// More are further ones, none of them equivalent: to see whether what was
// learnt from Mutants holds for others of their kinds.
func More() []Mutant {
	return named(moreLists, moreSessions, moreRecords, morePeople, moreMail, moreHTTP, moreWider)
}

// A table is a function, for a variable could be changed.
type mutantTable func() []ruleChange

type ruleChange struct {
	Mutant
	change func(*rules)
}

func named(tables ...mutantTable) []Mutant {
	var out []Mutant
	for _, mutantTable := range tables {
		for _, ruleChange := range mutantTable() {
			out = append(out, ruleChange.Mutant)
		}
	}
	return out
}

// changeOf is what the mutant of a name changes, nil if there is none.
func changeOf(name string) func(*rules) {
	for _, t := range []mutantTable{
		coreLists, coreSessions, coreRecords, corePeople, coreMail, coreHTTP, coreWider, equivalents,
		moreLists, moreSessions, moreRecords, morePeople, moreMail, moreHTTP, moreWider, fleeting,
	} {
		for _, ruleChange := range t() {
			if ruleChange.Name == name {
				return ruleChange.change
			}
		}
	}
	return nil
}

func mutate(name, kind, command, aspect, about string, change func(*rules)) ruleChange {
	return ruleChange{Mutant{Name: name, Kind: kind, About: about, Command: command, Aspect: aspect}, change}
}

func equal(name, about string, change func(*rules)) ruleChange {
	return ruleChange{Mutant{Name: name, Kind: "equivalent", About: about, Equivalent: true}, change}
}
