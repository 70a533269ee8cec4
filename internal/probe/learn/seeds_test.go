//go:build !race

package learn

// machinesPerKind is how many machines of a kind the tests draw.
const machinesPerKind = 10
