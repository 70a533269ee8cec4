package study_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/probetest"
	"github.com/rookery-im/rookery/internal/probe/probetest/truth"
)

// noises are typical faults of servers and networks. Over all seeds each is combined with each
// other.
var noises = []probetest.Noise{
	{Volatile: "time", LossRate: 0.01},
	{Volatile: "id", Limit: 20, Per: 10 * time.Second, Status: http.StatusTooManyRequests},
	{LossRate: 0.01, Limit: 20, Per: 10 * time.Second, Status: http.StatusServiceUnavailable, RetryAfter: true},
	{Volatile: "time", LossRate: 0.01, MaxDelay: 40 * time.Millisecond, Limit: 20, Per: 10 * time.Second},
	{MaxDelay: 3 * time.Second},
}

// No fact that is stated as observed or confirmed is false, whatever the server does to requests.
func TestAllStatedFactsAreTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	t.Parallel()
	const seeds = 10
	table, err := truth.Reference()
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(seeds) {
		n := noises[seed%uint64(len(noises))]
		n.Seed = seed
		c := probetest.Config{Noise: n, TimeField: n.Volatile != "", Dialect: probetest.HTTPQQ()}
		path := httpQQ
		if seed >= seeds/2 {
			path, c.Dialect = madeUp, probetest.MadeUp()
		}
		name := fmt.Sprintf("seed %d, %s, %+v", seed, c.Dialect.Name, n)
		out := studyNoisy(t, path, c, 4500, seed+1)
		if len(out.Facts) < 700 {
			t.Errorf("%s: stopped by %q, with %d facts", name, out.Stopped, len(out.Facts))
		}
		var facts []finding.Fact
		for _, fact := range out.Facts {
			if fact.Claim == "order" && fact.Aspect == finding.AspectField {
				if fact.Grade != finding.Contested &&
					!ordered(strings.Fields(fact.Value), c.Dialect.FieldsOf(fact.Command)) {
					t.Errorf("%s: %s = %s", name, fact.ID, fact.Value)
				}
				continue
			}
			facts = append(facts, inHTTPQQ(c.Dialect, fact))
		}
		for _, problem := range table.Judge(facts) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// ordered reports whether keys are a subsequence of a list.
func ordered(keys, found []string) bool {
	for _, key := range keys {
		index := slices.Index(found, key)
		if index < 0 {
			return false
		}
		found = found[index+1:]
	}
	return true
}

// inHTTPQQ translates a fact of a dialect to HTTP QQ.
func inHTTPQQ(d *probetest.Dialect, fact finding.Fact) finding.Fact {
	tr := d.Translator()
	fact.Name, fact.Claim = inHTTPQQName(tr, &fact), inHTTPQQClaim(tr, &fact)
	fact.Command = tr.Command(fact.Command)
	fact.Scope = toRoles.Replace(fact.Scope)
	fact.Value = inHTTPQQValue(d, &fact)
	parts := []string{fact.Command, string(fact.Aspect), fact.Name, fact.Claim}
	if fact.Scope != "" {
		parts = append(parts, fact.Scope)
	}
	fact.ID = strings.ReplaceAll(strings.Join(parts, "/"), " ", "-")
	return fact
}

// toRoles maps the account names of one experiment file to those of the file of HTTP QQ.
var toRoles = strings.NewReplacer("{ann}", "{a}", "{ben}", "{b}", "{cat}", "{stranger}", "{shut}", "{closed}")

// inHTTPQQName translates the name of a fact: keys, a value of a key, a command, or words.
func inHTTPQQName(tr probetest.Translator, fact *finding.Fact) string {
	switch first, second, both := strings.Cut(fact.Name, " and "); {
	case fact.Aspect == finding.AspectField && both:
		return tr.Key(first) + " and " + tr.Key(second)
	case fact.Aspect == finding.AspectField, fact.Aspect == finding.AspectParameter,
		fact.Aspect == finding.AspectPaging:
		return tr.Key(fact.Name)
	}
	return toRoles.Replace(tr.Pairs(tr.Command(fact.Name)))
}

func inHTTPQQClaim(tr probetest.Translator, fact *finding.Fact) string {
	if value, ok := strings.CutPrefix(fact.Claim, "value "); ok {
		if tr.Key(fact.Name) == "CMD" {
			value = commandAlike(tr, fact.Command, value)
		}
		return "value " + toRoles.Replace(tr.Value(fact.Name, value))
	}
	if fact.Claim == "can be NOPE" {
		return "can be NULL"
	}
	return toRoles.Replace(tr.Pairs(tr.Command(fact.Claim)))
}

// commandAlike translates a name that resembles that of a command.
func commandAlike(tr probetest.Translator, command, value string) string {
	for _, change := range []func(string) string{
		strings.ToLower, strings.ToUpper,
		func(name string) string { return name + "x" },
		func(name string) string { return name + " " },
		func(name string) string { return name[:len(name)-1] },
	} {
		if value == change(command) {
			return change(tr.Command(command))
		}
	}
	return value
}

func inHTTPQQValue(d *probetest.Dialect, fact *finding.Fact) string {
	tr := d.Translator()
	if fact.Aspect == finding.AspectEncoding {
		return strings.NewReplacer(string(d.Pair), "&", string(d.Assign), "=", string(d.Escape),
			"%").Replace(fact.Value)
	}
	value := strings.ReplaceAll(fact.Value, d.NoAnswer, "NULL")
	switch {
	case fact.Claim == "is" && fact.Aspect == finding.AspectField, fact.Claim == "decides about":
		return tr.Keys(value)
	case fact.Claim == "default" && fact.Name == "LV":
		return tr.Value(d.Keys[slices.Index(probetest.HTTPQQ().Keys[:], "LV")], value)
	case fact.Claim == "a friend is told":
		return inOrder(toRoles.Replace(tr.Pairs(value)))
	}
	return toRoles.Replace(tr.Pairs(value))
}

// inOrder sorts the fields of a notice into the order of HTTP QQ's answers.
func inOrder(notice string) string {
	words := strings.Fields(notice)
	slices.SortStableFunc(words, func(first, second string) int {
		place := func(word string) int {
			key, _, _ := strings.Cut(word, "=")
			return slices.Index(probetest.HTTPQQ().FieldsOf("GetMsgEx"), key)
		}
		return place(first) - place(second)
	})
	return strings.Join(words, " ")
}
