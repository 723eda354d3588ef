package contracttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// stray judges the answer to a path or method that the document does not have:
// it must be a problem that says so, or one that any request can meet.
func (c *Contract) stray(answer *http.Response, received []byte) error {
	allowed := []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusRequestURITooLong, http.StatusTooManyRequests}
	if answer.Request.Method == http.MethodOptions {
		allowed = append(allowed, http.StatusNoContent)
	}
	if !slices.Contains(allowed, answer.StatusCode) {
		return fmt.Errorf("the document has no such operation")
	}
	if answer.StatusCode == http.StatusNoContent || answer.Request.Method == http.MethodHead {
		return nil
	}
	var problem any
	if err := json.Unmarshal(received, &problem); err != nil {
		return err
	}
	return c.doc.Components.Schemas["Problem"].Value.VisitJSON(problem)
}
