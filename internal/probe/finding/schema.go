package finding

import _ "embed"

// SchemaJSON is the JSON schema (draft 2020-12) of protocol.json, by which other
// programs can check what they read.
//
// SchemaJSON is the JSON schema (draft 2020-12) of protocol.json. Other programs can
// validate a protocol.json with it.
//
//go:embed schema.json
var SchemaJSON []byte
