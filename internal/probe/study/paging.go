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

// pagedList is a list that a command returns in pages.
type pagedList struct {
	command             string
	role                string
	countKey, cursorKey string   // parameters for the size and the beginning of a page; "" for none
	elementKey          string   // the field whose elements the cursor refers to
	elements            []string // of the whole list
	otherRoles          []string // must be logged in for the list to be complete
}

// studyPaging reads each list in pages of many sizes and from many positions.
func (s *study) studyPaging() error {
	var lists []*pagedList
	for _, command := range s.File.Commands {
		list := &pagedList{
			command:   command.Name,
			countKey:  s.keyOfType(command.Name, experiment.TypeCount),
			cursorKey: s.keyOfType(command.Name, experiment.TypeCursor),
		}
		if (list.countKey != "" || list.cursorKey != "") && s.isReadOnly(experiment.Step{Command: command.Name}) {
			lists = append(lists, list)
			s.pagedLists[command.Name] = list
		}
	}
	if err := s.findLongestLists(lists); err != nil {
		return err
	}
	for _, list := range lists {
		if err := s.readPages(list); err != nil {
			return err
		}
	}
	for _, list := range lists {
		if len(list.elements) > 1 {
			if err := s.walkPages(list); err != nil {
				return err
			}
		}
	}
	for _, list := range lists {
		if err := s.changeBetweenPages(list); err != nil {
			return err
		}
	}
	return nil
}

// maxRoles is how many roles are searched for the longest list.
const maxRoles = 8

// findLongestLists finds the role with the longest list for each command.
func (s *study) findLongestLists(lists []*pagedList) error {
	for i, account := range s.File.Accounts[:min(maxRoles, len(s.File.Accounts))] {
		others := []string{s.actor, s.friend, s.stranger}
		others = slices.DeleteFunc(others, func(role string) bool { return role == account.Role || role == "" })
		builder := s.newSteps().login(account.Role).login(others...)
		firstIndex := len(builder.steps)
		for _, list := range lists {
			builder.append(experiment.Step{Role: account.Role, Command: list.command, Changes: list.wholeListChanges()})
		}
		trace, err := builder.run()
		if err != nil || trace == nil {
			return err
		}
		for other, list := range lists {
			key, elements := accountList(&trace.Answers[firstIndex+other])
			if i == 0 || len(elements) > len(list.elements) {
				list.role, list.elementKey, list.elements, list.otherRoles = account.Role, key, elements,
					s.rolesNeeded(list, others)
			}
		}
	}
	return nil
}

// rolesNeeded returns the roles that must be logged in for the list to stay as it was. A list of
// friends needs none.
func (s *study) rolesNeeded(list *pagedList, others []string) []string {
	if s.File.VerbOf(experiment.Step{Command: list.command}) == verbFriends {
		return nil
	}
	return others
}

// wholeListChanges returns the changes of a request that ask for a page with up to 1000 elements.
func (l *pagedList) wholeListChanges() []experiment.PairChange {
	if l.countKey == "" {
		return nil
	}
	return []experiment.PairChange{setKey(l.countKey, "1000")}
}

// accountList returns the list of an answer that most likely holds account numbers, and its key. Both
// are empty if no list can hold them.
func accountList(answer *lab.Answer) (key string, elements []string) {
	best := -1
	for _, field := range answer.Fields {
		if !field.IsList || !areAccounts(field.List) {
			continue
		}
		joined := strings.Join(field.List, "")
		size := len(joined)
		if strings.Contains(joined, "{") {
			size += 1 << 20 // the name of an account is more certain than any number
		}
		if size > best {
			best, key, elements = size, field.Key, field.List
		}
	}
	return key, elements
}

// areAccounts reports whether elements can be account numbers: role names, or numbers without
// duplicates.
func areAccounts(elements []string) bool {
	seen := make(map[string]bool)
	for _, element := range elements {
		_, err := strconv.ParseUint(element, 10, 64)
		if err != nil && !strings.HasPrefix(element, "{") || seen[element] {
			return false
		}
		seen[element] = true
	}
	return len(elements) > 0
}

// pageStep returns the step that requests one page.
func (l *pagedList) pageStep(s *study, count, cursor string) experiment.Step {
	step := experiment.Step{Role: l.role, Command: l.command}
	if l.countKey != "" && count != "" {
		step.Changes = append(step.Changes, setKey(l.countKey, count))
	}
	if l.cursorKey != "" && cursor != "" {
		step.Changes = append(step.Changes, setKey(l.cursorKey, cursor))
	}
	return step
}

