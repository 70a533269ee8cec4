//go:build !race

package learn

// seeds is how many machines of a kind the tests draw.
const machinesPerKind = 10
