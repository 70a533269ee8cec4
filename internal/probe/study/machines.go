package study

// machines learns the session's state machines.
func (s *study) machines() error { return nil }
