package web

import "strings"

type rejected struct {
	doc     string
	code    Code
	pointer string
}

// mustReject is our own list in the spirit of the public JSON parsing suites:
// by construction where a family of documents differs in one spot.
func mustReject() []rejected {
	var cases []rejected
	add := func(code Code, pointer string, docs ...string) {
		for _, doc := range docs {
			cases = append(cases, rejected{doc, code, pointer})
		}
	}
	// No document, half a document, more than a document.
	add(BadJSON, "", "", " ", "\n", "{", "}", "]", `{"title"`, `{"title":`, `{"title":"a`, `{"title":"a"`,
		`{"title":"a",`, `{}{}`, `{} {}`, `{}]`, `{}}`, `{},`, `{} x`, `{}//end`, `{}/**/`, `{}#`, "{}\x00", "\ufeff{}")
	// Not JSON's punctuation.
	add(BadJSON, "", `{,}`, `{"title":"a",}`, `{,"title":"a"}`, `{"title"}`, `{"title" "a"}`, `{"title"::"a"}`,
		`{"title":"a";"count":1}`, `{title:"a"}`, `{'title':"a"}`, `{"title":'a'}`, `{1:1}`, `{"title":"a" "count":1}`,
		`{"tags":[}`, `{"tags":["a",}`, `{null:1}`, `("title")`, `<a/>`, `title=a`, `*`, `\u007b}`)
	// Literals and numbers that other languages write. The value's own reader
	// names the place.
	for _, v := range []string{"True", "TRUE", "NaN", "Infinity", "-Infinity", "undefined", "nul", "tru", "fals",
		"+1", ".5", "1.", "01", "-01", "1e", "1e+", "0x10", "--1", "1_000", "1,000", "٣", "-", "1.e1"} {
		cases = append(cases, rejected{`{"count":` + v + `}`, BadJSON, ""})
	}
	// Strings.
	for _, v := range []string{"\x00", "\x01", "\n", "\t", "\x1f", `\x41`, `\a`, `\'`, `\u`, `\u12`, `\u12G4`, `\U0041`, `\`,
		`\ud800`, `\udc00`, `\ud800\u0041`, `\ud800\ud800`, "\xff", "\xc3\x28", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe4\xbd"} {
		cases = append(cases, rejected{`{"title":"` + v + `"}`, BadJSON, ""})
	}
	// Depth, where even skipped data counts.
	deep := strings.Repeat("[", 32) + strings.Repeat("]", 32)
	add(BadJSON, "", `{"data":`+deep+`}`, strings.Repeat("[", 100_000), strings.Repeat(`{"data":`, 33)+"1"+strings.Repeat("}", 33))
	// Names.
	add(UnknownField, "/owner_id", `{"owner_id":1}`, `{"title":"a","owner_id":null}`)
	add(UnknownField, "/TITLE", `{"TITLE":"a"}`)
	add(UnknownField, "/Title", `{"title":"a","Title":"b"}`)
	add(UnknownField, "/", `{"":1}`)
	add(UnknownField, "/title ", `{"title ":"a"}`)
	add(UnknownField, "/inner/x", `{"inner":{"x":1}}`)
	add(UnknownField, "/items/1/x", `{"items":[{},{"x":1}]}`)
	add(UnknownField, "/__proto__", `{"__proto__":{}}`)
	add(DuplicateField, "/title", `{"title":"a","title":"a"}`, `{"title":"a","t\u0069tle":"b"}`)
	add(DuplicateField, "/inner/name", `{"inner":{"name":"a","name":"b"}}`)
	add(DuplicateField, "/data/a/b", `{"data":{"a":{"b":1,"b":2}}}`)
	// U+0000.
	add(InvalidField, "/title", `{"title":"a\u0000b"}`, `{"title":"\\\u0000"}`)
	add(InvalidField, "/tags/1", `{"tags":["a","\u0000"]}`)
	add(InvalidField, "/data/x", `{"data":{"x":"\u0000"}}`)
	// Values of another type or out of range.
	add(InvalidField, "", `[]`, `1`, `"a"`, `true`, `null`)
	add(InvalidField, "/title", `{"title":1}`, `{"title":true}`, `{"title":[]}`, `{"title":{}}`, `{"title":null}`)
	add(InvalidField, "/note", `{"note":null}`, `{"note":1}`)
	add(InvalidField, "/count", `{"count":"1"}`, `{"count":1.0}`, `{"count":1.5}`, `{"count":1e3}`, `{"count":null}`, `{"count":false}`,
		`{"count":9223372036854775808}`, `{"count":-9223372036854775809}`, `{"count":1`+strings.Repeat("0", 400)+`}`)
	add(InvalidField, "/small", `{"small":128}`, `{"small":-129}`)
	add(InvalidField, "/size", `{"size":-1}`, `{"size":4294967296}`)
	add(InvalidField, "/score", `{"score":1e999}`, `{"score":"1"}`, `{"score":-1e999}`)
	add(InvalidField, "/done", `{"done":"true"}`, `{"done":1}`, `{"done":0}`)
	add(InvalidField, "/tags", `{"tags":"a"}`, `{"tags":{}}`, `{"tags":null}`)
	add(InvalidField, "/tags/0", `{"tags":[1]}`, `{"tags":[null]}`)
	add(InvalidField, "/items/1/rank", `{"items":[{"rank":1},{"rank":"1"}]}`)
	add(InvalidField, "/inner", `{"inner":[]}`, `{"inner":"a"}`, `{"inner":null}`)
	add(InvalidField, "/inner/rank", `{"inner":{"rank":null}}`)
	add(InvalidField, "/at", `{"at":"2026-01-02"}`, `{"at":"2026-02-30T00:00:00Z"}`, `{"at":1}`, `{"at":"now"}`, `{"at":"2026-01-02T03:04:05"}`)
	for _, v := range []string{`"0198c7a1000070008000000000000000"`, `"{0198c7a1-0000-7000-8000-000000000000}"`, `"x"`, `""`, `1`, `{}`,
		`"urn:uuid:0198c7a1-0000-7000-8000-000000000000"`, `"00000000-0000-0000-0000-000000000000"`, `"0198c7a1-0000-7000-8000-00000000000g"`, `"0198c7a1-0000-7000-8000-000000000000 "`} {
		add(InvalidField, "/id", `{"id":`+v+`}`)
		add(InvalidField, "/ids/0", `{"ids":[`+v+`]}`)
	}
	return cases
}

func mustAccept() []string {
	return []string{
		`{}`, ` {} `, "\t{\r\n}\n", `{"title":""}`, `{"title":"a"}`, `{"t\u0069tle":"a"}`, `{"title":"\\u0000"}`, `{"title":"\\\\u0000"}`,
		`{"title":"\"\\\/\b\f\n\r\t"}`, `{"title":"\u007f"}`, "{\"title\":\"\x7f\"}", `{"title":"é\u00e9"}`, `{"title":"e\u0301"}`,
		`{"title":"😀\ud83d\ude00"}`, `{"title":"学习"}`, `{"title":"\u202e\u200b\ufeff"}`, "{\"title\":\"\ufeff\"}", `{"title":"\uffff\ufffe"}`,
		"{\"title\":\"\u2028\u2029\"}", "{\"title\":\"\U0010ffff\"}", `{"title":"null true [[[ {{{"}`, `{"title":"` + strings.Repeat("[", 100) + `"}`,
		`{"title":"'; drop table users; --"}`, `{"title":"<script>"}`, `{"title":"${jndi}"}`,
		`{"note":"n"}`, `{"count":0}`, `{"count":-0}`, `{"count":9223372036854775807}`, `{"count":-9223372036854775808}`,
		`{"small":127}`, `{"small":-128}`, `{"size":4294967295}`, `{"score":1}`, `{"score":-1.5e-10}`, `{"score":1E5}`, `{"score":1e308}`,
		`{"score":0.1e1}`, `{"done":true}`, `{"done":false}`, `{"tags":[]}`, `{"tags":["a","a"]}`, `{"tags" : [ "a" , "b" ] }`,
		`{"inner":{}}`, `{"inner":{"rank":1,"name":"a"}}`, `{"items":[{},{}]}`,
		`{"data":null}`, `{"data":[null,{"a":null}]}`, `{"data":1}`, `{"data":{"a":1,"A":2}}`,
		`{"data":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`,
		`{"id":"0198c7a1-0000-7000-8000-000000000000"}`, `{"id":"0198C7A1-0000-7000-8000-00000000000F"}`, `{"ids":[]}`,
		`{"ids":["0198c7a1-0000-7000-8000-000000000000"]}`, `{"at":"2026-01-02T03:04:05Z"}`, `{"at":"2026-01-02T03:04:05.123456+08:00"}`,
	}
}
