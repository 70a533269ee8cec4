package experiment

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

func charsetEncodings() map[string]encoding.Encoding {
	return map[string]encoding.Encoding{
		"gbk":     simplifiedchinese.GBK,
		"gb2312":  simplifiedchinese.GBK, // decoders treat GB2312 as its superset GBK
		"gb18030": simplifiedchinese.GB18030,
		"big5":    traditionalchinese.Big5,
	}
}

// LookUpCharset returns the encoding of a charset that a file can name. Case does not
// matter.
func LookUpCharset(name string) (encoding.Encoding, bool) {
	e, ok := charsetEncodings()[strings.ToLower(name)]
	return e, ok
}

func charsetNames() []string { return slices.Sorted(maps.Keys(charsetEncodings())) }
