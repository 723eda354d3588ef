package postgres

import (
	"fmt"
	"os"

	"github.com/google/uuid"
)

// Owner makes the name of one more owner of leases: host, process and a random id.
// The id alone tells owners apart; the rest is for whoever looks at the table.
func Owner() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.New())
}
