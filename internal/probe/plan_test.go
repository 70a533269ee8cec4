package probe_test

import (
	"context"
	"testing"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/study"
)

func TestAPlanSaysWhatAStudyTakesAndSendsNothing(t *testing.T) {
	c := count(t, "127.0.0.1:0")
	url := "http://" + c.Addr().String() + "/"
	for _, name := range append(experiment.ShippedNames(), referenceFile) {
		for _, servers := range [][]string{{url}, {url, url}} {
			options := probe.Options{Experiment: load(t, name), Servers: servers, Requests: 3000, Seed: 1, Dir: t.TempDir()}
			plan, err := probe.NewPlan(context.Background(), options)
			if err != nil {
				t.Fatal(err)
			}
			if plan.Requests == 0 || plan.Requests > plan.Budget || plan.Least >= plan.Budget || plan.Least < len(options.Experiment.File.Commands) {
				t.Errorf("%s: %d requests of %d, at least %d", name, plan.Requests, plan.Budget, plan.Least)
			}
			for _, phase := range plan.Phases {
				if phase.Does == "" {
					t.Errorf("%s: nothing is said of what it does", phase.Name)
				}
			}
			if got := files(t, options.Dir); len(got) > 0 {
				t.Errorf("it has written %d files", len(got))
			}
		}
	}
	if n := c.n.Load(); n > 0 {
		t.Errorf("it has connected %d times", n)
	}
}

func TestAPlanHasAllPhases(t *testing.T) {
	o := options(t, "http://127.0.0.1:9/")
	o.Requests = 20_000
	plan, err := probe.NewPlan(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, phase := range plan.Phases {
		names[phase.Name] = true
	}
	for _, name := range study.PhaseNames() {
		if !names[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestAPlanSaysHowLongTheRealWaitsAre(t *testing.T) {
	for name, real := range map[string]bool{"http-qq-1.1": true, referenceFile: false} {
		experiment := load(t, name)
		if real == (experiment.File.Clock.URL != "") {
			t.Fatalf("%s has the clock URL %q", name, experiment.File.Clock.URL)
		}
		plan, err := probe.NewPlan(context.Background(), probe.Options{
			Experiment: experiment, Servers: []string{"http://127.0.0.1:9/"}, Requests: 3000, Seed: 1, Dir: t.TempDir(),
		})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, phase := range plan.Phases {
			sum += phase.Waits
		}
		if sum != plan.Waits || (plan.Waits > 60) != real || plan.Waits > plan.Seconds || plan.Most < plan.Seconds {
			t.Errorf("%s: waits %v, by phase %v, of %v, at most %v", name, plan.Waits, sum, plan.Seconds, plan.Most)
		}
	}
}
