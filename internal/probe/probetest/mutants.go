package probetest

// A Mutant is one behaviour that is changed.
type Mutant struct {
	Name        string // in kebab-case
	Kind        string // what it belongs to
	Description string // what it does differently, in a sentence
	Command     string // that the first difference found should name, "*" for three or more; in the words of HTTP QQ
	Aspect      string // likewise
	Wider       bool   // is of a kind that a study by purposes misses
	Equivalent  bool   // is no difference, and must not be reported
}

// PartnerConfig is the configuration of the server that a mutant is compared to.
func (m Mutant) PartnerConfig() Config {
	return Config{TimeField: m.Name == timeField}
}

// Mutants are those of the benchmark.
func Mutants() []Mutant {
	return listMutants(coreLists, coreSessions, coreRecords, corePeople, coreMail, coreHTTP, coreWider, equivalents)
}

// MoreMutants are further ones, none of them equivalent: to see whether what was
// learnt from Mutants holds for others of their kinds.
func MoreMutants() []Mutant {
	return listMutants(moreLists, moreSessions, moreRecords, morePeople, moreMail, moreHTTP, moreWider)
}

// A table is a function, for a variable could be changed.
type mutantTable func() []mutantChange

type mutantChange struct {
	Mutant
	change func(*serverRules)
}

func listMutants(tables ...mutantTable) []Mutant {
	var mutants []Mutant
	for _, table := range tables {
		for _, change := range table() {
			mutants = append(mutants, change.Mutant)
		}
	}
	return mutants
}

// findMutant is what the mutant of a name changes, nil if there is none.
func findMutant(name string) func(*serverRules) {
	for _, table := range []mutantTable{
		coreLists, coreSessions, coreRecords, corePeople, coreMail, coreHTTP, coreWider, equivalents,
		moreLists, moreSessions, moreRecords, morePeople, moreMail, moreHTTP, moreWider, transientFaults,
	} {
		for _, change := range table() {
			if change.Name == name {
				return change.change
			}
		}
	}
	return nil
}

func newMutant(name, kind, command, aspect, about string, change func(*serverRules)) mutantChange {
	return mutantChange{Mutant{Name: name, Kind: kind, Description: about, Command: command, Aspect: aspect}, change}
}

func newEquivalent(name, about string, change func(*serverRules)) mutantChange {
	return mutantChange{Mutant{Name: name, Kind: "equivalent", Description: about, Equivalent: true}, change}
}
