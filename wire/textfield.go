package wire

// textField is a field that holds what a user typed, raw: it may contain '&'
// and whole pairs.
type textField struct {
	command, key string
	// requiredKeys are the keys that must have come before the text for it to run to
	// the record's end.
	requiredKeys []string
}

// textFields are all there are (section 2 of the protocol, "Text fields").
var textFields = []textField{
	{command: "CLTMSG", key: "MG", requiredKeys: []string{"VER", "CMD", "SEQ", "UIN", "UN"}},
	{command: "Ack_AddToList", key: "RS", requiredKeys: []string{"VER", "CMD", "SEQ", "UIN", "UN", "CD"}},
}

// maxRequiredKeys is the length of the longest needs.
const maxRequiredKeys = 6

// findTextField returns the text field of the record's command, nil if that has
// none. The command is searched for ahead of all else, because it may follow
// the text.
func findTextField(b []byte) *textField {
	for {
		key, tail, ok := cutKey(b)
		if !ok {
			return nil
		}
		n := pairLength(tail)
		if EqualFold(key, "CMD") {
			return textFieldOfCommand(trimSpace(tail[:n]))
		}
		b = tail[n:]
	}
}

// textFieldOfCommand looks up the command whose name is given as it was sent.
func textFieldOfCommand(name []byte) *textField {
	var buf [3 * len("Ack_AddToList")]byte // the longest, every character escaped
	if len(name) > len(buf) {
		return nil
	}
	name = Unescape(buf[:0], name)
	for i := range textFields {
		if EqualFold(name, textFields[i].command) {
			return &textFields[i]
		}
	}
	return nil
}

// textLength is the length of the text that tail begins with, where r has the pairs
// before it: the whole tail, unless a key that is still needed follows. The
// first of those ends the text.
func (t *textField) textLength(tail []byte, record *Record) int {
	var buf [maxRequiredKeys]string
	missing := buf[:0]
	for _, key := range t.requiredKeys {
		if _, ok := record.Raw(key); !ok {
			missing = append(missing, key)
		}
	}
	if len(missing) == 0 {
		return len(tail)
	}
	n := pairLength(tail)
	for {
		key, after, ok := cutKey(tail[n:])
		if !ok {
			return len(tail)
		}
		if containsFold(missing, key) {
			return len(tail) - len(after) - len("&=") - len(key)
		}
		n = len(tail) - len(after) + pairLength(after)
	}
}

func containsFold(keys []string, key []byte) bool {
	for _, k := range keys {
		if EqualFold(key, k) {
			return true
		}
	}
	return false
}
