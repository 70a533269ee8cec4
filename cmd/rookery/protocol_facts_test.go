package main

// protocolFacts are the tables of the protocol's description in the form in which
// the prober states facts: what the fact is about, =, its value. They say what the
// server should do, whether the prober finds it or not; what it cannot see over HTTP
// with accounts is left out: lines, devices, proxies, the operator, restarts.
//
// A row names one fact. In a rule, which begins with ~, * stands for any name and
// <A|B> for one of several: it holds for each fact that fits, and for none in
// particular. A value with * at its end has to begin so. The first row that fits
// counts.
const protocolFacts = `
# 1.1 HTTP: forms of requests, answers
*/transport/close/is = answered as usual
*/transport/http/1.0/is = answered as usual
*/transport/no-target/is = answered as usual
*/transport/absolute/is = answered as usual
*/transport/chunked/is = answered as usual
*/transport/lf/is = answered as usual
*/transport/lower/is = answered as usual
*/transport/no-host/is = answered as usual
*/transport/no-type/is = answered as usual
*/transport/form/is = answered as usual
*/transport/two-spaces/is = answered as usual
*/transport/get/is = answered otherwise*
*/transport/put/is = answered otherwise: status 405
*/transport/two-lengths/is = answered otherwise: status 400
*/transport/status/of-answers = 200
*/transport/Content-Type/of-answers = text/plain; charset=UTF-8
*/transport/line-end-behind-a-record/of-answers = "\r\n"
*/transport/line-end-behind-a-record/of-answers/VER=1.1 = ""

# 1.1 encodings, 2 escapes and text fields
CLTMSG/encoding/plain/arrives = as it is meant
CLTMSG/encoding/an-escaped-separator/arrives = as it is meant
CLTMSG/encoding/an-escaped-escape/arrives = as it is meant
CLTMSG/encoding/an-escape-escaped-twice/arrives = as it is meant
CLTMSG/encoding/a-list-separator/arrives = as it is meant
CLTMSG/encoding/an-escaped-list-separator/arrives = as it is meant
CLTMSG/encoding/a-raw-separator/arrives = "a&b"
CLTMSG/encoding/a-raw-separator-with-a-key/arrives = "a&ZZ=1"
CLTMSG/encoding/an-equals-sign/arrives = as it is meant
CLTMSG/encoding/an-escape-that-is-none/arrives = "100% %zz %"
CLTMSG/encoding/a-plus-sign/arrives = as it is meant
CLTMSG/encoding/an-escaped-plus-sign/arrives = as it is meant
CLTMSG/encoding/escapes-in-small-letters/arrives = as it is meant
CLTMSG/encoding/spaces-at-both-ends/arrives = " a b"
CLTMSG/encoding/escaped-spaces-at-both-ends/arrives = as it is meant
CLTMSG/encoding/two-spaces/arrives = as it is meant
CLTMSG/encoding/an-escaped-line-end/arrives = "a\rb"
CLTMSG/encoding/an-escaped-CR-LF/arrives = "a\rb"
CLTMSG/encoding/a-raw-line-end/arrives = "a\rb"
CLTMSG/encoding/a-tabulator/arrives = as it is meant
CLTMSG/encoding/a-control-character/arrives = "ab"
CLTMSG/encoding/a-zero-byte/arrives = refused
CLTMSG/encoding/UTF-8-of-two-bytes/arrives = as it is meant
CLTMSG/encoding/UTF-8-of-three-bytes/arrives = as it is meant
CLTMSG/encoding/UTF-8-of-four-bytes/arrives = as it is meant
CLTMSG/encoding/escaped-UTF-8/arrives = as it is meant
CLTMSG/encoding/bytes-that-are-no-UTF-8/arrives = refused
CLTMSG/encoding/half-a-character/arrives = "中"
CLTMSG/encoding/undeclared-GBK/arrives = as it is meant
CLTMSG/encoding/one-character-of-GBK/arrives = "你"
CLTMSG/encoding/declared-gbk/arrives = as it is meant
CLTMSG/encoding/declared-gb2312/arrives = as it is meant
CLTMSG/encoding/declared-gb18030/arrives = as it is meant
~ CLTMSG/encoding/<one-character-of|plain-in>-declared-*/arrives = as it is meant
~ CLTMSG/encoding/<HTML|a-quotation-mark-and-a-backslash>/arrives = as it is meant

# 2 keys of every request
List/parameter/VER/presence = required
List/parameter/VER/value-1.0 = taken
List/parameter/VER/value-1.1 = taken
List/parameter/VER/value-1.2 = taken
List/parameter/VER/value-1.3 = taken
List/parameter/VER/value-1.5 = answered NULL
List/parameter/VER/value-9.9 = answered NULL
List/parameter/VER/value-empty = answered NULL
~ */parameter/VER/value-<1.0|1.1|1.2|1.3|1.4> = taken
~ */parameter/VER/value-<a-space-before|a-space-behind|its-first-character-escaped> = taken
~ */parameter/VER/value-* = answered NULL
List/parameter/CMD/presence = required
List/parameter/CMD/value-Xyzzy = answered RES=2
List/parameter/CMD/value-list = taken
List/parameter/CMD/value-LIST = taken
~ */parameter/CMD/value-<Listx|Lis|Nothing|0|empty|Xyzzy> = answered RES=2
~ */parameter/CMD/value-<List-|a-space-before|a-space-behind|its-first-character-escaped> = taken
List/parameter/SEQ/presence = optional
List/parameter/SEQ/longest = 32
List/parameter/SEQ/value-33-characters = answered RES=1
~ */parameter/SEQ/value-* = taken
~ */parameter/SEQ/meaning = not ignored: it guards against doubling
List/parameter/UIN/presence = required
List/parameter/UIN/value-empty = answered RES=5
List/parameter/UIN/value-x = answered RES=5
List/parameter/UIN/value-9999 = answered RES=5
List/parameter/UIN/value-4294967296 = answered RES=5
List/parameter/UIN/value-9999999 = answered RES=20
List/parameter/UIN/value-10000 = answered RES=20
~ Logout/parameter/UIN/value-9999999 = taken
~ Login/parameter/UIN/value-9999999 = answered RES=0 RS=1
~ */parameter/UIN/value-9999999 = answered RES=20
~ */parameter/UIN/value-<0|-1|x|empty|99999999999999999999|9999|4294967296> = answered RES=5
~ */parameter/UIN/value-<a-space-before|a-space-behind> = taken
~ */parameter/<VER|CMD|UIN>/presence = required
~ */parameter/SEQ/presence = optional

# 2 how keys and values are written
List/parameter/VER/case-of-the-key = any
List/parameter/CMD/case-of-the-key = any
List/parameter/UIN/case-of-the-key = any
~ */parameter/*/case-of-the-key = any
List/parameter/TN/given-twice = the first counts
List/parameter/UIN/given-twice = the first counts
List/parameter/CMD/given-twice = the first counts
~ */parameter/*/given-twice = the first counts
Login/parameter/PS/value-a-space-behind = taken
List/parameter/TN/value-a-space-before = taken
List/parameter/TN/value-its-first-character-escaped = taken
~ */parameter/*/value-<a-space-before|a-space-behind|its-first-character-escaped> = taken
List/parameter/an-unknown-key/a-key-more,-first = ignored
List/parameter/an-unknown-key/a-key-more,-last = ignored
CLTMSG/parameter/an-unknown-key/a-key-more,-last = not ignored
~ */parameter/an-unknown-key/* = ignored
Login/parameter/CON/meaning = ignored
Login/parameter/LG/meaning = ignored
Login/parameter/LC/meaning = ignored
Login/parameter/GD/meaning = ignored
Login/parameter/CKE/meaning = ignored
Query_Stat2/parameter/SID/meaning = ignored
Query_Stat2/parameter/XP/meaning = ignored
Query_Stat2/parameter/CM/meaning = ignored
~ */parameter/<CON|LG|LC|GD|CKE|SID|XP|CM|TO>/meaning = ignored
~ */parameter/<CON|LG|LC|GD|CKE|SID|XP|CM|TO>/presence = optional
~ */parameter/<CON|LG|LC|GD|CKE|SID|XP|CM|TO>/value-* = taken

# 2 answers: how they begin
List/field/VER/is = echo VER
List/field/CMD/is = echo CMD
List/field/SEQ/is = echo SEQ
List/field/UIN/is = echo UIN
List/field/RES/is = constant*
~ */field/VER/is = echo VER
~ */field/CMD/is = echo CMD
~ */field/SEQ/is = echo SEQ
~ */field/UIN/is = echo UIN
~ */field/RES/is = constant*

# 2 codes
List/field/RES/can-be-RES=20/never-logged-in = yes
List/field/RES/can-be-RES=20/logged-out = yes
List/field/RES/can-be-RES=20/no-longer-logged-in = yes
Logout/field/RES/can-be-RES=0/never-logged-in = yes
Logout/field/RES/can-be-RES=0/logged-out = yes
GetInfo/field/RES/can-be-RES=5/logged-in = yes
GetInfo/field/RES/can-be-RES=1/logged-in = yes
List/field/RES/can-be-RES=2/logged-in = yes
List/field/RES/can-be-NULL/logged-in = yes
CLTMSG/field/RES/can-be-RES=3/logged-in = yes
Login/field/RES/can-be-RES=0-RS=1/never-logged-in = yes
~ <Login|Logout>/field/RES/can-be-RES=20/* = no
~ */field/RES/can-be-RES=20/logged-in = no
~ */field/RES/can-be-RES=<0|1|2|3|5>/logged-in = yes
~ */field/RES/can-be-RES=20/* = yes
~ */field/RES/can-be-NULL/* = yes

# 2 wrong parameters
List/parameter/TN/presence = optional
List/parameter/TN/value-empty = taken
List/parameter/TN/value-0 = taken
List/parameter/TN/value-99999 = taken
List/parameter/TN/value--1 = answered RES=1
List/parameter/TN/value-x = answered RES=1
Query_Stat/parameter/TN/value--1 = answered RES=1
~ */parameter/TN/value-<-1|x|1.5|1x> = answered RES=1
~ */parameter/TN/value-<empty|0|1|2|3|99999> = taken
~ */parameter/TN/presence = optional
List/parameter/UN/presence = optional
List/parameter/UN/value-empty = taken
List/parameter/UN/value-x = answered RES=1
List/parameter/UN/value-4294967295 = taken
~ <List|Query_Stat|Query_Stat2|SimpleInfo2|Finger>/parameter/UN/presence = optional
~ <List|Query_Stat|Query_Stat2|SimpleInfo2|Finger>/parameter/UN/value-<empty|1|4294967295> = taken
~ <List|Query_Stat|Query_Stat2|SimpleInfo2|Finger>/parameter/UN/value-<x|1x|-1> = answered RES=1
~ <List|Query_Stat|Query_Stat2|SimpleInfo2|Finger>/parameter/UN/value-<4294967296|99999999999999999999> = taken
GetInfo/parameter/UN/presence = required
GetInfo/parameter/UN/value-empty = answered RES=1
GetInfo/parameter/UN/value-x = answered RES=5
GetInfo/parameter/UN/value-9999 = answered RES=5
GetInfo/parameter/UN/value-9999999 = answered RES=5
GetInfo/parameter/UN/value-10000 = taken
AddToList/parameter/UN/presence = required
AddToList/parameter/UN/value-9999999 = taken
AddToList/parameter/UN/value-oneself = answered RES=1
AddToList/parameter/UN/value-10000 = taken
Ack_AddToList/parameter/UN/value-oneself = answered RES=1
Ack_AddToList/parameter/UN/value-10000 = answered RES=3
Ack_AddToList/parameter/UN/value-{many} = answered RES=3
DelFromList/parameter/UN/value-10000 = answered RES=3
DelFromList/parameter/UN/value-{stranger} = taken
CLTMSG/parameter/UN/value-oneself = taken
CLTMSG/parameter/UN/value-10000 = answered RES=3
CLTMSG/parameter/UN/value-9999999 = answered RES=5
CLTMSG/parameter/UN/value-{stranger} = taken
CLTMSG/parameter/UN/value-{many} = answered RES=3
~ */parameter/UN/presence = required
~ */parameter/UN/value-empty = answered RES=1
~ <AddToList|Ack_AddToList>/parameter/UN/value-{a} = answered RES=1
~ */parameter/UN/value-<x|9999|1|0|-1|4294967296|99999999999999999999> = answered RES=5
~ AddToList/parameter/UN/value-4294967295 = taken
~ */parameter/UN/value-<9999999|4294967295> = answered RES=5
~ */parameter/UN/value-<{a}|{b}|{stranger}|{open}|oneself|{many}> = taken
GetInfo/parameter/LV/presence = optional
GetInfo/parameter/LV/default = 2
GetInfo/parameter/LV/value-1 = taken
GetInfo/parameter/LV/value-3 = taken
GetInfo/parameter/LV/value-4 = answered RES=1
GetInfo/parameter/LV/value-empty = answered RES=1
~ */parameter/LV/value-2 = taken
~ */parameter/LV/value-* = answered RES=1
Ack_AddToList/parameter/CD/presence = required
Ack_AddToList/parameter/CD/value-2 = taken
Ack_AddToList/parameter/CD/value-3 = answered RES=1
Ack_AddToList/parameter/RS/presence = optional
Ack_AddToList/parameter/RS/longest = 4000
~ */parameter/CD/value-* = answered RES=1
~ */parameter/RS/value-* = taken
~ */parameter/RS/meaning = not ignored: the other gets the words

# 2.1 SEQ
GetMsgEx/message/repeat-with-a-long-mark/at-once = 1 of 2
GetMsgEx/message/repeat-with-a-short-mark/at-once = 1 of 2
GetMsgEx/message/repeat-with-an-empty-mark/at-once = 2 of 2
GetMsgEx/message/repeat-with-a-long-mark/with-another-text = 2 of 2
GetMsgEx/message/repeat-with-a-long-mark/behind-another-message = 1 of 2
GetMsgEx/message/repeat-with-a-short-mark/behind-another-message = 2 of 2
GetMsgEx/message/repeat-with-a-long-mark/behind-a-login = 1 of 2
GetMsgEx/message/repeat-with-a-short-mark/behind-a-login = 2 of 2
GetMsgEx/message/collecting/again-with-the-same-mark = 1, 1, 0
*/timer/memory-of-a-long-mark/length = 119 to 120 s
*/timer/memory-of-a-short-mark/length = 14 to 15 s

# 3 Login, Logout
Login/parameter/PS/presence = required
Login/parameter/PS/value-md5 = taken
Login/parameter/PS/value-MD5-in-capitals = taken
Login/parameter/PS/value-in-other-letters = taken
Login/parameter/PS/value-wrong = answered RES=0 RS=1
Login/parameter/PS/value-the-secret-itself = answered RES=0 RS=1
Login/parameter/M5/presence = required
Login/parameter/M5/value-1 = taken
Login/parameter/M5/value-2 = answered RES=0 RS=1
Login/parameter/M5/value-3 = answered RES=0 RS=1
Login/session/M5=0/proof = {secret}
~ Login/parameter/PS/value-* = answered RES=0 RS=1
~ Login/parameter/M5/value-* = answered RES=0 RS=1
Login/field/fields/order = VER CMD SEQ UIN RES RS HI LI
Login/field/HI/is = constant*
Login/field/LI/is = constant*
Logout/field/fields/order = VER CMD SEQ UIN RES
Login/parameter/ST/presence = optional
Login/parameter/ST/value-70 = taken
Login/parameter/ST/value-11 = answered RES=1
~ */parameter/ST/value-<10|20|30|40|50|60|70> = taken
~ */parameter/ST/value-* = answered RES=1

# 3 who counts as logged in
*/session/after-no-login/state = not logged in
*/session/after-login/state = logged in
*/session/after-logout/state = not logged in
*/session/after-failed-login-before-any/state = not logged in
*/session/after-failed-login-of-who-is-logged-in/state = logged in
*/session/after-second-login-from-another-place/state = not logged in
*/session/after-second-login,-asked-from-there/state = logged in
*/session/after-login,-asked-from-another-place/state = not logged in
*/session/after-failed-login-from-another-place/state = logged in
*/session/after-second-login-from-the-same-place/state = logged in
*/session/after-logout-from-another-place/state = logged in
*/session/after-logout-of-who-was-displaced/state = logged in
*/session/after-login-of-another-account/state = logged in
*/session/after-logout-of-another-account/state = logged in
*/session/after-second-logout/state = not logged in
*/session/after-login-behind-a-logout/state = logged in
*/session/after-login-back-from-the-first-place/state = logged in
*/session/after-login-back,-asked-from-the-other-place/state = not logged in
*/session/after-failed-login,-asked-from-its-place/state = not logged in
List/session/session/needs = needed
Change_Stat/session/session/needs = needed
GetMsgEx/session/session/needs = needed
~ */session/session/needs = needed
Login/session/failed-logins/lock-after = 5
*/timer/lock-after-failed-logins/length = 9 to 10 s
*/timer/session/length = 299 to 300 s
*/timer/session/kind = idle
List/timer/session/List = refreshes
Login/timer/session/Login = refreshes
GetMsgEx/timer/session/GetMsgEx = refreshes
*/timer/session/a-refused-request = refreshes
*/timer/session/a-failed-login = does not refresh
*/timer/session/a-message-from-another = does not refresh
*/timer/session/an-unknown-command = does not refresh
*/timer/session/a-request-of-an-unknown-version = does not refresh
~ */timer/session/after-300-s = over
~ */timer/session/after-299-s = not over
~ */timer/session/a-failed-login-from-another-place = does not refresh
~ */timer/session/<Change_Stat|Query_Stat|Query_Stat2|SimpleInfo2|GetInfo|AddToList|Ack_AddToList|DelFromList|Finger|CLTMSG> = refreshes

# 3 Change_Stat, and what others see
Change_Stat/parameter/ST/presence = required
Change_Stat/parameter/ST/value-10 = taken
Change_Stat/parameter/ST/value-20 = taken
Change_Stat/parameter/ST/value-30 = taken
Change_Stat/parameter/ST/value-40 = taken
Change_Stat/parameter/ST/value-50 = taken
Change_Stat/parameter/ST/value-60 = taken
Change_Stat/parameter/ST/value-70 = taken
Change_Stat/parameter/ST/value-11 = answered RES=1
Change_Stat/parameter/ST/value-empty = answered RES=1
Change_Stat/field/fields/order = VER CMD SEQ UIN RES
Query_Stat/presence/ST=10/a-friend-sees = as there
Query_Stat/presence/ST=20/a-friend-sees = as away
Query_Stat/presence/ST=30/a-friend-sees = as there
Query_Stat/presence/ST=40/a-friend-sees = as away
Query_Stat/presence/ST=50/a-friend-sees = as there
Query_Stat/presence/ST=60/a-friend-sees = as there
Query_Stat/presence/ST=70/a-friend-sees = as there
~ Query_Stat2/presence/ST=<20|40>/a-friend-sees = as away
~ Query_Stat2/presence/*/a-friend-sees = as there
GetMsgEx/presence/ST=10/a-friend-is-told = nothing
GetMsgEx/presence/ST=20/a-friend-is-told = MT=99, UN={a}, MG=20,
GetMsgEx/presence/ST=30/a-friend-is-told = MT=99, UN={a}, MG=30,
GetMsgEx/presence/ST=40/a-friend-is-told = MT=99, UN={a}, MG=20,
GetMsgEx/presence/ST=50/a-friend-is-told = MT=99, UN={a}, MG=30,
GetMsgEx/presence/ST=60/a-friend-is-told = nothing
GetMsgEx/presence/ST=70/a-friend-is-told = MT=99, UN={a}, MG=30,

# 4 lists
List/parameter/TN/default = 160
List/parameter/TN/most = 1000
Query_Stat/parameter/TN/default = 50
Query_Stat/parameter/TN/most = 1000
List/paging/UN/order = ascending
Query_Stat/paging/UN/order = ascending
Query_Stat2/paging/UN/order = ascending
SimpleInfo2/paging/UN/order = ascending
Finger/paging/UN/order = ascending
List/paging/TN/bounds-the-page = as many elements
Query_Stat/paging/TN/bounds-the-page = as many elements
List/paging/UN/the-page-begins = after the element it names
Query_Stat/paging/UN/the-page-begins = after the element it names
Query_Stat2/paging/UN/the-page-begins = after the element it names
SimpleInfo2/paging/UN/the-page-begins = after the element it names
Finger/paging/UN/the-page-begins = after the element it names
List/paging/UN/a-walk-finds = each element once
Query_Stat2/paging/page/most = 50
SimpleInfo2/paging/page/most = 50
Finger/paging/page/most = 25
List/paging/FN/says = 1 on the last page, else 0
SimpleInfo2/paging/NP/says = the last element, 65535 on the last page
~ */paging/UN/order = ascending
~ */paging/UN/a-walk-finds = each element once

# 4 fields of lists
List/field/fields/order = VER CMD SEQ UIN RES FN SN UN
List/field/FN/is = enum*
List/field/SN/is = count UN
List/field/UN/is = list
List/field/UN/order-of-elements = ascending
Query_Stat/field/fields/order = VER CMD SEQ UIN RES FC FN SN ST UN NK
Query_Stat/field/FC-and-UN/are = parallel lists
Query_Stat/field/ST-and-UN/are = parallel lists
Query_Stat/field/UN-and-NK/are = parallel lists
Query_Stat2/field/fields/order = VER CMD SEQ UIN RES FN SN ST UN
Query_Stat2/field/ST-and-UN/are = parallel lists
SimpleInfo2/field/fields/order = VER CMD SEQ UIN RES NP SN UN FC NK
~ SimpleInfo2/field/NP/is = <number|text>
SimpleInfo2/field/SN/is = count UN
SimpleInfo2/field/UN-and-FC/are = parallel lists
SimpleInfo2/field/UN-and-NK/are = parallel lists
Finger/field/fields/order = VER CMD SEQ UIN RES FN SN UN NK FC SX AG PV
Finger/field/UN-and-NK/are = parallel lists
~ */field/*-and-*/are = parallel lists
~ */field/FN/is = enum*
~ <Query_Stat|Query_Stat2|Finger>/field/SN/is = count*
~ <Query_Stat|Query_Stat2|SimpleInfo2|Finger|GetMsgEx>/field/<UN|ST|FC|NK|SX|AG|PV|MT|MG>/is = list
~ */field/UN/order-of-elements = ascending

# 4 GetInfo
GetInfo/field/fields,-12-of-them/order = VER CMD SEQ UIN RES AG FC LV PV SX UN NK
GetInfo/field/fields,-21-of-them/order = VER CMD SEQ UIN RES AD AG EM FC HP JB LV PC PH PR PV RN SC SX UN NK
GetInfo/field/fields,-31-of-them/order = VER CMD SEQ UIN RES AD AG BT CO CT CV CY EM FC HP ID JB LV MO MT MV PC PH PR PV RN SC SH SX UN NK
GetInfo/field/UN/is = echo UN
GetInfo/field/private-fields/to-a-stranger = empty
~ GetInfo/field/<CV|ID|MT|MV>/is = <constant|text>*
~ GetInfo/field/<AG|FC|BT|CO|SH>/is = <number|text>
~ GetInfo/field/<AD|EM|HP|JB|PC|PH|PR|PV|RN|SC|NK|CT|CY|MO>/is = text

# 4 how two accounts become friends
AddToList/field/fields/order = VER CMD SEQ UIN RES CD UN
AddToList/field/UN/is = echo UN
AddToList/field/CD/is = enum*
AddToList/friendship/to-{open}/answer = CD=0
AddToList/friendship/to-{stranger}/answer = CD=1
AddToList/friendship/to-{many}/answer = CD=3
AddToList/friendship/to-nobody/answer = CD=2
Ack_AddToList/field/fields/order = VER CMD SEQ UIN RES UN CD
Ack_AddToList/field/UN/is = echo UN
Ack_AddToList/field/CD/is = echo CD
DelFromList/field/fields/order = VER CMD SEQ UIN RES UN
DelFromList/field/UN/is = echo UN
List/friendship/add/lists-the-other = neither
List/friendship/request/lists-the-other = neither
List/friendship/request,-then-accept/lists-the-other = both
List/friendship/request,-then-reject/lists-the-other = neither
List/friendship/delete/lists-the-other = neither
List/friendship/delete-by-the-other/lists-the-other = neither
List/friendship/add,-then-accept/lists-the-other = neither
List/friendship/accept-without-a-request/lists-the-other = neither
List/friendship/accept-of-one's-own-request/lists-the-other = neither
List/friendship/reject,-then-accept/lists-the-other = neither
List/friendship/requests-that-cross/lists-the-other = both
List/friendship/request,-then-add-by-the-other/lists-the-other = both
List/friendship/request-to-who-is-away/lists-the-other = both
List/friendship/request,-accept,-delete/lists-the-other = neither
List/friendship/add-of-a-friend/lists-the-other = both
List/friendship/delete-of-a-stranger/lists-the-other = neither
List/friendship/add-to-{open}/lists-the-other = both
GetMsgEx/friendship/request/the-other-gets = MT=2
GetMsgEx/friendship/request,-then-accept/the-other-gets = MT=3
GetMsgEx/friendship/request,-then-reject/the-other-gets = MT=4
GetMsgEx/friendship/add-to-{open}/the-other-gets = MT=1
~ List/friendship/<accept-twice|accept-while-the-other-is-away|request-to-a-friend|delete,-request,-accept|accept,-then-look-who-is-online|accept,-then-status|friendship-over-a-new-login>/lists-the-other = both
~ List/friendship/<add-of-oneself|request-to-oneself|delete-of-oneself>/lists-the-other = both
~ List/friendship/<reject-without-a-request|request-twice|request,-reject,-request>/lists-the-other = neither
~ List/friendship/<delete-of-a-stranger|delete-twice|delete-by-both|delete-of-who-is-away|delete,-then-*>/lists-the-other = neither

# 5 messages
CLTMSG/parameter/UN/presence = required
CLTMSG/parameter/MG/presence = required
CLTMSG/parameter/MG/value-empty = answered RES=1
CLTMSG/parameter/MG/longest = 4000
CLTMSG/field/fields/order = VER CMD SEQ UIN RES
GetMsgEx/field/fields/order = VER CMD SEQ UIN RES MN MT UN MG
GetMsgEx/field/MN/is = count MT
GetMsgEx/field/MT/is = list
GetMsgEx/field/MT-and-UN/are = parallel lists
GetMsgEx/field/UN-and-MG/are = parallel lists
GetMsgEx/message/to-who-is-logged-in/arrives = 1 and then 0 times
GetMsgEx/message/to-who-is-away/arrives = 1 and then 0 times
GetMsgEx/message/to-oneself/arrives = 1 and then 0 times
GetMsgEx/message/to-a-stranger/arrives = 1 and then 0 times
GetMsgEx/message/batch/most = 50
GetMsgEx/message/several/order = as they were sent
~ CLTMSG/parameter/MG/value-x = taken
~ */field/base-request/answer = RES=0*
`
