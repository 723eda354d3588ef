package main

import "sical-backend/internal/openapi"

// OpenAPI prints the contract.
type OpenAPI struct{}

// Run prints the document that GET /openapi.json serves.
func (*OpenAPI) Run(out *output) error {
	_, err := out.Write(openapi.Document())
	return err
}

// AsyncAPI prints the contract of the events.
type AsyncAPI struct {
	Markdown bool `help:"The event catalogue, for people."`
}

// Run prints the document that GET /asyncapi.json serves, or the catalogue.
func (a *AsyncAPI) Run(out *output) error {
	made := openapi.Events
	if a.Markdown {
		made = openapi.Catalogue
	}
	_, err := out.Write(made(openapi.EventDocs()))
	return err
}
