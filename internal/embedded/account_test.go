package embedded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root becomes another user")
	}
}

func TestRootChoosesWhoRunsPostgres(t *testing.T) {
	needRoot(t)
	nobody := users(t)["as nobody"]
	missing := filepath.Join(t.TempDir(), "pg15")
	t.Setenv("SUDO_UID", "")
	owned := folder(t, nobody)
	as, err := accountFor(owned)
	require.NoError(t, err)
	require.Equal(t, nobody, as, "the owner of the data")

	as, err = accountFor(missing)
	require.NoError(t, err)
	require.Contains(t, []string{"postgres", "nobody"}, as.name)

	t.Setenv("SUDO_UID", "1")
	as, err = accountFor(missing)
	require.NoError(t, err)
	require.EqualValues(t, 1, as.uid, "who called sudo")

	t.Setenv("SUDO_UID", "54321")
	as, err = accountFor(missing)
	require.NoError(t, err)
	require.Contains(t, []string{"postgres", "nobody"}, as.name, "initdb needs a passwd entry")

	require.NoError(t, os.Chown(owned, 54321, 54321))
	_, err = accountFor(owned)
	require.ErrorContains(t, err, "owner of "+owned)
}

func TestBlockedFolderIsNamed(t *testing.T) {
	t.Parallel()
	needRoot(t)
	blocker := filepath.Join(folder(t, nil), "home")
	require.NoError(t, os.Mkdir(blocker, 0o700))
	_, err := Start(soon(t), options(filepath.Join(blocker, "data")))
	require.ErrorContains(t, err, "cannot enter "+blocker+" (drwx------)")
	require.ErrorContains(t, err, "chmod o+x "+blocker)
}

func TestFolderOfAnotherOwnerIsTakenOver(t *testing.T) {
	t.Parallel()
	needRoot(t)
	o := options(folder(t, nil))
	o.SkipNATS = true
	i, err := Start(soon(t), o)
	require.NoError(t, err)
	require.NoError(t, i.Close(t.Context()))
	cluster := filepath.Join(o.DataDir, clusterIn(t, o.DataDir))
	root := &account{name: "root"}
	require.NoError(t, root.own(cluster), "as a copy made by root is")
	i, err = Start(soon(t), o)
	require.NoError(t, err)
	require.NoError(t, i.Close(t.Context()))
}

func TestMayPass(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		mode     os.FileMode
		uid, gid int
		allowed  bool
		why      string
	}{
		{0o700, os.Getuid(), os.Getgid(), true, "owner"},
		{0o611, os.Getuid(), os.Getgid(), false, "owner's bit wins over the others'"},
		{0o710, 54321, os.Getgid(), true, "group"},
		{0o701, 54321, os.Getgid(), false, "group's bit wins over others'"},
		{0o701, 54321, 54321, true, "others"},
		{0o770, 54321, 54321, false, "others without"},
	} {
		require.NoError(t, os.Chmod(dir, c.mode))
		require.NoError(t, os.Chown(dir, os.Getuid(), os.Getgid()))
		info, err := os.Stat(dir)
		require.NoError(t, err)
		as := &account{uid: uint32(c.uid), gid: uint32(c.gid)}
		require.Equal(t, c.allowed, as.mayPass(info), c.why)
	}
	require.NoError(t, os.Chmod(dir, 0o700))
}

func TestSocketFolderOfAnotherIsRefused(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	dir, err := socketFolder(data, nil)
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.LessOrEqual(t, len(dir), socketLimit)
	again, err := socketFolder(data, nil)
	require.NoError(t, err)
	require.Equal(t, dir, again)

	require.NoError(t, os.Chmod(dir, 0o777))
	_, err = socketFolder(data, nil)
	require.ErrorContains(t, err, "mode 0700")
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.Symlink(data, dir))
	_, err = socketFolder(data, nil)
	require.ErrorContains(t, err, "mode 0700")
}

func TestLongTempFolderIsAvoided(t *testing.T) {
	long := filepath.Join(t.TempDir(), "a-name-of-fifty-characters-and-a-few-more-to-be-sure-of-it", "and-another")
	t.Setenv("TMPDIR", long)
	dir, err := socketFolder("/data", nil)
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.Equal(t, "/tmp", filepath.Dir(dir))
}

func TestTempFolderOfRootAloneIsAvoided(t *testing.T) {
	needRoot(t)
	temp, err := os.MkdirTemp("/tmp", "sical-embedded-") // a short name
	require.NoError(t, err)
	defer os.RemoveAll(temp)
	t.Setenv("TMPDIR", temp)
	for mode, want := range map[os.FileMode]string{0o711: temp, 0o700: "/tmp"} {
		require.NoError(t, os.Chmod(temp, mode))
		dir, err := socketFolder("/data", users(t)["as nobody"])
		require.NoError(t, err)
		require.NoError(t, os.RemoveAll(dir))
		require.Equal(t, want, filepath.Dir(dir))
	}
}
