package wire_test

import (
	"testing"

	"github.com/rookery-im/rookery/wire"
)

var everyVersion = []wire.Version{wire.V10, wire.V11, wire.V12, wire.V13, wire.V14}

func TestParseVersion(t *testing.T) {
	for i, name := range []string{"1.0", "1.1", "1.2", "1.3", "1.4"} {
		version, ok := wire.ParseVersion([]byte(name))
		if !ok || version != everyVersion[i] || version.String() != name {
			t.Errorf("ParseVersion(%q) = %v, %v", name, version, ok)
		}
	}
	for _, name := range []string{"", "1", "1.", "1.5", "1.40", "01.4", " 1.4", "1.4 ", "1,4", "9.9", "2.0"} {
		if version, ok := wire.ParseVersion([]byte(name)); ok || version != 0 {
			t.Errorf("ParseVersion(%q) = %v, %v, want none", name, version, ok)
		}
	}
}

func TestVersionTraits(t *testing.T) {
	for _, version := range everyVersion {
		lineEnd, batch := "", 8<<10
		names := map[string]string{"SimpleInfo2": "SimpleInfo2", "Query_Stat2": "Query_Stat2", "GetInfo": "GetInfo"}
		statuses := map[uint8]uint8{50: 30, 60: 10, 70: 30}
		if version == wire.V14 {
			lineEnd, batch = "\r\n", 32<<10
			names = map[string]string{"SimpleInfo2": "SIMPLEINFO2", "Query_Stat2": "QUERY_STAT2", "GetInfo": "GETINFO"}
			statuses = map[uint8]uint8{50: 50, 60: 60, 70: 70}
		}
		for _, same := range []string{"Login", "Query_Stat", "GetMsgEx", "update_stat", "nonsense", ""} {
			names[same] = same
		}
		for _, same := range []uint8{10, 20, 30, 40} {
			statuses[same] = same
		}
		if got := version.LineEnd(); got != lineEnd {
			t.Errorf("%v: LineEnd = %q", version, got)
		}
		if got := version.MaxBatchBytes(); got != batch {
			t.Errorf("%v: BatchBytes = %d", version, got)
		}
		for name, want := range names {
			if got := version.CommandName(name); got != want {
				t.Errorf("%v: CommandName(%q) = %q, want %q", version, name, got, want)
			}
		}
		for status, want := range statuses {
			if got := version.ShownStatus(status); got != want {
				t.Errorf("%v: Status(%d) = %d, want %d", version, status, got, want)
			}
		}
	}
}

func TestUnknownVersionHasNoTraits(t *testing.T) {
	for _, version := range []wire.Version{0, wire.V14 + 1, 255} {
		if version.String() != "" || version.LineEnd() != "" || version.MaxBatchBytes() != 0 ||
			version.CommandName("GetInfo") != "GetInfo" || version.ShownStatus(50) != 50 {
			t.Errorf("version %d has traits", uint8(version))
		}
	}
}

func TestDevicesExistSinceVersion14(t *testing.T) {
	for _, version := range everyVersion {
		if got, want := version.HasDevices(), version == wire.V14; got != want {
			t.Errorf("%s: %t, want %t", version, got, want)
		}
	}
}
