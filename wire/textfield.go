package wire

// textField is a field with unescaped text of a user, which may contain '&' and whole pairs.
type textField struct {
	command, key string
	// requiredKeys must all precede the text for it to extend to the end of the record.
	requiredKeys []string
}

// textFields are all text fields (docs/protocol.md, section 2, "Text fields").
var textFields = []textField{
	{command: "CLTMSG", key: "MG", requiredKeys: []string{"VER", "CMD", "SEQ", "UIN", "UN"}},
	{command: "Ack_AddToList", key: "RS", requiredKeys: []string{"VER", "CMD", "SEQ", "UIN", "UN", "CD"}},
}

// maxRequiredKeys is the length of the longest requiredKeys.
const maxRequiredKeys = 6

// findTextField returns the text field of the record's command, or nil. It searches the whole
// record for CMD, which may follow the text.
func findTextField(data []byte) *textField {
	for {
		key, tail, ok := cutKey(data)
		if !ok {
			return nil
		}
		n := pairLength(tail)
		if EqualFold(key, "CMD") {
			return textFieldOfCommand(trimSpace(tail[:n]))
		}
		data = tail[n:]
	}
}

// textFieldOfCommand returns the text field of a command, or nil. name is still escaped.
func textFieldOfCommand(name []byte) *textField {
	var buffer [3 * len("Ack_AddToList")]byte // the longest name, with every character escaped
	if len(name) > len(buffer) {
		return nil
	}
	name = Unescape(buffer[:0], name)
	for i := range textFields {
		if EqualFold(name, textFields[i].command) {
			return &textFields[i]
		}
	}
	return nil
}

// textLength returns the length of the text at the start of tail. The text ends before the first
// required key that does not precede it, else at the end of the record. record contains the
// preceding pairs.
func (t *textField) textLength(tail []byte, record *Record) int {
	var buffer [maxRequiredKeys]string
	missing := buffer[:0]
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
	for _, candidate := range keys {
		if EqualFold(key, candidate) {
			return true
		}
	}
	return false
}
