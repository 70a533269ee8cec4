package compare_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/probetest"
)

func TestEqualServersDoNotDiffer(t *testing.T) {
	file := readFile(t, "testdata/reference.yaml")
	if found, _ := findDifferences(t, file, probetest.Config{}, probetest.Config{}); len(found) > 0 {
		t.Errorf("got %d differences, want none: %s", len(found), found[0].Summary)
	}
}

func TestTwoFaultsGiveTwoDifferences(t *testing.T) {
	file := readFile(t, "testdata/reference.yaml")
	found, _ := findDifferences(t, file, probetest.Config{Mutant: "list-descending"},
		probetest.Config{Mutant: "li-says-240"})
	for _, want := range []struct {
		command string
		aspect  finding.Aspect
	}{{"List", finding.AspectPaging}, {"Login", finding.AspectField}} {
		ok := false
		for _, difference := range found {
			ok = ok || difference.Command == want.command && difference.Aspect == want.aspect
		}
		if !ok {
			t.Errorf("no difference of %s, %s", want.command, want.aspect)
		}
	}
}

func TestUnrepeatedDifferenceIsASighting(t *testing.T) {
	file := readFile(t, "testdata/reference.yaml")
	result := compareTwo(t, file, probetest.Config{}, probetest.Config{Mutant: "fails-once"})
	if len(result.Differences) > 0 {
		t.Errorf("got a difference, want a sighting: %s", result.Differences[0].Summary)
	}
	if len(result.Sightings) != 1 {
		t.Fatalf("got %d sightings, want 1", len(result.Sightings))
	}
	s := result.Sightings[0]
	last := s.Witness[len(s.Witness)-1]
	if s.Replayed != "0 of 5" || !strings.Contains(last.B, "500") || strings.Contains(last.A, "500") {
		t.Errorf("replayed %s, ends in %q and %q", s.Replayed, last.A, last.B)
	}
}

func TestMissingContentTypeIsADifference(t *testing.T) {
	file := readFile(t, "testdata/reference.yaml")
	found, _ := findDifferences(t, file, probetest.Config{}, probetest.Config{Mutant: "no-content-type"})
	if len(found) != 1 || found[0].Aspect != finding.AspectTransport {
		t.Errorf("got %d differences, want one of the aspect transport", len(found))
	}
}

// Anyone can check a difference: its witness, sent again unchanged, gets the recorded answers.
func TestWitnessReproducesItsDifference(t *testing.T) {
	file := readFile(t, "testdata/reference.yaml")
	for _, mutant := range []string{"timeout-240", "message-lost-if-offline", "list-cursor-inclusive",
		"unknown-command-null"} {
		t.Run(mutant, func(t *testing.T) {
			t.Parallel()
			urls := [2]string{listen(t, probetest.Config{}), listen(t, probetest.Config{Mutant: mutant})}
			found, _ := findDifferences(t, file, probetest.Config{}, probetest.Config{Mutant: mutant})
			if len(found) == 0 {
				t.Fatal("no difference was found")
			}
			difference := found[0]
			last := difference.Witness[len(difference.Witness)-1]
			if last.A == last.B {
				t.Errorf("the witness ends in equal answers: %s", last.A)
			}
			for i, url := range urls {
				post(t, url+"control/reset", "")
				for _, step := range difference.Witness {
					if step.Wait > 0 {
						post(t, url+"control/clock", strconv.FormatFloat(step.Wait, 'f', -1, 64))
						continue
					}
					want := [2]string{step.A, step.B}[i]
					if got := post(t, url, step.Request); got != want {
						t.Errorf("server %d: got %q for %q, want %q as in the witness", i, got, step.Request, want)
					}
				}
			}
		})
	}
}

func post(t *testing.T, url, body string) string {
	t.Helper()
	resp, err := http.Post(url, "text/plain; charset=UTF-8", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
