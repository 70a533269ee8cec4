package study

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// edges finds by halving where values stop being taken: lengths of texts and
// marks, and sizes of numbers.
func (v *variantJudge) edges(u commandContext) error {
	switch v.parameter.Type {
	case experiment.TypeText, experiment.TypeMark:
		if v.base.outcome == "done" {
			return v.longest(u)
		}
	case experiment.TypeCount, experiment.TypeCursor, experiment.TypeNumber, experiment.TypeTarget, experiment.TypeSelf:
		return v.numbers(u)
	}
	return nil
}

// An edge is between two values that are answered otherwise.
type valueBounds struct{ low, high *variantTrial }

// longest finds the longest text that is taken.
func (v *variantJudge) longest(u commandContext) error {
	var e valueBounds
	low, high := 0, 0
	for i := range v.trials {
		variantTrial := &v.trials[i]
		n := uniformLength(variantTrial)
		switch {
		case n == 0:
		case variantTrial.outcome == "done" && (e.low == nil || n > low):
			e.low, low = variantTrial, n
		case variantTrial.outcome != "done" && (e.high == nil || n < high):
			e.high, high = variantTrial, n
		}
	}
	if e.low == nil || e.high == nil || high <= low {
		return nil
	}
	for high-low > 1 {
		n := (low + high) / 2
		value := strings.Repeat("x", n)
		if v.parameter.Type == experiment.TypeMark {
			value = markOfLength(n)
		}
		variantTrial, err := v.tryValue(u, value)
		if err != nil || variantTrial == nil {
			return err
		}
		if variantTrial.outcome == "done" {
			e.low, low = variantTrial, n
		} else {
			e.high, high = variantTrial, n
		}
	}
	v.both(e, "longest", fmt.Sprint(low), fmt.Sprintf("has at most %d characters of one byte each", low))
	return nil
}

// uniformLength is the length of a value that differs from others in nothing but its
// length, 0 for any other value.
func uniformLength(t *variantTrial) int {
	value := strings.ReplaceAll(t.value, "{seq}", strings.Repeat("9", lab.MarkLength))
	if !t.plain || value == "" || value > "~" || strings.Trim(value, value[:1]) != "" {
		return 0
	}
	return len(value)
}

// both states a fact that needs the two trials beside an edge.
func (v *variantJudge) both(e valueBounds, claim, value, statement string) {
	factEvidence := v.state(e.high, claim, value, statement)
	if id := e.low.trace.Answers[e.low.at].ID; !slices.Contains(factEvidence.Evidence, id) {
		factEvidence.Evidence = append(factEvidence.Evidence, id)
		factEvidence.Observations++
	}
}

func (v *variantJudge) tryValue(u commandContext, value string) (*variantTrial, error) {
	return v.tryOne(u, parameterVariant{name: value, changes: []experiment.PairChange{set(v.parameter.Key, value)}, value: value, plain: true})
}

// numbers finds each place where numbers begin to be answered otherwise.
func (v *variantJudge) numbers(u commandContext) error {
	var all []*variantTrial
	for i := range v.trials {
		if variantTrial := &v.trials[i]; variantTrial.plain && variantTrial.value != "" && number(variantTrial.value) != nil {
			all = append(all, variantTrial)
		}
	}
	slices.SortStableFunc(all, func(x, y *variantTrial) int { return number(x.value).Cmp(number(y.value)) })
	for i := 1; i < len(all); i++ {
		if v.told(all[i-1]) == v.told(all[i]) {
			continue
		}
		if err := v.between(u, valueBounds{all[i-1], all[i]}); err != nil {
			return err
		}
	}
	return nil
}

// number is the number that a value is, nil if it is none.
func number(value string) *big.Int {
	if strings.Trim(value, "-0123456789") != "" || value != "0" && strings.HasPrefix(value, "0") {
		return nil
	}
	n, ok := new(big.Int).SetString(value, 10)
	if !ok {
		return nil
	}
	return n
}

// between narrows an edge between two numbers.
func (v *variantJudge) between(u commandContext, e valueBounds) error {
	if err := v.guess(u, &e); err != nil {
		return err
	}
	low, high := number(e.low.value), number(e.high.value)
	one := big.NewInt(1)
	for new(big.Int).Sub(high, low).Cmp(one) > 0 {
		middle := new(big.Int).Rsh(new(big.Int).Add(low, high), 1)
		variantTrial, err := v.tryValue(u, middle.String())
		if err != nil || variantTrial == nil {
			return err
		}
		switch v.told(variantTrial) {
		case v.told(e.low):
			low, e.low = middle, variantTrial
		case v.told(e.high):
			high, e.high = middle, variantTrial
		default:
			return nil // there is something else between them, such as an account that there is
		}
	}
	v.both(e, "numbers from "+high.String(), v.told(e.high),
		fmt.Sprintf("as %s is answered %s, and as %s %s", low, v.told(e.low), high, v.told(e.high)))
	return nil
}

// guess tries whether numbers end where those of so many bits or digits do: most
// edges are there, and halving takes dozens of requests.
func (v *variantJudge) guess(u commandContext, e *valueBounds) error {
	var at []*big.Int
	for _, bits := range []uint{8, 15, 16, 31, 32, 63, 64} {
		at = append(at, new(big.Int).Lsh(big.NewInt(1), bits))
	}
	for n := big.NewInt(10); len(n.String()) < 12; n = new(big.Int).Mul(n, big.NewInt(10)) {
		at = append(at, n)
	}
	for _, n := range at {
		below := new(big.Int).Sub(n, big.NewInt(1))
		if below.Cmp(number(e.low.value)) < 0 || n.Cmp(number(e.high.value)) > 0 {
			continue
		}
		for _, value := range []*big.Int{below, n} {
			variantTrial, err := v.tryValue(u, value.String())
			if err != nil || variantTrial == nil {
				return err
			}
			switch v.told(variantTrial) {
			case v.told(e.low):
				e.low = variantTrial
			case v.told(e.high):
				e.high = variantTrial
				return nil
			default:
				return nil
			}
		}
	}
	return nil
}
