package study

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A list is one that a command gives page by page.
type pagedList struct {
	command       string
	role          string
	count, cursor string // the keys; "" for none
	key           string // the field that holds what the cursor stands for
	elements      []string
	others        []string // roles that have to be logged in for it
}

// paging reads each list in pages of many sizes, from many positions.
func (s *study) paging() error {
	var all []*pagedList
	for _, command := range s.File.Commands {
		l := &pagedList{
			command: command.Name,
			count:   s.keyOf(command.Name, experiment.TypeCount),
			cursor:  s.keyOf(command.Name, experiment.TypeCursor),
		}
		if (l.count != "" || l.cursor != "") && s.isRead(experiment.Step{Command: command.Name}) {
			all = append(all, l)
			s.lists[command.Name] = l
		}
	}
	if err := s.longest(all); err != nil {
		return err
	}
	for _, pagedList := range all {
		if err := s.pages(pagedList); err != nil {
			return err
		}
	}
	for _, pagedList := range all {
		if len(pagedList.elements) > 1 {
			if err := s.walk(pagedList); err != nil {
				return err
			}
		}
	}
	for _, pagedList := range all {
		if err := s.changing(pagedList); err != nil {
			return err
		}
	}
	return nil
}

// mostRoles is how many roles are looked at for the longest list.
const mostRoles = 8

// longest finds the role with the longest list, for each list.
func (s *study) longest(all []*pagedList) error {
	for i, account := range s.File.Accounts[:min(mostRoles, len(s.File.Accounts))] {
		others := []string{s.a, s.b, s.c}
		others = slices.DeleteFunc(others, func(role string) bool { return role == account.Role || role == "" })
		stepBuilder := s.row().login(account.Role).login(others...)
		head := len(stepBuilder.steps)
		for _, pagedList := range all {
			stepBuilder.add(experiment.Step{Role: account.Role, Command: pagedList.command, Changes: pagedList.whole()})
		}
		trace, err := stepBuilder.run()
		if err != nil || trace == nil {
			return err
		}
		for j, pagedList := range all {
			key, elements := numbersIn(&trace.Answers[head+j])
			if i == 0 || len(elements) > len(pagedList.elements) {
				pagedList.role, pagedList.key, pagedList.elements, pagedList.others = account.Role, key, elements, s.neededFor(pagedList, others)
			}
		}
	}
	return nil
}

// neededFor are the roles that have to be logged in for a list to be as it was
// seen: none where everybody is listed, whoever is there.
func (s *study) neededFor(l *pagedList, others []string) []string {
	if s.File.VerbOf(experiment.Step{Command: l.command}) == vFriends {
		return nil
	}
	return others
}

// whole are the changes with which a list is asked for at once.
func (l *pagedList) whole() []experiment.PairChange {
	if l.count == "" {
		return nil
	}
	return []experiment.PairChange{set(l.count, "1000")}
}

// numbersIn is the list of an answer whose elements are accounts.
func numbersIn(answer *lab.Answer) (key string, elements []string) {
	best := -1
	for _, field := range answer.Fields {
		if !field.IsList || !accounts(field.List) {
			continue
		}
		all := strings.Join(field.List, "")
		size := len(all)
		if strings.Contains(all, "{") {
			size += 1 << 20 // the name of an account is surer than any number
		}
		if size > best {
			best, key, elements = size, field.Key, field.List
		}
	}
	return key, elements
}

// accounts reports whether elements could be account numbers: names of roles, or
// numbers without two alike.
func accounts(elements []string) bool {
	seen := make(map[string]bool)
	for _, e := range elements {
		_, err := strconv.ParseUint(e, 10, 64)
		if err != nil && !strings.HasPrefix(e, "{") || seen[e] {
			return false
		}
		seen[e] = true
	}
	return len(elements) > 0
}

// page is the step that asks for one page.
func (l *pagedList) page(s *study, count, cursor string) experiment.Step {
	step := experiment.Step{Role: l.role, Command: l.command}
	if l.count != "" && count != "" {
		step.Changes = append(step.Changes, set(l.count, count))
	}
	if l.cursor != "" && cursor != "" {
		step.Changes = append(step.Changes, set(l.cursor, cursor))
	}
	return step
}

