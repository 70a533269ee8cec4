package service

// cachedValue caches something that the store says about an account. account.mu guards it.
type cachedValue[T any] struct {
	value    T
	isLoaded bool
	// invalidations is increased by invalidate, so that an outdated read is not cached.
	invalidations int
}

// invalidate makes the next getOrLoad read the store. The caller holds account.mu.
func (c *cachedValue[T]) invalidate() { *c = cachedValue[T]{invalidations: c.invalidations + 1} }

// getOrLoad returns the cached value, or loads and caches it. load runs without a lock.
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
