package rookery

import "testing"

func TestFriendshipRules(t *testing.T) {
	none := Relation{}
	asked, asks, friends := Relation{RequestSent: true}, Relation{RequestReceived: true}, Relation{Friends: true}
	add := func(rule FriendRule) func(Relation) (RelationTransition, error) {
		return func(relation Relation) (RelationTransition, error) { return Add(relation, rule) }
	}
	ask := func(rule FriendRule) func(Relation) (RelationTransition, error) {
		return func(relation Relation) (RelationTransition, error) { return Ask(relation, rule, "hello") }
	}
	reject := func(relation Relation) (RelationTransition, error) { return Reject(relation, "no") }
	unfriend := func(relation Relation) (RelationTransition, error) { return Unfriend(relation), nil }
	block := func(relation Relation) (RelationTransition, error) { return Block(relation), nil }
	unblock := func(relation Relation) (RelationTransition, error) { return Unblock(relation), nil }
	befriend := func(Relation) (RelationTransition, error) { return Befriend(), nil }
	blocks, blocked := Relation{Blocks: true}, Relation{BlockedByOther: true}
	both := Relation{Blocks: true, BlockedByOther: true}

	for _, tt := range []struct {
		name string
		from Relation
		rule func(Relation) (RelationTransition, error)
		want RelationTransition
		code Code
	}{
		{"adding an open account makes friends at once", none, add(RuleOpen),
			RelationTransition{Result: friends, Notice: KindAdded}, 0},
		{"adding an account that wants to be asked says so", none, add(RuleAsk),
			RelationTransition{Result: none, Outcome: OutcomeMustAsk}, 0},
		{"adding a closed account says so", none, add(RuleClosed),
			RelationTransition{Result: none, Outcome: OutcomeClosed}, 0},
		{"adding a friend changes nothing", friends, add(RuleClosed), RelationTransition{Result: friends}, 0},
		{"adding an account that has asked accepts its request", asks, add(RuleAsk),
			RelationTransition{Result: friends, Notice: KindAccepted}, 0},
		{"adding an account that has asked works even if it is closed", asks, add(RuleClosed),
			RelationTransition{Result: friends, Notice: KindAccepted}, 0},
		{"adding again after asking leaves the request", asked, add(RuleAsk),
			RelationTransition{Result: asked, Outcome: OutcomeMustAsk}, 0},
		{"adding an account that has become open makes friends", asked, add(RuleOpen),
			RelationTransition{Result: friends, Notice: KindAdded}, 0},

		{"asking leaves a request with its text", none, ask(RuleAsk),
			RelationTransition{Result: asked, RequestText: "hello", Notice: KindAsks, NoticeText: "hello",
				NoticePause: AskPause}, 0},
		{"asking again replaces the text", asked, ask(RuleAsk),
			RelationTransition{Result: asked, RequestText: "hello", Notice: KindAsks, NoticeText: "hello",
				NoticePause: AskPause}, 0},
		{"asking an open account makes friends", none, ask(RuleOpen),
			RelationTransition{Result: friends, Notice: KindAdded}, 0},
		{"asking an account that has asked makes friends", asks, ask(RuleAsk),
			RelationTransition{Result: friends, Notice: KindAccepted}, 0},
		{"asking a closed account is refused", none, ask(RuleClosed), RelationTransition{}, CodeRefused},
		{"asking a friend changes nothing", friends, ask(RuleClosed), RelationTransition{Result: friends}, 0},

		{"accepting makes friends", asks, Accept, RelationTransition{Result: friends, Notice: KindAccepted}, 0},
		{"accepting clears a request in the other direction too", Relation{RequestReceived: true, RequestSent: true},
			Accept,
			RelationTransition{Result: friends, Notice: KindAccepted}, 0},
		{"accepting without a request is an error", asked, Accept, RelationTransition{}, CodeParameter},
		{"rejecting passes the text on", asks, reject,
			RelationTransition{Result: none, Notice: KindRejected, NoticeText: "no"}, 0},
		{"rejecting without a request is an error", none, reject, RelationTransition{}, CodeParameter},
		{"rejecting leaves one's own request", Relation{RequestReceived: true, RequestSent: true}, reject,
			RelationTransition{Result: asked, Notice: KindRejected, NoticeText: "no"}, 0},

		{"unfriending ends the friendship", friends, unfriend, RelationTransition{Result: none}, 0},
		{"unfriending a stranger changes nothing", none, unfriend, RelationTransition{Result: none}, 0},
		{"unfriending leaves a pending request", asks, unfriend, RelationTransition{Result: asks}, 0},
		{"unfriending leaves a block", blocks, unfriend, RelationTransition{Result: blocks}, 0},

		{"blocking a friend ends the friendship", friends, block, RelationTransition{Result: blocks}, 0},
		{"blocking ends requests in both directions", Relation{RequestReceived: true, RequestSent: true}, block,
			RelationTransition{Result: blocks}, 0},
		{"blocking a stranger blocks it", none, block, RelationTransition{Result: blocks}, 0},
		{"blocking again changes nothing", blocks, block, RelationTransition{Result: blocks}, 0},
		{"blocking an account that blocks me leaves the other's block", blocked, block,
			RelationTransition{Result: both}, 0},
		{"unblocking does not restore the friendship", blocks, unblock, RelationTransition{Result: none}, 0},
		{"unblocking leaves the other's block", both, unblock, RelationTransition{Result: blocked}, 0},
		{"unblocking a friend changes nothing", friends, unblock, RelationTransition{Result: friends}, 0},
		{"unblocking leaves a pending request", asks, unblock, RelationTransition{Result: asks}, 0},

		{"adding an account that blocks me finds it closed", blocked, add(RuleOpen),
			RelationTransition{Result: blocked, Outcome: OutcomeClosed}, 0},
		{"adding an account that I block is refused", blocks, add(RuleOpen), RelationTransition{}, CodeRefused},
		{"adding is refused where both block", both, add(RuleOpen), RelationTransition{}, CodeRefused},
		{"asking an account that blocks me is refused", blocked, ask(RuleOpen), RelationTransition{}, CodeRefused},
		{"asking an account that I block is refused", blocks, ask(RuleOpen), RelationTransition{}, CodeRefused},
		{"accepting after a block finds nothing", blocks, Accept, RelationTransition{}, CodeParameter},
		{"rejecting after a block finds nothing", blocked, reject, RelationTransition{}, CodeParameter},
		{"befriending ends blocks", both, befriend, RelationTransition{Result: friends}, 0},
		{"befriending ends requests", asked, befriend, RelationTransition{Result: friends}, 0},
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

// The test applies each rule to each relation. Friends must neither block each other nor
// have a pending request.
func TestFriendshipRulesLeaveConsistentRelations(t *testing.T) {
	rules := map[string]func(Relation) (RelationTransition, error){
		"add open":   func(relation Relation) (RelationTransition, error) { return Add(relation, RuleOpen) },
		"add ask":    func(relation Relation) (RelationTransition, error) { return Add(relation, RuleAsk) },
		"add closed": func(relation Relation) (RelationTransition, error) { return Add(relation, RuleClosed) },
		"ask open":   func(relation Relation) (RelationTransition, error) { return Ask(relation, RuleOpen, "words") },
		"ask ask":    func(relation Relation) (RelationTransition, error) { return Ask(relation, RuleAsk, "words") },
		"ask closed": func(relation Relation) (RelationTransition,
			error) {
			return Ask(relation, RuleClosed, "words")
		},
		"accept":   Accept,
		"reject":   func(relation Relation) (RelationTransition, error) { return Reject(relation, "words") },
		"unfriend": func(relation Relation) (RelationTransition, error) { return Unfriend(relation), nil },
		"block":    func(relation Relation) (RelationTransition, error) { return Block(relation), nil },
		"unblock":  func(relation Relation) (RelationTransition, error) { return Unblock(relation), nil },
		"befriend": func(Relation) (RelationTransition, error) { return Befriend(), nil },
	}
	for _, from := range consistentRelations() {
		for name, rule := range rules {
			transition, err := rule(from)
			if err == nil && !isConsistent(transition.Result) {
				t.Errorf("%s leads from %+v to %+v, want a consistent relation", name, from, transition.Result)
			}
			if err == nil && transition.Result.BlockedByOther != from.BlockedByOther && name != "befriend" {
				t.Errorf("%s changes the other's block: from %+v to %+v", name, from, transition.Result)
			}
			if transition.Notice != 0 && (from.Blocks || from.BlockedByOther) {
				t.Errorf("%s sends a notice despite a block: %+v", name, from)
			}
		}
	}
}

// isConsistent reports whether two accounts can have the relation.
func isConsistent(relation Relation) bool {
	blocked, asking := relation.Blocks || relation.BlockedByOther, relation.RequestSent || relation.RequestReceived
	return !(relation.Friends && (blocked || asking)) && !(blocked && asking)
}

// consistentRelations returns every relation that two accounts can have.
func consistentRelations() (list []Relation) {
	for bits := range 1 << 5 {
		bit := func(i int) bool { return bits>>i&1 == 1 }
		relation := Relation{
			Friends:         bit(0),
			RequestSent:     bit(1),
			RequestReceived: bit(2),
			Blocks:          bit(3),
			BlockedByOther:  bit(4),
		}
		if isConsistent(relation) {
			list = append(list, relation)
		}
	}
	return list
}

func TestReversed(t *testing.T) {
	for _, relation := range consistentRelations() {
		if relation.Reversed().Reversed() != relation {
			t.Errorf("%+v reversed twice is %+v", relation, relation.Reversed().Reversed())
		}
	}
	for relation, want := range map[Relation]Relation{
		{RequestSent: true}: {RequestReceived: true},
		{Blocks: true}:      {BlockedByOther: true},
		{Friends: true}:     {Friends: true},
	} {
		if got := relation.Reversed(); got != want {
			t.Errorf("%+v reversed is %+v, want %+v", relation, got, want)
		}
	}
}
