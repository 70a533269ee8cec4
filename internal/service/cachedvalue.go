package service

// cachedValue is what the store said about a member, until something changes it.
// The member's mu guards it.
type cachedValue[T any] struct {
	value    T
	isLoaded bool
	// invalidations counts what made it unknown, so that an outdated reading is not
	// kept.
	invalidations int
}

// invalidate makes the next look read the store.
func (c *cachedValue[T]) invalidate() { *c = cachedValue[T]{invalidations: c.invalidations + 1} }

// getOrLoad returns what is cached of a member, or what the store says.
func getOrLoad[T any](account *activeAccount, cached *cachedValue[T], load func() (T, error)) (T, error) {
	account.mu.Lock()
	value, isKnown, invalidations := cached.value, cached.isLoaded, cached.invalidations
	account.mu.Unlock()
	if isKnown {
		return value, nil
	}
	value, err := load()
	if err != nil {
		return value, err
	}
	account.mu.Lock()
	defer account.mu.Unlock()
	if cached.invalidations == invalidations {
		cached.value, cached.isLoaded = value, true
	}
	return value, nil
}
