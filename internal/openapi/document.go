package openapi

import (
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The objects of OpenAPI 3.1, as far as they are used here; names are the
// specification's. Lists and structs keep their order, maps are written sorted.
type (
	document struct {
		OpenAPI    string               `json:"openapi"`
		Info       info                 `json:"info"`
		Servers    []server             `json:"servers"`
		Tags       []tag                `json:"tags"`
		Paths      map[string]*pathItem `json:"paths"`
		Components components           `json:"components"`
	}
	info struct {
		Title       string  `json:"title"`
		Version     string  `json:"version"`
		Description string  `json:"description"`
		Contact     contact `json:"contact"`
		License     license `json:"license"`
	}
	contact struct {
		Name string `json:"name"`
	}
	license struct {
		Name       string `json:"name"`
		Identifier string `json:"identifier"` // SPDX
	}
	server struct {
		URL         string `json:"url"`
		Description string `json:"description"`
	}
	tag struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	components struct {
		Schemas         map[string]*schema        `json:"schemas"`
		Parameters      map[string]*parameter     `json:"parameters"`
		Headers         map[string]*header        `json:"headers"`
		Responses       map[string]*response      `json:"responses"`
		SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
	}
	pathItem struct {
		Parameters []*parameter `json:"parameters"`
		Get        *operation   `json:"get,omitzero"`
		Post       *operation   `json:"post,omitzero"`
		Put        *operation   `json:"put,omitzero"`
		Patch      *operation   `json:"patch,omitzero"`
		Delete     *operation   `json:"delete,omitzero"`
	}
	operation struct {
		OperationID string                `json:"operationId"`
		Summary     string                `json:"summary"`
		Description string                `json:"description"`
		Tags        []string              `json:"tags"`
		Security    []map[string][]string `json:"security"`
		Parameters  []*parameter          `json:"parameters,omitempty"`
		RequestBody *requestBody          `json:"requestBody,omitzero"`
		Responses   map[string]*response  `json:"responses"`
	}
	parameter struct {
		Ref         string  `json:"$ref,omitempty"`
		Name        string  `json:"name,omitempty"`
		In          string  `json:"in,omitempty"`
		Description string  `json:"description,omitempty"`
		Required    bool    `json:"required,omitzero"`
		Style       string  `json:"style,omitempty"`
		Explode     *bool   `json:"explode,omitzero"`
		Schema      *schema `json:"schema,omitzero"`
		Example     any     `json:"example,omitzero"`
	}
	requestBody struct {
		Required bool                 `json:"required"`
		Content  map[string]mediaType `json:"content"`
	}
	mediaType struct {
		Schema   *schema             `json:"schema"`
		Examples map[string]*example `json:"examples,omitempty"`
	}
	example struct {
		Summary string         `json:"summary"`
		Value   jsontext.Value `json:"value"`
	}
	response struct {
		Ref         string               `json:"$ref,omitempty"`
		Description string               `json:"description,omitempty"`
		Headers     map[string]*header   `json:"headers,omitempty"`
		Content     map[string]mediaType `json:"content,omitempty"`
	}
	header struct {
		Ref         string  `json:"$ref,omitempty"`
		Description string  `json:"description,omitempty"`
		Required    bool    `json:"required,omitzero"`
		Schema      *schema `json:"schema,omitzero"`
	}
	securityScheme struct {
		Type         string `json:"type"`
		Scheme       string `json:"scheme"`
		BearerFormat string `json:"bearerFormat"`
		Description  string `json:"description"`
	}
	schema struct {
		Ref                  string         `json:"$ref,omitempty"`
		Type                 any            `json:"type,omitzero"` // a name or a list of names
		Description          string         `json:"description,omitempty"`
		Format               string         `json:"format,omitempty"`
		Pattern              string         `json:"pattern,omitempty"`
		Enum                 []string       `json:"enum,omitempty"`
		Minimum              jsontext.Value `json:"minimum,omitempty"`
		Maximum              jsontext.Value `json:"maximum,omitempty"`
		MinLength            jsontext.Value `json:"minLength,omitempty"`
		MaxLength            jsontext.Value `json:"maxLength,omitempty"`
		Items                *schema        `json:"items,omitzero"`
		MinItems             int            `json:"minItems,omitzero"`
		MaxItems             int            `json:"maxItems,omitzero"`
		Required             []string       `json:"required,omitempty"`
		Properties           properties     `json:"properties,omitempty"`
		AdditionalProperties any            `json:"additionalProperties,omitzero"`
		OneOf                []*schema      `json:"oneOf,omitempty"`
		AnyOf                []*schema      `json:"anyOf,omitempty"`
	}
	properties []property
	property   struct {
		name   string
		schema *schema
	}
)

// MarshalJSONTo writes an object whose members keep their order: people read
// the document too.
func (p properties) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, member := range p {
		if err := e.WriteToken(jsontext.String(member.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(e, member.schema); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// at is the place of an operation of a method.
func (p *pathItem) at(method string) **operation {
	return map[string]**operation{
		http.MethodGet: &p.Get, http.MethodPost: &p.Post, http.MethodPut: &p.Put,
		http.MethodPatch: &p.Patch, http.MethodDelete: &p.Delete,
	}[method]
}
