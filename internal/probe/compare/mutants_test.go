package compare_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/compare"
	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/probetest"
	"github.com/rookery-im/rookery/internal/probe/study"
)

var (
	update        = flag.Bool("update", false, "write the benchmark's table into docs/prober.md")
	withoutPhases = flag.Bool("hold-out", false, "print what is found without one phase at a time, and nothing else")
	mutantFilter  = flag.String("mutant", "", "only the mutants whose name holds this, with all that was found of them")
)

// budget is the number of requests for each of the two servers.
const budget = 3000

// The aims of the benchmark.
const (
	minScore       = 85.0
	maxFalseAlarms = 0
)

// mutantResult holds what was found of one mutant.
type mutantResult struct {
	probetest.Mutant
	differences   []finding.ServerDifference
	sent          [2]int
	foundByFuzzer bool
}

func (r *mutantResult) isFound() bool { return len(r.differences) > 0 }

// isNamed reports whether the first difference names the command whose answer differs.
func (r *mutantResult) isNamed() bool { return r.isFound() && r.differences[0].Command == r.Command }

// hasAspect reports whether the first difference also has the expected aspect.
func (r *mutantResult) hasAspect() bool {
	return r.isNamed() && string(r.differences[0].Aspect) == r.Aspect
}

// score counts results.
type score struct{ mutants, found, named, classed, alarms int }

func scoreOf(all []*mutantResult) (s score) {
	for _, r := range all {
		switch {
		case r.Equivalent && r.isFound():
			s.alarms++
		case r.Equivalent:
		default:
			s.mutants++
			s.found += boolToInt(r.isFound())
			s.named += boolToInt(r.isNamed())
			s.classed += boolToInt(r.hasAspect())
		}
	}
	return s
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// points returns the score of the benchmark: 100 if every mutant is found and its command is
// named, less 5 for each false alarm.
func (s score) points() float64 {
	n := float64(max(s.mutants, 1))
	return 50*float64(s.found)/n + 50*float64(s.named)/n - 5*float64(s.alarms)
}

func (s score) String() string {
	return fmt.Sprintf("found %d of %d, rightly named %d, with the right aspect %d, false alarms %d: score %.1f",
		s.found, s.mutants, s.named, s.classed, s.alarms, s.points())
}

func TestMutantsAreFoundAndNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	file := readFile(t, "testdata/reference.yaml")
	all := compareAll(t, file, nil, sample(probetest.Mutants(), stepUnderRace(3)))
	checkScore(t, all)
	if *mutantFilter == "" && !*withoutPhases && !raceDetector {
		runFuzzer(t, all)
		checkTable(t, all)
	}
}

// These mutants were not used while the prober was developed.
func TestFurtherMutantsAreFoundAndNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	file := readFile(t, "testdata/reference.yaml")
	checkScore(t, compareAll(t, file, nil, sample(probetest.MoreMutants(), stepUnderRace(4))))
}

// The same prober finds the same mutants in a protocol with other names, separators and orders,
// given another experiment file.
func TestMutantsOfAMadeUpDialectAreFoundAndNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	file := readFile(t, "../experiment/files/made-up.yaml")
	mutants := sample(append(probetest.Mutants(), probetest.MoreMutants()...), stepUnderRace(12))
	checkScore(t, compareAll(t, file, probetest.MadeUp(), mutants))
}

// TestMutantsWithoutOnePhase prints, with -hold-out -v, what is found without one phase
// at a time. The table shows what each phase earns, and how well the other phases find
// the faults that it was made for. It takes every third mutant, because all of them
// take an hour.
func TestMutantsWithoutOnePhase(t *testing.T) {
	if !*withoutPhases {
		return
	}
	file := readFile(t, "testdata/reference.yaml")
	all := sample(append(probetest.Mutants(), probetest.MoreMutants()...), 3)
	t.Logf("| left out | found of %d | named | not found |\n|---|---|---|---|", len(all))
	for _, phase := range append([]string{"nothing"}, study.ComparisonPhases()...) {
		results := compareAll(t, file, nil, all, phase)
		var lost []string
		for _, r := range results {
			if !r.Equivalent && !r.isFound() {
				lost = append(lost, r.Name)
			}
		}
		s := scoreOf(results)
		t.Logf("| %s | %d | %d | %s |", phase, s.found, s.named, strings.Join(lost, ", "))
	}
}

// sample returns every n-th mutant. All of them would take minutes with the race detector.
func sample(all []probetest.Mutant, n int) []probetest.Mutant {
	var some []probetest.Mutant
	for i, m := range all {
		if strings.Contains(m.Name, *mutantFilter) && (i%n == 0 || *mutantFilter != "") {
			some = append(some, m)
		}
	}
	return some
}

func stepUnderRace(n int) int {
	if raceDetector {
		return n
	}
	return 1
}

