package check

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// visitor is somebody who uses the API.
type visitor struct {
	api   string
	token string
}

// register makes an account and logs it in.
func register(t *testing.T, api, name string) *visitor {
	t.Helper()
	v := &visitor{api: api}
	v.call(t, "POST", "/v1/users", `{"username":"`+name+`","email":"`+name+`@example.org","password":"correct horse 42"}`)
	v.token = v.call(t, "POST", "/v1/sessions", `{"username":"`+name+`","password":"correct horse 42"}`)["access_token"].(string)
	return v
}

// do sends a request and returns its answer; headers are names and values in turn. It
// comes again where the views have not caught up, which on a busy machine may take
// longer than one request may wait.
func (v *visitor) do(method, path, body string, headers ...string) (answer map[string]any, err error) {
	for end := time.Now().Add(time.Minute); ; {
		answer, err = v.try(method, path, body, headers...)
		if err == nil || !strings.Contains(err.Error(), "not_caught_up") || time.Now().After(end) {
			return answer, err
		}
	}
}

func (v *visitor) try(method, path, body string, headers ...string) (map[string]any, error) {
	request, err := http.NewRequest(method, v.api+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if v.token != "" {
		request.Header.Set("Authorization", "Bearer "+v.token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	var answer map[string]any
	return answer, json.Unmarshal(text, &answer)
}

func (v *visitor) call(t *testing.T, method, path, body string, headers ...string) map[string]any {
	t.Helper()
	answer, err := v.do(method, path, body, headers...)
	require.NoError(t, err)
	return answer
}

// tour is the README's: register, log in, create a goal, read it at its position.
func tour(t *testing.T, api, name string) {
	t.Helper()
	v := register(t, api, name)
	for range 4 { // so that each of two has its turn
		created := v.call(t, "POST", "/v1/goals", `{"title":"Learn graph theory 学习图论","category":"mathematics","target_date":"2027-06-30"}`)
		position := strconv.FormatFloat(created["position"].(float64), 'f', -1, 64)
		goal := v.call(t, "GET", "/v1/goals/"+created["id"].(string), "", "Sical-Min-Position", position, "Prefer", "wait=5")
		assert.Equal(t, "Learn graph theory 学习图论", goal["title"])
	}
	assert.NotEmpty(t, v.call(t, "GET", "/openapi.json", "")["openapi"])
}
