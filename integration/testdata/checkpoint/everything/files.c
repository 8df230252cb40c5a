/* Files: their positions, locks, and files that have no name any more. */
#include "everything.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A file that is read, written at its end, and shared by two descriptors with one position. */

static int plain, twin, appended;

static void file_setup(void)
{
	plain = CHECK(open("/plain", O_CREAT | O_RDWR, 0600));
	twin = CHECK(dup(plain));
	appended = CHECK(open("/plain", O_WRONLY | O_APPEND));
}

static void file_tick(uint32_t n)
{
	EQUAL(CHECK(lseek(plain, 0, SEEK_CUR)), (n - 1) * 4);
	put(appended, n);
	EQUAL(take(twin), n);
	EQUAL(CHECK(fcntl(appended, F_GETFL)) & O_APPEND, O_APPEND);
	EQUAL(CHECK(fcntl(plain, F_GETFL)) & O_APPEND, 0);
}

/* Locks. A child, which has the files open on its own, cannot get them. */

static int by_flock, by_shared_flock, by_fcntl, by_ofd, leased;
static struct helper prober;

static struct flock region(short type, off_t start)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 10};
}

static int open_lock(const char *name)
{
	return CHECK(open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
}

static void probe(int command, const char *name, short want, pid_t holder)
{
	int fd = open_lock(name);
	for (off_t start = 0; start < 20; start += 10) {
		struct flock l = region(F_WRLCK, start);
		CHECK(fcntl(fd, command, &l));
		EQUAL(l.l_type, start == 0 ? F_UNLCK : want);
		if (start) {
			EQUAL(l.l_pid, holder);
			EQUAL(l.l_start, 10);
			EQUAL(l.l_len, 10);
		}
	}
	close(fd);
}

static uint32_t answer_locks(uint32_t n)
{
	int fd = open_lock("/flock");
	EQUAL(flock(fd, LOCK_SH | LOCK_NB), -1);
	EQUAL(errno, EWOULDBLOCK);
	close(fd);
	fd = open_lock("/shared-flock");
	EQUAL(flock(fd, LOCK_EX | LOCK_NB), -1);
	EQUAL(errno, EWOULDBLOCK);
	CHECK(flock(fd, LOCK_SH | LOCK_NB));
	close(fd);
	probe(F_GETLK, "/fcntl", F_WRLCK, getppid());
	probe(F_OFD_GETLK, "/ofd", F_RDLCK, -1);
	return n;
}

static void lock_setup(void)
{
	fork_helper(&prober, answer_locks);
	by_flock = open_lock("/flock");
	CHECK(flock(by_flock, LOCK_EX));
	by_shared_flock = open_lock("/shared-flock");
	CHECK(flock(by_shared_flock, LOCK_SH));
	by_fcntl = open_lock("/fcntl");
	struct flock l = region(F_WRLCK, 10);
	CHECK(fcntl(by_fcntl, F_SETLK, &l));
	by_ofd = open_lock("/ofd");
	l = region(F_RDLCK, 10);
	CHECK(fcntl(by_ofd, F_OFD_SETLK, &l));
	close(open_lock("/leased"));
	leased = CHECK(open("/leased", O_RDONLY));
	CHECK(fcntl(leased, F_SETLEASE, F_RDLCK));
}

static void lock_tick(uint32_t n)
{
	EQUAL(ask(&prober, n), n);
	EQUAL(CHECK(fcntl(leased, F_GETLEASE)), F_RDLCK);
}

/* Files without a name: one on the disk, one in memory that is mapped, too, and a directory. One file
 * has lost the name that it was opened by, and has another. */

static int unlinked, in_memory, linked, removed;
static uint32_t *mapped;

static int open_unlinked(const char *name)
{
	int fd = CHECK(open(name, O_CREAT | O_RDWR, 0640));
	put(fd, 0);
	CHECK(unlink(name));
	return fd;
}

static void unlinked_setup(void)
{
	unlinked = open_unlinked("/unlinked");
	in_memory = open_unlinked("/dev/shm/unlinked");
	mapped = CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, in_memory, 0));
	linked = CHECK(open("/linked", O_CREAT | O_RDWR, 0600));
	put(linked, 0);
	CHECK(link("/linked", "/other-name"));
	CHECK(unlink("/linked"));
	CHECK(mkdir("/removed", 0700));
	removed = CHECK(open("/removed", O_RDONLY | O_DIRECTORY));
	CHECK(rmdir("/removed"));
}

static void count(int fd, uint32_t n)
{
	uint32_t has;
	EQUAL(CHECK(pread(fd, &has, sizeof(has), 0)), sizeof(has));
	EQUAL(has, n - 1);
	EQUAL(CHECK(pwrite(fd, &n, sizeof(n), 0)), sizeof(n));
	EQUAL(CHECK(lseek(fd, 0, SEEK_CUR)), 4);
}

static void unlinked_tick(uint32_t n)
{
	struct stat st;
	count(unlinked, n);
	CHECK(fstat(unlinked, &st));
	EQUAL(st.st_nlink, 0);
	EQUAL(st.st_mode & 07777, 0640);
	count(in_memory, n);
	EQUAL(*mapped, n);
	count(linked, n);
	CHECK(stat("/other-name", &st));
	struct stat has;
	CHECK(fstat(linked, &has));
	EQUAL(has.st_ino, st.st_ino);
	CHECK(fstat(removed, &st));
	EQUAL(S_ISDIR(st.st_mode), 1);
	EQUAL(st.st_nlink, 0);
}

const struct object files[] = {
	{"file", file_setup, file_tick}, {"locks", lock_setup, lock_tick},
	{"files without a name", unlinked_setup, unlinked_tick}, {0},
};
