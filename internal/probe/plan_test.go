package probe_test

import (
	"context"
	"testing"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/study"
)

func TestPlanCountsRequestsAndSendsNothing(t *testing.T) {
	c := listenAndCount(t, "127.0.0.1:0")
	url := "http://" + c.Addr().String() + "/"
	for _, name := range append(experiment.ShippedNames(), referenceFile) {
		for _, servers := range [][]string{{url}, {url, url}} {
			options := probe.Options{Experiment: loadExperiment(t, name), ServerURLs: servers, RequestBudget: 3000,
				Seed:   1,
				Folder: t.TempDir()}
			plan, err := probe.NewPlan(context.Background(), options)
			if err != nil {
				t.Fatal(err)
			}
			if plan.Requests == 0 || plan.Requests > plan.Budget || plan.MinRequests >= plan.Budget ||
				plan.MinRequests < len(options.Experiment.File.Commands) {
				t.Errorf("%s: got %d requests of %d, at least %d", name, plan.Requests, plan.Budget, plan.MinRequests)
			}
			for _, phase := range plan.Phases {
				if phase.Description == "" {
					t.Errorf("%s has no description", phase.Name)
				}
			}
			if got := readFiles(t, options.Folder); len(got) > 0 {
				t.Errorf("NewPlan wrote %d files, want none", len(got))
			}
		}
	}
	if n := c.connections.Load(); n > 0 {
		t.Errorf("NewPlan connected %d times, want 0", n)
	}
}

func TestPlanHasAllPhases(t *testing.T) {
	o := newOptions(t, "http://127.0.0.1:9/")
	o.RequestBudget = 20_000
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
			t.Errorf("the plan has no phase %s", name)
		}
	}
}

func TestPlanCountsRealWaits(t *testing.T) {
	for name, real := range map[string]bool{"http-qq-1.1": true, referenceFile: false} {
		experiment := loadExperiment(t, name)
		if real == (experiment.File.Clock.URL != "") {
			t.Fatalf("%s has the clock URL %q", name, experiment.File.Clock.URL)
		}
		plan, err := probe.NewPlan(context.Background(), probe.Options{
			Experiment: experiment, ServerURLs: []string{"http://127.0.0.1:9/"}, RequestBudget: 3000, Seed: 1,
			Folder: t.TempDir(),
		})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, phase := range plan.Phases {
			sum += phase.WaitSeconds
		}
		if sum != plan.WaitSeconds || (plan.WaitSeconds > 60) != real || plan.WaitSeconds > plan.Seconds ||
			plan.MaxSeconds < plan.Seconds {
			t.Errorf("%s: waits of %v s, %v s by phase, within %v s, at most %v s", name, plan.WaitSeconds, sum,
				plan.Seconds,
				plan.MaxSeconds)
		}
	}
}
