package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// goal is a row, with the indexes that its design asks for.
type goal struct {
	ID          uuid.UUID      `json:"id" gorm:"type:uuid;primaryKey"`
	UserID      uuid.UUID      `json:"user_id" gorm:"type:uuid;not null;index:goals_user_status,priority:1;index:goals_incomplete,priority:1,where:status = 'active' and deleted_at is null"`
	Title       string         `json:"title" gorm:"not null"`
	Description string         `json:"description"`
	Category    string         `json:"category" gorm:"index:goals_category_status,priority:1,where:deleted_at is null"`
	Status      string         `json:"status" gorm:"not null;index:goals_user_status,priority:2;index:goals_category_status,priority:2"`
	TargetDate  *time.Time     `json:"target_date" gorm:"index:goals_target_date,where:status = 'active';index:goals_incomplete,priority:2"`
	CreatedAt   time.Time      `json:"created_at" gorm:"not null;index:goals_user_status,priority:3,sort:desc"`
	UpdatedAt   time.Time      `json:"updated_at" gorm:"not null"`
	DeletedAt   gorm.DeletedAt `json:"-"`
}

func (goal) TableName() string { return "goals" }

// connections is how many the pool opens and keeps. The design keeps 10 of 100,
// and so spends most of its time opening new ones; this is the mended figure, so
// that comparisons are against the better program.
const connections = 40

// The design's own figures.
const (
	sketchedOpen = 100
	sketchedIdle = 10
	sketchedRest = 10 * time.Minute
)

func openDatabase(url string, sketched bool) (*gorm.DB, error) {
	config := &gorm.Config{PrepareStmt: true, Logger: logger.Discard}
	if sketched {
		config.Logger = queryMetrics{logger.Discard}
	}
	db, err := gorm.Open(postgres.Open(url), config)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxLifetime(time.Hour)
	if sketched {
		pool.SetMaxOpenConns(sketchedOpen)
		pool.SetMaxIdleConns(sketchedIdle)
		pool.SetConnMaxIdleTime(sketchedRest)
	}
	if err := db.AutoMigrate(&goal{}); err != nil {
		return nil, fmt.Errorf("table goals: %w", err)
	}
	return db, nil
}

// store is where goals are: the database, with a cache before it or none.
type store struct {
	db    *gorm.DB
	cache *cache
}

func (s *store) create(ctx context.Context, g *goal) error {
	return s.db.WithContext(ctx).Create(g).Error
}

// find fails with gorm.ErrRecordNotFound for an unknown id.
func (s *store) find(ctx context.Context, id uuid.UUID) (goal, error) {
	if s.cache != nil {
		return s.cache.find(ctx, id, s.load)
	}
	return s.load(ctx, id)
}

func (s *store) load(ctx context.Context, id uuid.UUID) (g goal, err error) {
	err = s.db.WithContext(ctx).Take(&g, "id = ?", id).Error
	return g, err
}

// page counts a user's goals and reads one page of them, newest first, at the
// same time.
func (s *store) page(ctx context.Context, user uuid.UUID, offset, limit int) (goals []goal, total int64, err error) {
	var counting sync.WaitGroup
	var countErr error
	counting.Go(func() {
		countErr = s.db.WithContext(ctx).Model(&goal{}).Where("user_id = ?", user).Count(&total).Error
	})
	err = s.db.WithContext(ctx).Where("user_id = ?", user).
		Order("created_at desc").Offset(offset).Limit(limit).Find(&goals).Error
	counting.Wait()
	if err == nil {
		err = countErr
	}
	return goals, total, err
}