func (s *study) pages(l *pagedList) error {
	n := len(l.elements)
	sizes := []string{"1", "2", "3"}
	for _, size := range []int{n / 3, n - 1, n, n + 1, 3 * n, 999, 1000, 1001, 5000} {
		if size > 3 {
			sizes = append(sizes, strconv.Itoa(size))
		}
	}
	if l.count == "" {
		sizes = []string{""}
	}
	stepBuilder := s.row().login(l.role).login(l.others...)
	head := len(stepBuilder.steps)
	for _, size := range slices.Compact(sizes) {
		stepBuilder.add(l.page(s, size, "0"))
	}
	for _, cursor := range l.cursors() {
		stepBuilder.add(l.page(s, sizes[min(1, len(sizes)-1)], cursor))
	}
	stepBuilder.add(l.page(s, sizes[len(sizes)-1], l.cursors()[len(l.cursors())-1]))
	trace, err := stepBuilder.run()
	if err != nil || trace == nil {
		return err
	}
	s.claimPages(l, trace, head)
	return nil
}

// cursors are positions at, before, between and behind elements.
func (l *pagedList) cursors() []string {
	at := []string{"0", "1"}
	for _, i := range []int{0, 1, len(l.elements) / 2, len(l.elements) - 2, len(l.elements) - 1} {
		if i < 0 || i >= len(l.elements) {
			continue
		}
		e := l.elements[i]
		at = append(at, e)
		if n, err := strconv.ParseUint(e, 10, 64); err == nil {
			at = append(at, fmt.Sprint(n-1), fmt.Sprint(n+1))
		}
	}
	return append(unique(at), "4294967295")
}

