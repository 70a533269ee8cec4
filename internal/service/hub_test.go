package service_test

import (
	"go/ast"
	"slices"
	"testing"
)

// Nodes that share a store will have to tell each other what goes through the hub. A change that does
// not would be missing on the other nodes.
func TestOnlyTheHubChangesOtherAccounts(t *testing.T) {
	changes := []string{
		"addNotice", "removeNotices", "invalidateRelations", "invalidateDevices", "pushReadMark",
		"setStatus", "removeSessions", "removeConsumers", "markRemoved",
	}
	found := 0
	inspectSource(t, func(n ast.Node, file, position string) {
		call, isCall := n.(*ast.CallExpr)
		if !isCall {
			return
		}
		method, isMethod := call.Fun.(*ast.SelectorExpr)
		switch {
		case !isMethod || !slices.Contains(changes, method.Sel.Name):
		case file == "hub.go":
			found++
		default:
			t.Errorf("%s calls %s, want only the hub to do so", position, method.Sel.Name)
		}
	})
	if found < len(changes) {
		t.Errorf("the hub makes %d of these calls, want at least %d: a method has another name now", found, len(changes))
	}
}
