package cache

import (
	"testing"

	"sical-backend/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