func unique(list []string) []string {
	var out []string
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// claimPages states what pages of several sizes and positions show.
func (s *study) claimPages(l *pagedList, trace *lab.Trace, head int) {
	most := 0
	at := head
	for i := head; i < len(trace.Steps); i++ {
		_, elements := numbersIn(&trace.Answers[i])
		if len(elements) > most {
			most, at = len(elements), i
		}
		count := valueIn(trace.Steps[i], l.count)
		want, err := strconv.Atoi(count)
		if err != nil || valueIn(trace.Steps[i], l.cursor) != "0" && l.cursor != "" || want >= len(l.elements) {
			continue
		}
		s.claim(finding.Fact{
			Command: l.command, Aspect: finding.AspectPaging, Name: l.count, Claim: "bounds the page", Value: relation(len(elements), want),
			Statement: fmt.Sprintf("%s: a page has %s as %s says", l.command, relation(len(elements), want), l.count),
		}, trace, i)
	}
	if len(l.elements) > 1 {
		_, elements := numbersIn(&trace.Answers[at])
		order := orderOf(elements, s.numberOf)
		s.claim(finding.Fact{
			Command: l.command, Aspect: finding.AspectPaging, Name: l.key, Claim: "order", Value: order,
			Statement: fmt.Sprintf("%s: the list is %s", l.command, order),
		}, trace, at)
	}
}

func relation(got, want int) string {
	switch {
	case got == want:
		return "as many elements"
	case got > want:
		return "more elements"
	}
	return "fewer elements"
}

func valueIn(step experiment.Step, key string) string {
	for _, change := range step.Changes {
		if change.Key == key {
			return change.Value
		}
	}
	return ""
}

// numberOf is the account number behind an element, which may be a role's name.
func (s *study) numberOf(element string) uint64 {
	if name, ok := strings.CutPrefix(element, "{"); ok {
		if account, ok := s.File.Account(strings.TrimSuffix(name, "}")); ok {
			element = account.Number
		}
	}
	n, _ := strconv.ParseUint(element, 10, 64)
	return n
}

func orderOf(elements []string, number func(string) uint64) string {
	up, down := true, true
	for i := 1; i < len(elements); i++ {
		x, y := number(elements[i-1]), number(elements[i])
		up, down = up && x < y, down && x > y
	}
	switch {
	case len(elements) < 2:
		return "too short to tell"
	case up:
		return "ascending"
	case down:
		return "descending"
	}
	return "in no order of numbers"
}

// mostPages is how far a walk goes.
const mostPages = 6

// walk reads a whole list page by page, as a client does.
func (s *study) walk(l *pagedList) error {
	if l.cursor == "" {
		return nil
	}
	size := max(2, (len(l.elements)+3)/4)
	pageWalk := finding.PageWalk{Command: l.command, Role: l.role, Size: size, Ended: "it was not followed further"}
	cursor := "0"
	var seen []string
	var second *lab.Trace
	logins := s.row().login(l.role).login(l.others...)
	for range mostPages {
		trace, err := s.row().add(logins.steps...).add(l.page(s, strconv.Itoa(size), cursor)).run()
		if err != nil || trace == nil {
			return err
		}
		if len(pageWalk.Pages) == 1 {
			second = trace
		}
		answer := &trace.Answers[last(trace)]
		_, elements := numbersIn(answer)
		pageWalk.Pages = append(pageWalk.Pages, finding.ListPage{Cursor: cursor, Elements: elements, Marker: s.markers(answer), ID: answer.ID})
		if len(elements) == 0 {
			pageWalk.Ended = "an empty page"
			break
		}
		next := fmt.Sprint(s.numberOf(elements[len(elements)-1]))
		if next == cursor || slices.Contains(seen, elements[len(elements)-1]) {
			pageWalk.Ended = "a page that ends where it begins"
			break
		}
		seen = append(seen, elements...)
		cursor = next
	}
	s.out.Walks = append(s.out.Walks, pageWalk)
	s.claimWalk(l, &pageWalk, seen, second)
	return nil
}

// markers are the short fields of an answer that may say whether there is more.
func (s *study) markers(answer *lab.Answer) string {
	var all []string
	for _, field := range answer.Fields {
		if _, err := strconv.Atoi(field.Value); err == nil && len(field.Value) < 6 && field.Key != s.File.Answer.CodeKey {
			all = append(all, field.Key+"="+field.Value)
		}
	}
	return strings.Join(all, " ")
}

func (s *study) claimWalk(l *pagedList, pageWalk *finding.PageWalk, seen []string, trace *lab.Trace) {
	if len(pageWalk.Pages) < 2 {
		return
	}
	value := "after"
	if second := pageWalk.Pages[1].Elements; len(second) > 0 && len(pageWalk.Pages[0].Elements) > 0 && second[0] == pageWalk.Pages[0].Elements[len(pageWalk.Pages[0].Elements)-1] {
		value = "at"
	}
	factEvidence := s.claim(finding.Fact{
		Command: l.command, Aspect: finding.AspectPaging, Name: l.cursor, Claim: "the page begins", Value: value + " the element it names",
		Statement: fmt.Sprintf("%s: a page begins %s the element that %s names", l.command, value, l.cursor),
	}, trace, last(trace))
	factEvidence.Evidence = append(factEvidence.Evidence, pageWalk.Pages[0].ID)
	if whole := len(unique(seen)) == len(l.elements) && len(seen) == len(l.elements); whole {
		factEvidence := s.claim(finding.Fact{
			Command: l.command, Aspect: finding.AspectPaging, Name: l.cursor, Claim: "a walk finds", Value: "each element once",
			Statement: fmt.Sprintf("%s: asked on with the last element, it gives each element once", l.command),
		}, trace, last(trace))
		factEvidence.Evidence = nil
		for _, page := range pageWalk.Pages {
			factEvidence.Evidence = append(factEvidence.Evidence, page.ID)
		}
	}
}

// changing lets a list change between two pages.
func (s *study) changing(l *pagedList) error {
	verb := s.File.VerbOf(experiment.Step{Command: l.command})
	if verb != vFriends || s.c == "" {
		return nil
	}
	grow := s.row().login(s.a, s.c).do(s.a, vRequest, s.c).do(s.c, vAccept, s.a)
	for _, other := range s.File.Accounts[min(3, len(s.File.Accounts)):min(6, len(s.File.Accounts))] {
		grow.login(other.Role).do(other.Role, vRequest, s.a).do(s.a, vAccept, other.Role)
	}
	own := *l
	own.role = s.a
	first, second := own.page(s, "1", "0"), own.page(s, "1", fmt.Sprint(s.numberOf("{"+s.b+"}")))
	grow.add(own.page(s, "1000", "0"), first, second, own.page(s, "2", "0")).do(s.a, vDelete, s.b).add(second, own.page(s, "1000", "0"))
	trace, err := grow.run()
	if err != nil || trace == nil {
		return err
	}
	before, after := &trace.Answers[last(trace)-4], &trace.Answers[last(trace)-1]
	if _, elements := numbersIn(before); len(elements) == 0 || l.cursor == "" {
		return nil
	}
	value := "gives what comes behind it"
	if s.form(second, before) != s.form(second, after) {
		value = "gives something else"
	}
	s.claim(finding.Fact{
		Command: l.command, Aspect: finding.AspectPaging, Name: l.cursor, Claim: "an element that is gone meanwhile", Value: value,
		Statement: fmt.Sprintf("%s: %s that names an element which is gone meanwhile %s", l.command, l.cursor, value),
	}, trace, last(trace)-1)
	return nil
}
