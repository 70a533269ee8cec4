package study

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// findBounds searches by bisection for the limits of accepted values: the length of texts and
// marks, and the size of numbers.
func (v *parameterJudge) findBounds(plan trialPlan) error {
	switch v.parameter.Type {
	case experiment.TypeText, experiment.TypeMark:
		if v.base.outcome == "done" {
			return v.findLongestText(plan)
		}
	case experiment.TypeCount, experiment.TypeCursor, experiment.TypeNumber, experiment.TypeTarget, experiment.TypeSelf:
		return v.findNumberBounds(plan)
	}
	return nil
}

// valueBounds are trials of two values that are answered differently. The bound lies between them.
type valueBounds struct{ low, high *variantTrial }

// findLongestText finds the length of the longest accepted text.
func (v *parameterJudge) findLongestText(plan trialPlan) error {
	var bounds valueBounds
	low, high := 0, 0
	for i := range v.trials {
		trial := &v.trials[i]
		count := uniformLength(trial)
		switch {
		case count == 0:
		case trial.outcome == "done" && (bounds.low == nil || count > low):
			bounds.low, low = trial, count
		case trial.outcome != "done" && (bounds.high == nil || count < high):
			bounds.high, high = trial, count
		}
	}
	if bounds.low == nil || bounds.high == nil || high <= low {
		return nil
	}
	for high-low > 1 {
		count := (low + high) / 2
		value := strings.Repeat("x", count)
		if v.parameter.Type == experiment.TypeMark {
			value = markOfLength(count)
		}
		trial, err := v.tryValue(plan, value)
		if err != nil || trial == nil {
			return err
		}
		if trial.outcome == "done" {
			bounds.low, low = trial, count
		} else {
			bounds.high, high = trial, count
		}
	}
	v.stateBounds(bounds, "longest", fmt.Sprint(low), fmt.Sprintf("has at most %d characters of one byte each", low))
	return nil
}

// uniformLength returns the length of a value that consists of one repeated ASCII character, and 0 for
// other values. A {seq} placeholder counts as nines.
func uniformLength(trial *variantTrial) int {
	value := strings.ReplaceAll(trial.value, "{seq}", strings.Repeat("9", lab.MarkLength))
	if !trial.isPlainValue || value == "" || value > "~" || strings.Trim(value, value[:1]) != "" {
		return 0
	}
	return len(value)
}

// stateBounds states a fact that needs the trials on both sides of a bound.
func (v *parameterJudge) stateBounds(bounds valueBounds, claim, value, statement string) {
	stated := v.stateParameter(bounds.high, claim, value, statement)
	if id := bounds.low.trace.Answers[bounds.low.index].ID; !slices.Contains(stated.Evidence, id) {
		stated.Evidence = append(stated.Evidence, id)
		stated.Observations++
	}
}

func (v *parameterJudge) tryValue(plan trialPlan, value string) (*variantTrial, error) {
	return v.tryVariant(plan, parameterVariant{name: value,
		changes: []experiment.PairChange{setKey(v.parameter.Key, value)}, value: value, isPlainValue: true})
}

// findNumberBounds finds each number at which the answer changes.
func (v *parameterJudge) findNumberBounds(plan trialPlan) error {
	var sortedTrials []*variantTrial
	for i := range v.trials {
		if trial := &v.trials[i]; trial.isPlainValue && trial.value != "" && parseNumber(trial.value) != nil {
			sortedTrials = append(sortedTrials, trial)
		}
	}
	slices.SortStableFunc(sortedTrials, func(first,
		second *variantTrial) int {
		return parseNumber(first.value).Cmp(parseNumber(second.value))
	})
	for i := 1; i < len(sortedTrials); i++ {
		if v.answerCode(sortedTrials[i-1]) == v.answerCode(sortedTrials[i]) {
			continue
		}
		if err := v.narrowBounds(plan, valueBounds{sortedTrials[i-1], sortedTrials[i]}); err != nil {
			return err
		}
	}
	return nil
}

// parseNumber returns the number that a value represents, nil if it is no number in canonical form.
func parseNumber(value string) *big.Int {
	if strings.Trim(value, "-0123456789") != "" || value != "0" && strings.HasPrefix(value, "0") {
		return nil
	}
	number, ok := new(big.Int).SetString(value, 10)
	if !ok {
		return nil
	}
	return number
}

// narrowBounds narrows the range between two numbers until they are adjacent.
func (v *parameterJudge) narrowBounds(plan trialPlan, bounds valueBounds) error {
	if err := v.tryUsualBounds(plan, &bounds); err != nil {
		return err
	}
	low, high := parseNumber(bounds.low.value), parseNumber(bounds.high.value)
	one := big.NewInt(1)
	for new(big.Int).Sub(high, low).Cmp(one) > 0 {
		middle := new(big.Int).Rsh(new(big.Int).Add(low, high), 1)
		trial, err := v.tryValue(plan, middle.String())
		if err != nil || trial == nil {
			return err
		}
		switch v.answerCode(trial) {
		case v.answerCode(bounds.low):
			low, bounds.low = middle, trial
		case v.answerCode(bounds.high):
			high, bounds.high = middle, trial
		default:
			return nil // a third answer in between, for example an existing account
		}
	}
	v.stateBounds(bounds, "numbers from "+high.String(), v.answerCode(bounds.high),
		fmt.Sprintf("as %s is answered %s, and as %s %s", low, v.answerCode(bounds.low), high,
			v.answerCode(bounds.high)))
	return nil
}

// tryUsualBounds tries powers of two and ten first. Most bounds are there, and bisection takes
// dozens of requests.
func (v *parameterJudge) tryUsualBounds(plan trialPlan, bounds *valueBounds) error {
	var candidates []*big.Int
	for _, bits := range []uint{8, 15, 16, 31, 32, 63, 64} {
		candidates = append(candidates, new(big.Int).Lsh(big.NewInt(1), bits))
	}
	for number := big.NewInt(10); len(number.String()) < 12; number = new(big.Int).Mul(number, big.NewInt(10)) {
		candidates = append(candidates, number)
	}
	for _, n := range candidates {
		below := new(big.Int).Sub(n, big.NewInt(1))
		if below.Cmp(parseNumber(bounds.low.value)) < 0 || n.Cmp(parseNumber(bounds.high.value)) > 0 {
			continue
		}
		for _, value := range []*big.Int{below, n} {
			trial, err := v.tryValue(plan, value.String())
			if err != nil || trial == nil {
				return err
			}
			switch v.answerCode(trial) {
			case v.answerCode(bounds.low):
				bounds.low = trial
			case v.answerCode(bounds.high):
				bounds.high = trial
				return nil
			default:
				return nil
			}
		}
	}
	return nil
}
