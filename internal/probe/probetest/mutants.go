package probetest

// Mutant is a server with one changed behaviour.
type Mutant struct {
	Name        string // in kebab-case
	Kind        string // groups similar mutants
	Description string // the difference, in a sentence
	Command     string // that the first difference found should name, "*" for three or more; in the words of HTTP QQ
	Aspect      string // expected like Command
	Wider       bool   // a study of purposes alone misses it
	Equivalent  bool   // must not be reported
}

// PartnerConfig returns the server that the mutant is compared with.
func (m Mutant) PartnerConfig() Config {
	return Config{TimeField: m.Name == timeField}
}

// Mutants returns the mutants of the benchmark.
func Mutants() []Mutant {
	return listMutants(coreLists, coreSessions, coreRecords, corePeople, coreMail, coreHTTP, coreWider, equivalents)
}

// MoreMutants returns further mutants of the same kinds, without equivalent ones. They show whether
// the prober was only tuned to [Mutants].
func MoreMutants() []Mutant {
	return listMutants(moreLists, moreSessions, moreRecords, morePeople, moreMail, moreHTTP, moreWider)
}

// mutantTable is a function because a variable could be modified.
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

// findMutant returns the change of the mutant with a name, nil if there is none.
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
