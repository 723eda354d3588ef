package main

import "sical-backend/internal/openapi"

// OpenAPI prints the contract.
type OpenAPI struct{}

// Run prints the document that GET /openapi.json serves.
func (*OpenAPI) Run(out *output) error {
	_, err := out.Write(openapi.Document())
	return err
}
