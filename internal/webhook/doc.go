// Package webhook sends events to the addresses that admins have registered: as
// CloudEvents, signed as Standard Webhooks are (https://www.standardwebhooks.com),
// in order and at least once for each address.
package webhook
