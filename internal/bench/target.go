package bench

import (
	"cmp"
	"fmt"
)

// Verdict is the outcome of comparing a figure with its bound.
type Verdict string

// The verdicts. An invalid measurement has neither met nor missed its target.
const (
	Met     Verdict = "met"
	Missed  Verdict = "missed"
	Invalid Verdict = "invalid"
)

// Target compares a figure with its bound.
type Target struct {
	Description string  `json:"what"`
	Measured    float64 `json:"got"`
	// AtLeast, if not 0, is the lower bound of Measured. Otherwise AtMost is the upper bound.
	AtMost  float64 `json:"most,omitempty"`
	AtLeast float64 `json:"least,omitempty"`
	// Goal is a stricter value to work towards, which does not affect Verdict; 0 if there is none.
	Goal    float64 `json:"aim,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Reason says why Measured is invalid; empty for the other verdicts.
	Reason string `json:"reason,omitempty"`
}

// atMost returns a target that is met if measured is at most maximum. If invalid is not empty, it is the reason why
// measured cannot be judged.
func atMost(what string, measured, maximum, goal float64, invalid string) Target {
	target := Target{Description: what, Measured: measured, AtMost: maximum, Goal: goal, Reason: invalid}
	target.Verdict = target.judge(measured <= maximum)
	return target
}

// atLeast returns a target that is met if measured is at least minimum. invalid has the same meaning as in atMost.
func atLeast(what string, measured, minimum, goal float64, invalid string) Target {
	target := Target{Description: what, Measured: measured, AtLeast: minimum, Goal: goal, Reason: invalid}
	target.Verdict = target.judge(measured >= minimum)
	return target
}

func (tgt Target) judge(met bool) Verdict {
	switch {
	case tgt.Reason != "":
		return Invalid
	case met:
		return Met
	}
	return Missed
}

func (tgt Target) String() string {
	bound := fmt.Sprintf("at most %.4g", tgt.AtMost)
	if tgt.AtLeast != 0 {
		bound = fmt.Sprintf("at least %.4g", tgt.AtLeast)
	}
	if tgt.Goal != 0 {
		bound += fmt.Sprintf(", aim %.4g", tgt.Goal)
	}
	return fmt.Sprintf("%s: %s: %s (%s)", tgt.Verdict, tgt.Description,
		cmp.Or(tgt.Reason, fmt.Sprintf("%.4g", tgt.Measured)), bound)
}

// rateTarget returns the target that ours answers at least minimum times as many requests per second as theirs.
func rateTarget(ours, theirs Row, minimum, goal float64) Target {
	return atLeast(fmt.Sprintf("requests/s, %s to %s", ours.label(), theirs.label()),
		ratio(ours.PerSecond, theirs.PerSecond), minimum, goal,
		reasonOfRatio(ours, theirs, rateFigure))
}