func (s *study) readPages(list *pagedList) error {
	count := len(list.elements)
	sizes := []string{"1", "2", "3"}
	for _, size := range []int{count / 3, count - 1, count, count + 1, 3 * count, 999, 1000, 1001, 5000} {
		if size > 3 {
			sizes = append(sizes, strconv.Itoa(size))
		}
	}
	if list.countKey == "" {
		sizes = []string{""}
	}
	builder := s.newSteps().login(list.role).login(list.otherRoles...)
	firstIndex := len(builder.steps)
	for _, size := range slices.Compact(sizes) {
		builder.append(list.pageStep(s, size, "0"))
	}
	for _, cursor := range list.cursorValues() {
		builder.append(list.pageStep(s, sizes[min(1, len(sizes)-1)], cursor))
	}
	builder.append(list.pageStep(s, sizes[len(sizes)-1], list.cursorValues()[len(list.cursorValues())-1]))
	trace, err := builder.run()
	if err != nil || trace == nil {
		return err
	}
	s.statePages(list, trace, firstIndex)
	return nil
}

// cursorValues returns positions at, before, between and after elements.
func (l *pagedList) cursorValues() []string {
	at := []string{"0", "1"}
	for _, index := range []int{0, 1, len(l.elements) / 2, len(l.elements) - 2, len(l.elements) - 1} {
		if index < 0 || index >= len(l.elements) {
			continue
		}
		element := l.elements[index]
		at = append(at, element)
		if number, err := strconv.ParseUint(element, 10, 64); err == nil {
			at = append(at, fmt.Sprint(number-1), fmt.Sprint(number+1))
		}
	}
	return append(uniqueStrings(at), "4294967295")
}

func uniqueStrings(list []string) []string {
	var distinct []string
	for _, value := range list {
		if !slices.Contains(distinct, value) {
			distinct = append(distinct, value)
		}
	}
	return distinct
}

// statePages states the size and order of pages.
func (s *study) statePages(list *pagedList, trace *lab.Trace, firstIndex int) {
	most := 0
	index := firstIndex
	for i := firstIndex; i < len(trace.Steps); i++ {
		_, elements := accountList(&trace.Answers[i])
		if len(elements) > most {
			most, index = len(elements), i
		}
		count := changedValue(trace.Steps[i], list.countKey)
		wanted, err := strconv.Atoi(count)
		if err != nil || changedValue(trace.Steps[i], list.cursorKey) != "0" && list.cursorKey != "" ||
			wanted >= len(list.elements) {
			continue
		}
		s.stateFact(finding.Fact{
			Command: list.command, Aspect: finding.AspectPaging, Name: list.countKey, Claim: "bounds the page",
			Value: compareSize(len(elements), wanted),
			Statement: fmt.Sprintf("%s: a page has %s as %s says", list.command, compareSize(len(elements), wanted),
				list.countKey),
		}, trace, i)
	}
	if len(list.elements) > 1 {
		_, elements := accountList(&trace.Answers[index])
		order := describeOrder(elements, s.accountNumber)
		s.stateFact(finding.Fact{
			Command: list.command, Aspect: finding.AspectPaging, Name: list.elementKey, Claim: "order", Value: order,
			Statement: fmt.Sprintf("%s: the list is %s", list.command, order),
		}, trace, index)
	}
}

func compareSize(got, wanted int) string {
	switch {
	case got == wanted:
		return "as many elements"
	case got > wanted:
		return "more elements"
	}
	return "fewer elements"
}

func changedValue(step experiment.Step, key string) string {
	for _, change := range step.Changes {
		if change.Key == key {
			return change.Value
		}
	}
	return ""
}

// accountNumber returns the account number of an element, which may be the name of a role.
func (s *study) accountNumber(element string) uint64 {
	if name, ok := strings.CutPrefix(element, "{"); ok {
		if account, ok := s.File.Account(strings.TrimSuffix(name, "}")); ok {
			element = account.Number
		}
	}
	number, _ := strconv.ParseUint(element, 10, 64)
	return number
}

func describeOrder(elements []string, number func(string) uint64) string {
	ascends, descends := true, true
	for i := 1; i < len(elements); i++ {
		x, y := number(elements[i-1]), number(elements[i])
		ascends, descends = ascends && x < y, descends && x > y
	}
	switch {
	case len(elements) < 2:
		return "too short to tell"
	case ascends:
		return "ascending"
	case descends:
		return "descending"
	}
	return "in no order of numbers"
}

// maxPages is how many pages a walk reads at most.
const maxPages = 6

