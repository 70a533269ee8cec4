// Package experiment parses experiment files, which tell the prober what is known
// about a server, and the notation for steps.
//
// # Files
//
// A file is YAML. The files in files/ are examples. For each error in a file, [Parse]
// names the line, the problem and what is allowed there.
//
//	name        name of the study
//	server      its URL; the command line may name another
//	accounts    roles with account and secret: main account, peer, stranger
//	pool        first, last, secret: a range of fresh accounts
//	places      addresses of this machine to send from
//	friends     pairs of roles that are friends after a reset
//	reset       commands, pool, or {url: ...}: how to reset before each experiment
//	clock       real, or {url: ...}: takes a POST of seconds on test servers
//	syntax      pair, equals, list, escape, path, type, close, charsets
//	answer      code, done, not_logged_in, prose
//	parameters  by key: type, values, min, max of keys that commands share
//	commands    by name: request, does, done, parameters, destructive, session
//	setup       steps after each reset
//	scenarios   by name: further experiments, as lists of steps
//	limits      requests, rate, time, failed_logins (3, or 3 per 10m), wait
//	allow       destructive, hosts
//
// A secret is $NAME or "${NAME:-PASSWORD}" for an environment variable, or else the
// password itself. $$ at its beginning is a dollar sign.
//
// # Templates
//
// Values of requests and steps are templates with placeholders:
//
//	{seq}              a fresh mark
//	{me} {to} {ROLE}   the acting account, the target account, the account of a role
//	{text}             a fresh text
//	{command}          the command's name
//	{time}             the clock, in Unix seconds
//	{secret}           the password of the acting account
//	{md5(secret)}      its hash; also MD5 (in capitals), sha1 and sha256
//	{last(secret)}     a proof with its last character changed; also first and middle
//	{cut(secret)}      a proof without its last character
//	{seq:N} {text:N}   in steps: mark and text of the experiment's N-th step, from 1
//	{{                 a brace
//
// # Steps
//
// A step is one line, as described at [Step]:
//
//	wait SECONDS
//	ROLE[@PLACE] COMMAND[.VERB] [to ROLE] [CHANGE]...
//
// SECONDS may have a fraction. PLACE counts from 1 and is 1 if it is left out. Without
// to, the target is the role's peer, see [File.Peer]. Changes apply in order:
//
//	KEY=VALUE     sets the value; adds the pair at the end if the key is missing
//	-KEY          removes the key
//	+KEY=VALUE    adds a pair at the end
//	^KEY=VALUE    adds a pair at the beginning
//	~KEY=SPELLING replaces the key by SPELLING
//	>KEY          moves the pair to the end
//	<KEY          moves the pair to the beginning
//
// Text with a space, a quote, or unprintable bytes needs double quotes, with the escapes
// of Go: MG="two words", MG="\xff". So does a key that is empty, contains an equals
// sign, or begins with one of the signs above, and a command whose name contains a dot
// that could begin a verb: a "Msg.send". In YAML, put a step with a # or a colon next to
// a space in single quotes as a whole.
package experiment
