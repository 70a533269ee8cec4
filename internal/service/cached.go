package service

// cachedValue is what the store said about a member, until something changes it.
// The member's mu guards it.
type cachedValue[T any] struct {
	value T
	known bool
	// changes counts what made it unknown, so that an outdated reading is not
	// kept.
	changes int
}

// forget makes the next look read the store.
func (c *cachedValue[T]) forget() { *c = cachedValue[T]{changes: c.changes + 1} }

// lookUp returns what is cached of a member, or what the store says.
func lookUp[T any](active *activeAccount, c *cachedValue[T], ask func() (T, error)) (T, error) {
	active.mu.Lock()
	value, known, changes := c.value, c.known, c.changes
	active.mu.Unlock()
	if known {
		return value, nil
	}
	value, err := ask()
	if err != nil {
		return value, err
	}
	active.mu.Lock()
	defer active.mu.Unlock()
	if c.changes == changes {
		c.value, c.known = value, true
	}
	return value, nil
}
