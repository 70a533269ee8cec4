package probetest

// ruleTable holds the conversations of TestRules.
var ruleTable = map[string]string{
	"a status is kept while a session lives": `
		login 10001
		login 10002
		10001 Change_Stat&ST=30 -> 0
		login 10001
		10002 Query_Stat -> 0&FC=3,&FN=1&SN=1&ST=30,&UN=10001,&NK=Ann,
		10001 Logout -> 0
		10002 Query_Stat -> 0&FC=&FN=1&SN=0&ST=&UN=&NK=
		login 10001
		10002 Query_Stat -> 0&FC=3,&FN=1&SN=1&ST=10,&UN=10001,&NK=Ann,`,
	"invisible and offline look alike": `
		login 10001
		login 10002
		10001 Change_Stat&ST=40 -> 0
		10002 Query_Stat2 -> 0&FN=1&SN=1&ST=20,&UN=10001,
		10001 Change_Stat&ST=20 -> 0
		10002 Query_Stat2 -> 0&FN=1&SN=1&ST=20,&UN=10001,
		10002 GetMsgEx -> 0&MN=1&MT=99,&UN=10001,&MG=20,
		10001 List -> 0&FN=1&SN=1&UN=10002,`,
	"statuses of 1.4 are others for older clients": `
		login 10001
		login 10002
		10001 Change_Stat&ST=50 -> 0
		10002 Query_Stat2 -> 0&FN=1&SN=1&ST=30,&UN=10001,
		10001 Change_Stat&ST=60 -> 0
		10002 Query_Stat2 -> 0&FN=1&SN=1&ST=10,&UN=10001,
		10001 Change_Stat&ST=15 -> 1&RA=ST is no status
		10001 Change_Stat -> 1&RA=ST is no status`,
	"notices are of changes only": `
		login 10001
		login 10002
		10001 GetMsgEx -> 0&MN=1&MT=99,&UN=10002,&MG=10,
		login 10002
		10001 GetMsgEx -> 0&MN=0&MT=&UN=&MG=
		10002 Change_Stat&ST=30 -> 0
		10002 Change_Stat&ST=40 -> 0
		10001 GetMsgEx -> 0&MN=1&MT=99,&UN=10002,&MG=20,
		10002 Logout -> 0
		10001 GetMsgEx -> 0&MN=0&MT=&UN=&MG=`,
	"a session ends when it is idle": `
		login 10001
		login 10002
		wait 299
		10001 List -> 0...
		wait 1
		10002 List -> 20
		10001 GetMsgEx -> 0&MN=1&MT=99,&UN=10002,&MG=20,
		wait 300
		10001 List -> 20
		10001 Logout -> 0`,
	"five wrong tries lock for a minute": `
		10001 Login&M5=1&PS=123456 -> 0&RS=1&RA=Password error: ...
		10001 Login&M5=2&PS=e10adc3949ba59abbe56e057f20f883e -> 0&RS=1&RA=Password error: ...
		10001 Login&PS=e10adc3949ba59abbe56e057f20f883e -> 0&RS=1&RA=Password error: ...
		10001 Login&M5=1 -> 0&RS=1&RA=Password error: ...
		10001 Login&M5=1&PS=E10ADC3949ba59abbe56e057f20f883e -> 0&RS=0&HI=60&LI=300
		10001 Login&M5=0&PS=1 -> 0&RS=1&RA=Password error: ...
		10001 Login&M5=0&PS=2 -> 0&RS=1&RA=Password error: ...
		10001 Login&M5=0&PS=3 -> 0&RS=1&RA=Password error: ...
		10001 Login&M5=0&PS=4 -> 0&RS=1&RA=Password error: ...
		10001 Login&M5=0&PS=5 -> 0&RS=1&RA=Password error: ...
		10001 Login&M5=0&PS=123456 -> 0&RS=1&RA=Password error: too many tries%2c wait 60 seconds
		10001 List -> 0...
		wait 59
		10001 Login&M5=0&PS=123456 -> 0&RS=1&RA=Password error: too many tries%2c wait 1 seconds
		wait 1
		10001 Login&M5=0&PS=123456 -> 0&RS=0&HI=60&LI=300`,
	"who does not exist is as a wrong password": `
		10999 Login&M5=0&PS=123456 -> 0&RS=1&RA=Password error: this is not the password of such an account
		10001 Login&M5=0&PS=wrong -> 0&RS=1&RA=Password error: this is not the password of such an account
		10000 Login&M5=0&PS=123456 -> 0&RS=1&RA=Password error: this is not the password of such an account
		10999 Logout -> 0
		9999 Logout -> 5&RA=UIN is no account number`,
	"pages": `
		login 10004
		10004 List&TN=2 -> 0&FN=0&SN=2&UN=11001,11002,
		10004 List&TN=2&UN=11118 -> 0&FN=1&SN=2&UN=11119,11120,
		10004 List&TN=2&UN=11119 -> 0&FN=1&SN=1&UN=11120,
		10004 List&TN=2&UN=11120 -> 0&FN=1&SN=0&UN=
		10004 List&TN=2&UN=99999999999999 -> 0&FN=1&SN=0&UN=
		10004 List&TN=0 -> 0&FN=1&SN=120&...
		10004 List&TN=5000 -> 0&FN=1&SN=120&...
		10004 List&TN=-1 -> 1&RA=TN is no number
		10004 List&UN=-1 -> 1&RA=UN is no number
		10004 Query_Stat&TN=3 -> 0&FC=0,9,18,&FN=0&SN=3&ST=30,10,10,&UN=11001,11004,11007,&NK=N11001,N11004,N11007,
		10004 Query_Stat -> 0&FC=0,9,18,27,36,45,54,63,72,81,0,9,18,27,36,45,54,63,72,81,0,9,18,27,36,45,\
			54,63,72,81,0,9,18,27,36,45,54,63,72,81,&FN=1&SN=40&...
		10004 Query_Stat2&UN=11070 -> 0&FN=1&SN=50&...
		10004 Query_Stat2&UN=11069 -> 0&FN=0&SN=50&...
		10004 SimpleInfo2&UN=11118 -> 0&NP=65535&SN=2&UN=11119,11120,&FC=84,87,&NK=N11119,N11120,
		10004 SimpleInfo2 -> 0&NP=11050&SN=50&...
		10004 Finger -> 0&FN=0&SN=25&UN=10004,11001,...
		10004 Finger&AG=40&SX=0&PV=Yorkshire -> 0&FN=1&SN=1&UN=10004,&NK=Many,&FC=30,&SX=0,&AG=40,&PV=Yorkshire,`,
	"profiles": `
		login 10003
		10003 GetInfo&UN=10001 -> 0&AD=&AG=24&EM=&FC=3&HP=http://example.org/?a=1%26b=2&JB=baker&LV=2&PC=\
			&PH=&PR=100%25 Ann&PV=Yorkshire&RN=&SC=Mill Lane&SX=1&UN=10001&NK=Ann
		10003 GetInfo&UN=10001&LV=1 -> 0&AG=24&FC=3&LV=1&PV=Yorkshire&SX=1&UN=10001&NK=Ann
		10003 GetInfo&UN=10005&LV=3 -> 0&AD=&AG=31&BT=0&CO=0&CT=&CV=&CY=&EM=&FC=0&HP=&ID=&JB=&LV=3&MO=\
			&MT=&MV=&PC=&PH=&PR=&PV=Munster&RN=&SC=&SH=0&SX=1&UN=10005&NK=N10005
		10003 GetInfo&UN=10000&LV=1 -> 0&AG=0&FC=0&LV=1&PV=&SX=0&UN=10000&NK=Operator
		10003 GetInfo&UN=10999 -> 5&RA=UN is no account
		10003 GetInfo&UN=10001&LV=4 -> 1&RA=LV is no level
		10003 GetInfo -> 1&RA=UN is missing
		login 10002
		10002 GetInfo&UN=10001&LV=2 -> 0&AD=1 Harbour Road%2c Flat 2&AG=24&EM=ann@example.org&...`,
	"befriending": `
		login 10001
		login 10003
		10001 AddToList&UN=10001 -> 1&RA=UN is yourself
		10001 AddToList&UN=10000 -> 0&CD=3&UN=10000
		10001 AddToList&UN=10999 -> 0&CD=2&UN=10999
		10001 AddToList&UN=10002 -> 0&CD=0&UN=10002
		10001 AddToList&UN=10003 -> 0&CD=1&UN=10003
		10001 AddToList&UN=10021 -> 0&CD=3&UN=10021
		10001 AddToList&UN=10020 -> 0&CD=0&UN=10020
		10001 List -> 0&FN=1&SN=2&UN=10002,10020,
		10001 Ack_AddToList&UN=10021&CD=2&RS=hi -> 3&RA=UN takes no requests
		10001 Ack_AddToList&UN=10003&CD=0 -> 1&RA=UN has not asked
		10001 Ack_AddToList&UN=10003&CD=2&RS=it's me & you -> 0&UN=10003&CD=2
		10003 GetMsgEx -> 0&MN=1&MT=2,&UN=10001,&MG=it's me %26 you,
		10003 Ack_AddToList&UN=10001&CD=1&RS=no, thanks -> 0&UN=10001&CD=1
		10001 GetMsgEx -> 0&MN=1&MT=4,&UN=10003,&MG=no%2c thanks,
		10001 Ack_AddToList&UN=10003&CD=2&RS= -> 0&UN=10003&CD=2
		10003 AddToList&UN=10001 -> 0&CD=0&UN=10001
		10001 GetMsgEx -> 0&MN=1&MT=3,&UN=10003,&MG=,
		10003 List -> 0&FN=1&SN=1&UN=10001,
		10003 DelFromList&UN=10001 -> 0&UN=10001
		10003 DelFromList&UN=10001 -> 0&UN=10001
		10001 List -> 0&FN=1&SN=2&UN=10002,10020,
		login 10020
		10020 GetMsgEx -> 0&MN=1&MT=1,&UN=10001,&MG=,`,
	"a changing request is done once": `
		login 10001
		10001 CLTMSG&SEQ=1000000&UN=10001&MG=a -> 0
		10001 CLTMSG&SEQ=1000000&UN=10001&MG=b -> 0
		10001 CLTMSG&SEQ=1000000&UN=10001&MG=a -> 0
		10001 GetMsgEx -> 0&MN=2&MT=9,9,&UN=10001,10001,&MG=a,b,
		wait 120
		10001 CLTMSG&SEQ=1000000&UN=10001&MG=a -> 0
		10001 GetMsgEx -> 0&MN=0&MT=&UN=&MG=
		wait 1
		10001 CLTMSG&SEQ=1000000&UN=10001&MG=a -> 0
		10001 GetMsgEx -> 0&MN=1&MT=9,&UN=10001,&MG=a,`,
	"a short SEQ is remembered for less": `
		login 10001
		10001 CLTMSG&SEQ=1&UN=10001&MG=a -> 0
		10001 CLTMSG&SEQ=1&UN=10001&MG=a -> 0
		10001 GetMsgEx -> 0&MN=1&MT=9,&UN=10001,&MG=a,
		10001 CLTMSG&SEQ=2&UN=10001&MG=b -> 0
		10001 CLTMSG&SEQ=1&UN=10001&MG=a -> 0
		10001 GetMsgEx -> 0&MN=2&MT=9,9,&UN=10001,10001,&MG=b,a,
		wait 16
		10001 CLTMSG&SEQ=1&UN=10001&MG=a -> 0
		10001 GetMsgEx -> 0&MN=1&MT=9,&UN=10001,&MG=a,
		login 10001
		10001 CLTMSG&SEQ=1&UN=10001&MG=a -> 0
		10001 GetMsgEx -> 0&MN=1&MT=9,&UN=10001,&MG=a,`,
	"a batch may be asked for again": `
		login 10001
		10001 CLTMSG&UN=10001&MG=a -> 0
		10001 GetMsgEx&SEQ=1000001 -> 0&MN=1&MT=9,&UN=10001,&MG=a,
		wait 200
		10001 GetMsgEx&SEQ=1000001 -> 0&MN=1&MT=9,&UN=10001,&MG=a,
		10001 GetMsgEx&SEQ=1000002 -> 0&MN=0&MT=&UN=&MG=
		10001 CLTMSG&UN=10001&MG=b -> 0
		10001 GetMsgEx&SEQ=1000001 -> 0&MN=1&MT=9,&UN=10001,&MG=b,
		10001 CLTMSG&UN=10001&MG=c -> 0
		10001 GetMsgEx&SEQ=1000002 -> 0&MN=0&MT=&UN=&MG=
		10001 GetMsgEx&SEQ=1000001 -> 0&MN=1&MT=9,&UN=10001,&MG=b,
		10001 GetMsgEx&SEQ=3 -> 0&MN=1&MT=9,&UN=10001,&MG=c,
		10001 GetMsgEx&SEQ=3 -> 0&MN=1&MT=9,&UN=10001,&MG=c,
		wait 16
		10001 GetMsgEx&SEQ=3 -> 0&MN=0&MT=&UN=&MG=`,
	"line ends and controls of a text": `
		login 10001
		10001 CLTMSG&UN=10001&MG=a%0d%0ab%0Ac%09d%01e%c2%85f -> 0
		10001 GetMsgEx -> 0&MN=1&MT=9,&UN=10001,&MG=a` + "\rb\rc\tdef,",
}
