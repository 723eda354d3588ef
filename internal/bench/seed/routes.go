package main

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"gorm.io/gorm"
)

// routes is the server without its rate limit, which would be what a benchmark
// measures, and unless it is to be as sketched without CORS and metrics. Nothing it
// answers here is long enough for its compression.
func routes(s *store, sketched bool) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery(), requestID)
	if sketched {
		router.Use(cors, requestMetrics)
		router.GET("/metrics", gin.WrapH(promhttp.Handler()))
	}
	router.POST("/goals", s.postGoal)
	router.GET("/goals/:id", s.getGoal)
	router.GET("/users/:id/goals", s.getGoals)
	return router
}

func requestID(c *gin.Context) {
	id := c.GetHeader("X-Request-ID")
	if id == "" {
		id = uuid.NewString()
	}
	c.Header("X-Request-ID", id)
}

type newGoal struct {
	UserID      uuid.UUID  `json:"user_id" binding:"required"`
	Title       string     `json:"title" binding:"required,max=200"`
	Description string     `json:"description"`
	Category    string     `json:"category"`
	TargetDate  *time.Time `json:"target_date"`
}

func (s *store) postGoal(c *gin.Context) {
	var body newGoal
	if err := c.ShouldBindJSON(&body); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	g := goal{
		ID: uuid.New(), UserID: body.UserID, Title: body.Title, Description: body.Description,
		Category: body.Category, TargetDate: body.TargetDate, Status: "active",
	}
	if err := s.create(c.Request.Context(), &g); err != nil {
		failed(c, err)
		return
	}
	c.JSON(http.StatusCreated, g)
}

func (s *store) getGoal(c *gin.Context) {
	id, ok := idOf(c)
	if !ok {
		return
	}
	g, err := s.find(c.Request.Context(), id)
	if err != nil {
		failed(c, err)
		return
	}
	c.JSON(http.StatusOK, g)
}

const (
	ordinaryPage = 20
	largestPage  = 100
)

func (s *store) getGoals(c *gin.Context) {
	user, ok := idOf(c)
	if !ok {
		return
	}
	page, _ := strconv.Atoi(c.DefaultQuery("page", "1"))
	size, _ := strconv.Atoi(c.DefaultQuery("page_size", strconv.Itoa(ordinaryPage)))
	page, size = max(page, 1), min(max(size, 1), largestPage)
	goals, total, err := s.page(c.Request.Context(), user, (page-1)*size, size)
	if err != nil {
		failed(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"items": goals, "total": total, "page": page, "page_size": size})
}

func idOf(c *gin.Context) (uuid.UUID, bool) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": "an id is a UUID"})
	}
	return id, err == nil
}

func failed(c *gin.Context, err error) {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		c.JSON(http.StatusNotFound, gin.H{"error": "not found"})
		return
	}
	slog.Error("request failed", "path", c.FullPath(), "error", err)
	c.JSON(http.StatusInternalServerError, gin.H{"error": "internal"})
}