// walkPages reads a list page by page, as a client does: each page begins at the last element of the
// page before.
func (s *study) walkPages(list *pagedList) error {
	if list.cursorKey == "" {
		return nil
	}
	size := max(2, (len(list.elements)+3)/4)
	pageWalk := finding.PageWalk{Command: list.command, Role: list.role, Size: size,
		Ended: "it was not followed further"}
	cursor := "0"
	var seen []string
	var second *lab.Trace
	logins := s.newSteps().login(list.role).login(list.otherRoles...)
	for range maxPages {
		trace, err := s.newSteps().append(logins.steps...).append(list.pageStep(s, strconv.Itoa(size), cursor)).run()
		if err != nil || trace == nil {
			return err
		}
		if len(pageWalk.Pages) == 1 {
			second = trace
		}
		answer := &trace.Answers[lastIndex(trace)]
		_, elements := accountList(answer)
		pageWalk.Pages = append(pageWalk.Pages, finding.ListPage{Cursor: cursor, Elements: elements,
			Marker: s.shortFields(answer), ID: answer.ID})
		if len(elements) == 0 {
			pageWalk.Ended = "an empty page"
			break
		}
		next := fmt.Sprint(s.accountNumber(elements[len(elements)-1]))
		if next == cursor || slices.Contains(seen, elements[len(elements)-1]) {
			pageWalk.Ended = "a page that ends where it begins"
			break
		}
		seen = append(seen, elements...)
		cursor = next
	}
	s.findings.Walks = append(s.findings.Walks, pageWalk)
	s.stateWalk(list, &pageWalk, seen, second)
	return nil
}

// shortFields returns the numeric fields that may say whether another page follows.
func (s *study) shortFields(answer *lab.Answer) string {
	var found []string
	for _, field := range answer.Fields {
		if _, err := strconv.Atoi(field.Value); err == nil && len(field.Value) < 6 &&
			field.Key != s.File.Answer.CodeKey {
			found = append(found, field.Key+"="+field.Value)
		}
	}
	return strings.Join(found, " ")
}

func (s *study) stateWalk(list *pagedList, pageWalk *finding.PageWalk, seen []string, trace *lab.Trace) {
	if len(pageWalk.Pages) < 2 {
		return
	}
	value := "after"
	if second := pageWalk.Pages[1].Elements; len(second) > 0 && len(pageWalk.Pages[0].Elements) > 0 &&
		second[0] == pageWalk.Pages[0].Elements[len(pageWalk.Pages[0].Elements)-1] {
		value = "at"
	}
	stated := s.stateFact(finding.Fact{
		Command: list.command, Aspect: finding.AspectPaging, Name: list.cursorKey, Claim: "the page begins",
		Value:     value + " the element it names",
		Statement: fmt.Sprintf("%s: a page begins %s the element that %s names", list.command, value, list.cursorKey),
	}, trace, lastIndex(trace))
	stated.Evidence = append(stated.Evidence, pageWalk.Pages[0].ID)
	if whole := len(uniqueStrings(seen)) == len(list.elements) && len(seen) == len(list.elements); whole {
		stated := s.stateFact(finding.Fact{
			Command: list.command, Aspect: finding.AspectPaging, Name: list.cursorKey, Claim: "a walk finds",
			Value: "each element once",
			Statement: fmt.Sprintf("%s: pages that continue after the last element give each element once",
				list.command),
		}, trace, lastIndex(trace))
		stated.Evidence = nil
		for _, page := range pageWalk.Pages {
			stated.Evidence = append(stated.Evidence, page.ID)
		}
	}
}

// changeBetweenPages changes a list between two pages.
func (s *study) changeBetweenPages(list *pagedList) error {
	verb := s.File.VerbOf(experiment.Step{Command: list.command})
	if verb != verbFriends || s.stranger == "" {
		return nil
	}
	builder := s.newSteps().login(s.actor, s.stranger).perform(s.actor, verbRequest, s.stranger).perform(s.stranger,
		verbAccept, s.actor)
	for _, other := range s.File.Accounts[min(3, len(s.File.Accounts)):min(6, len(s.File.Accounts))] {
		builder.login(other.Role).perform(other.Role, verbRequest, s.actor).perform(s.actor, verbAccept, other.Role)
	}
	own := *list
	own.role = s.actor
	firstStep, second := own.pageStep(s, "1", "0"), own.pageStep(s, "1", fmt.Sprint(s.accountNumber("{"+s.friend+"}")))
	builder.append(own.pageStep(s, "1000", "0"), firstStep, second, own.pageStep(s, "2", "0")).perform(s.actor,
		verbDelete, s.friend).append(second, own.pageStep(s, "1000", "0"))
	trace, err := builder.run()
	if err != nil || trace == nil {
		return err
	}
	before, after := &trace.Answers[lastIndex(trace)-4], &trace.Answers[lastIndex(trace)-1]
	if _, elements := accountList(before); len(elements) == 0 || list.cursorKey == "" {
		return nil
	}
	value := "begins after it"
	if s.normalForm(second, before) != s.normalForm(second, after) {
		value = "gives something else"
	}
	s.stateFact(finding.Fact{
		Command: list.command, Aspect: finding.AspectPaging, Name: list.cursorKey,
		Claim: "an element removed meanwhile", Value: value,
		Statement: fmt.Sprintf("%s: if %s names an element removed meanwhile, the page %s", list.command,
			list.cursorKey, value),
	}, trace, lastIndex(trace)-1)
	return nil
}
