package tui

import (
	"testing"
	"testing/synctest"
)

func TestScreensLookAsTheyDid(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		keys          string
	}{
		{"start", 80, 24, ""},
		{"conversation", 80, 24, "<enter>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := sit(t, household())
				u.resize(c.width, c.height)
				u.keys(c.keys)
				golden(t, c.name, u.screen())
			})
		})
	}
}
