package service

// Waves is how many times a feed remembers at which it wrote.
func Waves(f *Feed) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waves)
}
