package wire_test

import (
	"testing"

	"github.com/rookery-im/rookery/wire"
)

var everyVersion = []wire.Version{wire.V10, wire.V11, wire.V12, wire.V13, wire.V14}

func TestOnlyFiveVersionsAreSpoken(t *testing.T) {
	for i, name := range []string{"1.0", "1.1", "1.2", "1.3", "1.4"} {
		v, ok := wire.ParseVersion([]byte(name))
		if !ok || v != everyVersion[i] || v.String() != name {
			t.Errorf("ParseVersion(%q) = %v, %v", name, v, ok)
		}
	}
	for _, name := range []string{"", "1", "1.", "1.5", "1.40", "01.4", " 1.4", "1.4 ", "1,4", "9.9", "2.0"} {
		if v, ok := wire.ParseVersion([]byte(name)); ok || v != 0 {
			t.Errorf("ParseVersion(%q) = %v, %v, want none", name, v, ok)
		}
	}
}

func TestVersionsDifferOnlyInFourThings(t *testing.T) {
	for _, v := range everyVersion {
		lineEnd, batch := "", 8<<10
		names := map[string]string{"SimpleInfo2": "SimpleInfo2", "Query_Stat2": "Query_Stat2", "GetInfo": "GetInfo"}
		statuses := map[uint8]uint8{50: 30, 60: 10, 70: 30}
		if v == wire.V14 {
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
		if got := v.LineEnd(); got != lineEnd {
			t.Errorf("%v: LineEnd = %q", v, got)
		}
		if got := v.BatchBytes(); got != batch {
			t.Errorf("%v: BatchBytes = %d", v, got)
		}
		for name, want := range names {
			if got := v.CommandName(name); got != want {
				t.Errorf("%v: CommandName(%q) = %q, want %q", v, name, got, want)
			}
		}
		for status, want := range statuses {
			if got := v.Status(status); got != want {
				t.Errorf("%v: Status(%d) = %d, want %d", v, status, got, want)
			}
		}
	}
}

func TestWhatIsNoVersionHasNoTraits(t *testing.T) {
	for _, v := range []wire.Version{0, wire.V14 + 1, 255} {
		if v.String() != "" || v.LineEnd() != "" || v.BatchBytes() != 0 || v.CommandName("GetInfo") != "GetInfo" || v.Status(50) != 50 {
			t.Errorf("version %d has traits", uint8(v))
		}
	}
}

func TestDevicesAreNamedSince14(t *testing.T) {
	for _, v := range everyVersion {
		if got, want := v.Devices(), v == wire.V14; got != want {
			t.Errorf("%s: %t, want %t", v, got, want)
		}
	}
}
