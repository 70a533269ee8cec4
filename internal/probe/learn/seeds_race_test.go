//go:build race

package learn

// machinesPerKind is small, because the package has no goroutines for the race detector
// to check.
const machinesPerKind = 2
