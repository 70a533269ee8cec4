package storetest_test

import (
	"testing"

	"github.com/rookery-im/rookery/internal/storetest"
)

// The model must pass the suite itself, or one of the two is wrong.
func TestTheModelDoesWhatTheContractSays(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.OpenFunc { return storetest.NewModel() })
}
