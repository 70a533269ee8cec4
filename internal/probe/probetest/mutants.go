package probetest

// Mutant is a server with one changed behaviour.
type Mutant struct {
	Name        string // in kebab-case
	Kind        string // groups similar mutants
	Description string // the difference, in a sentence
	// Command and Aspect are what the first difference that the prober finds should name. Command is
	// in the words of HTTP QQ, or "*" for a difference in three or more commands.
	Command, Aspect string
	// Wider marks a mutant that a study misses if it tries only what commands are for.
	Wider bool
	// Equivalent marks a difference that the prober must not report.
	Equivalent bool
}

// PartnerConfig returns the configuration of the server that the mutant is compared with. It has no
// mutant. For the time-field mutant both servers send the field, whose values then differ.
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

// mutantTable returns a group of mutants. It is a function because code could modify a variable.
type mutantTable func() []mutantChange

// mutantChange is a mutant with the function that turns the rules of the protocol into its own.
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

// findMutant returns the change of the mutant with the given name, or nil.
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
