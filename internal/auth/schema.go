package auth

import _ "embed"

// Schema creates the tables of this package in the existing schema sical; its
// head names the grants each role needs.
//
//go:embed schema.sql
var Schema string
