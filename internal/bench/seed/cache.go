package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// fresh is how long a goal stays in the cache.
const fresh = 10 * time.Minute

// cache keeps goals in Redis as JSON. Redis being away costs time, not answers.
type cache struct {
	client  *redis.Client
	filling sync.WaitGroup
}

func openCache(url string) (*cache, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("-redis: %w", err)
	}
	return &cache{client: redis.NewClient(options)}, nil
}

// close waits for what is being written.
func (c *cache) close() {
	c.filling.Wait()
	if err := c.client.Close(); err != nil {
		slog.Warn("close redis", "error", err)
	}
}

// find gives the cached goal, else what load finds, which it caches without
// making the caller wait.
func (c *cache) find(ctx context.Context, id uuid.UUID, load func(context.Context, uuid.UUID) (goal, error)) (g goal, err error) {
	key := "goal:" + id.String()
	if text, err := c.client.Get(ctx, key).Bytes(); err == nil && json.Unmarshal(text, &g) == nil {
		return g, nil
	}
	if g, err = load(ctx, id); err != nil {
		return goal{}, err
	}
	c.filling.Go(func() {
		text, err := json.Marshal(g)
		if err == nil {
			err = c.client.Set(context.WithoutCancel(ctx), key, text, fresh).Err()
		}
		if err != nil {
			slog.Warn("fill the cache", "key", key, "error", err)
		}
	})
	return g, nil
}
