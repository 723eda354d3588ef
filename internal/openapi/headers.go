package openapi

import "github.com/go-json-experiment/json/jsontext"

func text() *schema { return &schema{Type: "string"} }

func count() *schema {
	return &schema{Type: "integer", Format: "int64", Minimum: jsontext.Value("0")}
}

// answerHeaders are what answers carry beside their body.
func answerHeaders() map[string]*header {
	return map[string]*header{
		"X-Request-ID":        {Description: "the request's id: the client's own, or a new one", Required: true, Schema: text()},
		"Sical-Position":      {Description: "of a command: by when it is done; of a query: how far the answer is known to be current. For Sical-Min-Position", Required: true, Schema: count()},
		"Sical-Parked":        {Description: `views that hold something of this answer back, since an event could not be folded: key="…" of what, or keys=N of a list; absent where nothing is`, Schema: text()},
		"ETag":                {Description: "version of the resource, a dot, digest of the bytes; for If-None-Match, and of a single resource for If-Match", Required: true, Schema: text()},
		"Location":            {Description: "where the new resource is read", Required: true, Schema: &schema{Type: "string", Format: "uri-reference"}},
		"Link":                {Description: `the next page, with rel="next" (RFC 8288); absent on the last`, Schema: text()},
		"Cache-Control":       {Description: "who may keep the answer, and for how long", Schema: text()},
		"Idempotent-Replayed": {Description: "true where the command had been done before under the same Idempotency-Key", Schema: &schema{Type: "string", Enum: []string{"true"}}},
		"RateLimit":           {Description: "requests left (r) and seconds until all are back (t)", Schema: text()},
		"RateLimit-Policy":    {Description: "requests at once (q) in a window of seconds (w)", Schema: text()},
		"Retry-After":         {Description: "seconds to wait before the next try", Required: true, Schema: &schema{Type: "integer", Minimum: jsontext.Value("1")}},
		"WWW-Authenticate":    {Description: "Bearer (RFC 6750)", Required: true, Schema: text()},
	}
}

// headerRefs refers to the named headers, and to those every answer carries.
func headerRefs(names ...string) map[string]*header {
	refs := map[string]*header{}
	for _, name := range append(names, "X-Request-ID", "RateLimit", "RateLimit-Policy") {
		refs[name] = &header{Ref: "#/components/headers/" + name}
	}
	return refs
}

// parameters are what several operations take, by the name of the component.
func parameters() map[string]*parameter {
	heading := func(name, doc string, s *schema, example any) *parameter {
		return &parameter{Name: name, In: "header", Description: doc, Schema: s, Example: example}
	}
	return map[string]*parameter{
		"Id": {Name: "id", In: "path", Required: true, Description: "what it is about",
			Schema: &schema{Type: "string", Format: "uuid"}},
		"RequestId": heading("X-Request-ID", "an id of the client's own for this request: letters, digits, dot, underscore, hyphen",
			&schema{Type: "string", MaxLength: jsontext.Value("64")}, "phone-17"),
		"TraceParent": heading("traceparent", "W3C trace context", text(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
		"IdempotencyKey": heading("Idempotency-Key", "asked again under the same key within 7 days, the command is not done again; the key counts for one user, one method and path; another body under it is 422 (`idempotency_key_reused`), but passwords are not compared",
			&schema{Type: "string", MinLength: jsontext.Value("1"), MaxLength: jsontext.Value("255")}, "0f2c6a34"),
		"IfMatch":     heading("If-Match", "do it only to this version, as an ETag or only the version in quotes", text(), `"3"`),
		"IfNoneMatch": heading("If-None-Match", "ETags that the client has: 304 where the answer is still one of them", text(), `"3.11mo2jbx36f89"`),
		"MinPosition": heading("Sical-Min-Position", "answer from this position on: the Sical-Position of one's own command", count(), 42),
		"Prefer": heading("Prefer", "with Sical-Min-Position (RFC 7240): `wait=N`, seconds to wait for it, 2 by default and at most 5; `handling=lenient`, rather an older answer than none",
			text(), "wait=5"),
	}
}

// parameterRefs refers to the named parameters.
func parameterRefs(names ...string) []*parameter {
	refs := make([]*parameter, len(names))
	for i, name := range names {
		refs[i] = &parameter{Ref: "#/components/parameters/" + name}
	}
	return refs
}
