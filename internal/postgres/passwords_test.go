package postgres_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// TestPasswordsAreNotLogged: a server that logs every statement, set by an owner who may not
// change that, has no password in its log, whether it was set or could not be; and whoever was
// given one logs in with it.
func TestPasswordsAreNotLogged(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, nil)
	admin, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	defer admin.Close(t.Context())
	creator := "owner_" + db.Name // roles are the server's, and outlive the test's database
	_, err = admin.Exec(t.Context(), `create role `+creator+` login createrole; alter role `+creator+` set log_statement = 'all'`)
	require.NoError(t, err)
	owner, err := pgx.Connect(t.Context(), db.URL(creator))
	require.NoError(t, err)
	defer owner.Close(t.Context())
	for name, password := range map[string]string{
		"plain": "qzsecret'of$one", "accents": "qzsecret Zoë 密码", "emoji": "qzsecret 🫠", "no_text": "qzsecret\x01\xff",
	} {
		role := name + "_" + db.Name
		_, err := owner.Exec(t.Context(), `create role `+role+` login`)
		require.NoError(t, err)
		askPassword(t, admin, role)
		require.NoError(t, postgres.SetPasswords(t.Context(), db.URL(creator), password, role))
		require.NoError(t, login(t, db, role, password), "%q", password)
		require.Error(t, login(t, db, role, password+"x"))
		require.Contains(t, serverLog(t, admin), `alter role "`+role+`"`, "this is where it would be")
	}
	err = postgres.SetPasswords(t.Context(), db.URL(creator), "qzsecret", "sical_nobody_of_this_name")
	require.ErrorContains(t, err, "sical_nobody_of_this_name")
	require.NotContains(t, err.Error(), "qzsecret")
	require.Contains(t, serverLog(t, admin), "sical_nobody_of_this_name")
	require.NotContains(t, serverLog(t, admin), "qzsecret")
}

// What one client would log in with and another would not is no password of a role.
func TestPasswordsOfManyForms(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"Zoe\u0308", "no\u00a0break", "\u2168"} {
		require.ErrorIs(t, postgres.SetPasswords(t.Context(), "postgres://nowhere.invalid/", password, "any"), postgres.ErrPasswordForm, "%q", password)
	}
}

func serverLog(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	var data string
	require.NoError(t, conn.QueryRow(t.Context(), `show data_directory`).Scan(&data))
	logged, err := os.ReadFile(filepath.Join(filepath.Dir(data), "postgres.log"))
	require.NoError(t, err)
	return string(logged)
}

// askPassword has the server, which believes whoever reaches its socket, ask a role for one.
func askPassword(t *testing.T, conn *pgx.Conn, role string) {
	t.Helper()
	var file string
	require.NoError(t, conn.QueryRow(t.Context(), `show hba_file`).Scan(&file))
	rules, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append([]byte("local all "+role+" scram-sha-256\n"), rules...), 0o600))
	_, err = conn.Exec(t.Context(), `select pg_reload_conf()`)
	require.NoError(t, err)
	address := conn.Config().Copy()
	address.User = role
	testkit.Eventually(t, func() error {
		c, err := pgx.ConnectConfig(t.Context(), address)
		if err != nil {
			return nil
		}
		_ = c.Close(t.Context())
		return errors.New("everybody is let in")
	})
}

func login(t *testing.T, db *testkit.DB, role, password string) error {
	t.Helper()
	address, err := url.Parse(db.URL(role))
	require.NoError(t, err)
	address.User = url.UserPassword(role, password)
	c, err := pgx.Connect(t.Context(), address.String())
	if err != nil {
		return err
	}
	return c.Close(t.Context())
}
