package transcript

import "testing"

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name, answer, got string
		at                int // -1: they match
	}{
		{"an equal answer fits", "VER=1.1&RES=0", "VER=1.1&RES=0", -1},
		{"the first differing byte is told", "VER=1.1&RES=0", "VER=1.1&RES=1", 12},
		{"a missing end is told", "VER=1.1&RES=20", "VER=1.1&RES=2", 13},
		{"a line end after an old version is too much", "VER=1.3&RES=0", "VER=1.3&RES=0\r\n", 13},
		{"1.4 wants its line end", "VER=1.4&RES=0", "VER=1.4&RES=0\r\n", -1},
		{"1.4 without its line end lacks it", "VER=1.4&RES=0", "VER=1.4&RES=0", 13},
		{"NULL has no line end in any version", "NULL", "NULL\r\n", 4},
		{"a reason that contains the text fits", "RES=1&RA=*UN*", "RES=1&RA=UN: no number", -1},
		{"a star alone fits any reason", "RES=3&RA=*", "RES=3&RA=not now", -1},
		{"an empty reason is none", "RES=3&RA=*", "RES=3&RA=", 9},
		{"a reason without the text does not fit", "RES=1&RA=*UN*", "RES=1&RA=no number", 9},
		{"several texts in their order fit", "RA&RA=*wait*10*", "RA&RA=wait for 10 s", -1},
		{"several texts in another order do not", "RA&RA=*wait*10*", "RA&RA=10 s to wait", 6},
		{"a raw comma cannot be in a reason", "RES=1&RA=*UN*", "RES=1&RA=UN, no number", 11},
		{"an escaped comma can", "RES=1&RA=*UN*", "RES=1&RA=UN%2c no number", -1},
		{"nothing follows a reason", "RES=1&RA=*UN*", "RES=1&RA=UN&X=1", 11},
		{"a percent sign must be escaped", "RES=1&RA=*UN*", "RES=1&RA=UN 100%", 15},
		{"a reason is one line", "RES=1&RA=*UN*", "RES=1&RA=UN\rX", 11},
		{"the reason of 1.4 ends in a line end", "VER=1.4&RA=*UN*", "VER=1.4&RA=UN\r\n", -1},
		{"the reason of 1.4 lacks its line end", "VER=1.4&RA=*UN*", "VER=1.4&RA=UN", 13},
		{"what stands before the reason counts", "RES=1&RA=*", "RES=3&RA=x", 4},
		{"a star elsewhere is a star", "MG=*,&X=1", "MG=a,&X=1", 3},
		{"a reason with no star is compared", "RES=1&RA=a*", "RES=1&RA=ab", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			offset, ok := Match([]byte(c.answer), []byte(c.got))
			if ok != (c.at < 0) || !ok && offset != c.at {
				t.Errorf("Match(%q, %q) = %d, %t", c.answer, c.got, offset, ok)
			}
		})
	}
}
