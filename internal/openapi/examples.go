package openapi

import (
	_ "embed"
	"path"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// examplesJSON has, by schema, an example in each language it differs in.
//
//go:embed examples.json
var examplesJSON []byte

var languages = map[string]string{"en": "in English", "zh": "in Chinese"}

// illustrate gives the bodies and successful answers their examples. It panics
// on an example of a schema that is not there.
func (b *builder) illustrate() {
	var examples map[string]map[string]jsontext.Value
	if err := json.Unmarshal(examplesJSON, &examples); err != nil {
		panic("openapi: examples: " + err.Error())
	}
	for name := range examples {
		if b.schemas[name] == nil {
			panic("openapi: an example of what is not there: " + name)
		}
	}
	for _, item := range b.Paths {
		for _, op := range []*operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			if op.RequestBody != nil {
				illustrate(op.RequestBody.Content, examples)
			}
			for _, answer := range op.Responses {
				illustrate(answer.Content, examples)
			}
		}
	}
}

func illustrate(content map[string]mediaType, examples map[string]map[string]jsontext.Value) {
	for media, body := range content {
		ref := body.Schema.Ref
		if ref == "" && len(body.Schema.AnyOf) > 0 {
			ref = body.Schema.AnyOf[0].Ref
		}
		for language, value := range examples[path.Base(ref)] {
			if body.Examples == nil {
				body.Examples = map[string]*example{}
			}
			body.Examples[language] = &example{languages[language], value}
		}
		content[media] = body
	}
}
