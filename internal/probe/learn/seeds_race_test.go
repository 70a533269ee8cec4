//go:build race

package learn

// Nothing runs at once here, so that the race detector finds nothing and only
// takes time.
const seeds = 2
