package rookery

import "testing"

func TestRulesOfFriendship(t *testing.T) {
	none := Relation{}
	asked, asks, friends := Relation{Asked: true}, Relation{Asks: true}, Relation{Friends: true}
	add := func(rule Rule) func(Relation) (Step, error) {
		return func(r Relation) (Step, error) { return Add(r, rule), nil }
	}
	ask := func(rule Rule) func(Relation) (Step, error) {
		return func(r Relation) (Step, error) { return Ask(r, rule, "hello") }
	}
	reject := func(r Relation) (Step, error) { return Reject(r, "no") }
	unfriend := func(r Relation) (Step, error) { return Unfriend(r), nil }

	for _, tt := range []struct {
		name string
		from Relation
		rule func(Relation) (Step, error)
		want Step
		code Code
	}{
		{"adding an open account makes friends at once", none, add(RuleOpen), Step{To: friends, Notice: KindAdded}, 0},
		{"adding an account that wants to be asked says so", none, add(RuleAsk), Step{To: none, Outcome: OutcomeMustAsk}, 0},
		{"adding a closed account says so", none, add(RuleClosed), Step{To: none, Outcome: OutcomeClosed}, 0},
		{"adding a friend changes nothing", friends, add(RuleClosed), Step{To: friends}, 0},
		{"adding who asks accepts the request", asks, add(RuleAsk), Step{To: friends, Notice: KindAccepted}, 0},
		{"adding who asks works for a closed account too", asks, add(RuleClosed), Step{To: friends, Notice: KindAccepted}, 0},
		{"adding again after asking leaves the request", asked, add(RuleAsk), Step{To: asked, Outcome: OutcomeMustAsk}, 0},
		{"an account that became open takes who had asked", asked, add(RuleOpen), Step{To: friends, Notice: KindAdded}, 0},

		{"asking leaves a request with its words", none, ask(RuleAsk), Step{To: asked, Words: "hello", Notice: KindAsks, NoticeWords: "hello"}, 0},
		{"asking again replaces the words", asked, ask(RuleAsk), Step{To: asked, Words: "hello", Notice: KindAsks, NoticeWords: "hello"}, 0},
		{"asking an open account makes friends", none, ask(RuleOpen), Step{To: friends, Notice: KindAdded}, 0},
		{"asking who asks makes friends", asks, ask(RuleAsk), Step{To: friends, Notice: KindAccepted}, 0},
		{"asking a closed account is refused", none, ask(RuleClosed), Step{}, CodeRefused},
		{"asking a friend changes nothing", friends, ask(RuleClosed), Step{To: friends}, 0},

		{"accepting makes friends", asks, Accept, Step{To: friends, Notice: KindAccepted}, 0},
		{"accepting clears a request in the other direction too", Relation{Asks: true, Asked: true}, Accept, Step{To: friends, Notice: KindAccepted}, 0},
		{"accepting what nobody asked is an error", asked, Accept, Step{}, CodeParameter},
		{"rejecting passes on the words", asks, reject, Step{To: none, Notice: KindRejected, NoticeWords: "no"}, 0},
		{"rejecting what nobody asked is an error", none, reject, Step{}, CodeParameter},
		{"rejecting leaves one's own request", Relation{Asks: true, Asked: true}, reject, Step{To: asked, Notice: KindRejected, NoticeWords: "no"}, 0},

		{"unfriending ends it", friends, unfriend, Step{To: none}, 0},
		{"unfriending a stranger changes nothing", none, unfriend, Step{To: none}, 0},
		{"unfriending leaves a request that waits", asks, unfriend, Step{To: asks}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.rule(tt.from)
			if tt.code != 0 {
				if err == nil || CodeOf(err) != tt.code {
					t.Fatalf("error %v, want one with code %d", err, tt.code)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestARelationSeenFromTheOtherSide(t *testing.T) {
	r := Relation{Asked: true}
	if got := r.Reversed(); got != (Relation{Asks: true}) {
		t.Errorf("reversed: %+v", got)
	}
	if r.Reversed().Reversed() != r {
		t.Error("reversed twice is something else")
	}
}
