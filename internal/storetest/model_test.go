package storetest_test

import (
	"testing"

	"github.com/rookery-im/rookery/internal/storetest"
)

// If this test fails, the suite or the model is wrong.
func TestModelMeetsContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.OpenFunc { return storetest.NewModel() })
}
