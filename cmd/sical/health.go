package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Health asks a process whether it is ready: for images, which have no shell and no
// curl to ask with.
type Health struct{}

// Run prints the answer of /ready on the admin listener and fails where it is no.
func (h *Health) Run(ctx context.Context, a *App, out *output) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, reach(a.AdminListen)+"/ready", nil)
	if err != nil {
		return err
	}
	direct := http.Client{Transport: &http.Transport{}} // no proxy answers for the process
	response, err := direct.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, io.LimitReader(response.Body, 64<<10)); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", response.Status)
	}
	return nil
}