// compareAll compares each mutant with the unchanged server.
func compareAll(
	t *testing.T,
	file *experiment.File,
	d *probetest.Dialect,
	mutants []probetest.Mutant,
	without ...string,
) []*mutantResult {
	t.Helper()
	if *withoutPhases && without == nil {
		return nil
	}
	all := make([]*mutantResult, len(mutants))
	t.Run("each", func(t *testing.T) {
		for i, m := range mutants {
			t.Run(m.Name, func(t *testing.T) {
				t.Parallel()
				configA := m.PartnerConfig()
				configA.Dialect = d
				configB := configA
				configB.Mutant = m.Name
				r := &mutantResult{Mutant: m}
				r.Command = d.CommandName(m.Command)
				r.differences, r.sent = findDifferences(t, file, configA, configB, without...)
				all[i] = r
				logUnexpected(t, r)
			})
		}
	})
	return all
}

func findDifferences(
	t *testing.T,
	file *experiment.File,
	configA, configB probetest.Config,
	without ...string,
) ([]finding.ServerDifference, [2]int) {
	result := compareTwo(t, file, configA, configB, without...)
	return result.Differences, [2]int(result.Requests)
}

// compareTwo compares two servers within the benchmark's budget.
func compareTwo(
	t *testing.T,
	file *experiment.File,
	configA, configB probetest.Config,
	without ...string,
) *finding.Study {
	la, lb := newMemoryLab(t, file, "a", configA), newMemoryLab(t, file, "b", configB)
	result, err := compare.Run(context.Background(),
		compare.Config{File: file, A: la, B: lb, Seed: 1, StudyConfig: study.Config{SkippedPhases: without}})
	if err != nil {
		t.Fatal(err)
	}
	for _, sighting := range result.Sightings {
		if shown, replays, _ := strings.Cut(sighting.Replayed, " of "); shown == replays && shown != "0" {
			t.Errorf("%q showed again %s times, but counts as not shown again", sighting.Summary, sighting.Replayed)
		}
	}
	result.Requests = []int{la.Sent(), lb.Sent()}
	if la.Sent() > budget || lb.Sent() > budget {
		t.Errorf("%d and %d requests, more than the budget of %d", la.Sent(), lb.Sent(), budget)
	}
	return result
}

// logUnexpected logs what was found of a mutant if it is not as expected.
func logUnexpected(t *testing.T, r *mutantResult) {
	if *mutantFilter == "" && (r.Equivalent && !r.isFound() || r.hasAspect()) {
		return
	}
	t.Logf("%s: %s; wanted %s/%s", r.Name, r.Description, r.Command, r.Aspect)
	for _, difference := range r.differences {
		t.Logf("  %s/%s/%s, shown %s: %s", difference.Command, difference.Aspect, difference.Name, difference.Replayed,
			difference.Summary)
	}
}

func checkScore(t *testing.T, all []*mutantResult) {
	t.Helper()
	s := scoreOf(all)
	t.Log(s)
	if *mutantFilter != "" || *withoutPhases {
		return
	}
	if s.points() < minScore {
		t.Errorf("the score is below %v", minScore)
	}
	if s.alarms > maxFalseAlarms {
		t.Errorf("%d false alarms", s.alarms)
	}
}

// runFuzzer gives the same mutants to a plain fuzzer, which must find fewer.
func runFuzzer(t *testing.T, all []*mutantResult) {
	t.Helper()
	var mu sync.Mutex // guards found
	found := 0
	t.Run("baseline", func(t *testing.T) {
		for _, r := range all {
			t.Run(r.Name, func(t *testing.T) {
				t.Parallel()
				configB := r.PartnerConfig()
				configB.Mutant = r.Name
				ok, _, err := probetest.Fuzz(context.Background(), listen(t, r.PartnerConfig()), listen(t, configB),
					budget, 1, nil)
				if err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				defer mu.Unlock()
				r.foundByFuzzer = ok
				if ok && !r.Equivalent {
					found++
				}
			})
		}
	})
	s := scoreOf(all)
	t.Logf("the fuzzer found %d of %d", found, s.mutants)
	if found >= s.found {
		t.Errorf("the fuzzer found %d, the prober %d", found, s.found)
	}
}

func readFile(t testing.TB, path string) *experiment.File {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Parse(path, text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func listen(t testing.TB, c probetest.Config) string {
	t.Helper()
	s, err := probetest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// newMemoryLab returns a lab that is connected to a reference server in memory.
func newMemoryLab(t testing.TB, file *experiment.File, name string, c probetest.Config) *lab.Lab {
	t.Helper()
	s, err := probetest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	dial, stop := s.ServeInMemory()
	l, err := lab.New(
		lab.Config{File: file, URL: "http://127.0.0.1/", Name: name, MaxRequests: budget, Salt: 1, Dial: dial},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); stop() })
	return l
}
