package storetest_test

import (
	"testing"

	"github.com/rookery-im/rookery/internal/storetest"
)

// The suite tests the model, too: if this test fails, either of them is wrong.
func TestTheModelDoesWhatTheContractSays(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.OpenFunc { return storetest.NewModel() })
}
