package main

import (
	"runtime/debug"
	"testing"
)

func TestVersionText(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for _, test := range []struct {
		name string
		info *debug.BuildInfo
		want string
	}{
		{"a release says its version", &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"}},
			"rookery v1.2.3, built with go1.26.8"},
		{"a build from a clone says its revision",
			&debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "(devel)"},
				Settings: []debug.BuildSetting{setting("vcs.revision", "abc"),
					setting("vcs.time", "2026-11-22T10:00:00Z"),
					setting("vcs.modified", "false")}},
			"rookery, not a release, revision abc of 2026-11-22T10:00:00Z, built with go1.26.8"},
		{"a build from a changed clone says so", &debug.BuildInfo{GoVersion: "go1.26.8",
			Main:     debug.Module{Version: "(devel)"},
			Settings: []debug.BuildSetting{setting("vcs.revision", "abc"), setting("vcs.modified", "true")}},
			"rookery, not a release, revision abc, modified, built with go1.26.8"},
		{"a build from files alone says what it can", &debug.BuildInfo{GoVersion: "go1.26.8"},
			"rookery, not a release, built with go1.26.8"},
		{"a build without information says that", nil, "rookery, of unknown version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := versionText(test.info); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
