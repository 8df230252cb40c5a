/* Memory: private, shared with another process, of files, memfd, and that of System V. */
#include "everything.h"

#include <linux/futex.h>
#include <limits.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>

enum { PAGE = 4096, PAGES = 1024 };

static void *map(size_t size, int flags, int fd)
{
	return CHECK(mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0));
}

/* Private memory, and the copy of it that a child has made by fork. */

static char *private;
static struct helper copy;

static uint32_t answer_copy(uint32_t n)
{
	for (int i = 0; i < PAGES; i++)
		EQUAL(*(uint32_t *)(private + i * PAGE), i ? i : (long)n - 1);
	*(uint32_t *)private = n;
	return n;
}

static void private_setup(void)
{
	private = map(PAGES * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (int i = 0; i < PAGES; i++)
		*(uint32_t *)(private + i * PAGE) = i;
	fork_helper(&copy, answer_copy);
}

static void private_tick(uint32_t n)
{
	for (int i = 0; i < PAGES; i++) {
		uint32_t *p = (uint32_t *)(private + i * PAGE);
		EQUAL(*p, i + n - 1);
		++*p;
	}
	EQUAL(ask(&copy, n), n);
}

/* Memory that is shared with a child, and the futex in it on which both wait. */

static struct { int turn; uint32_t count; } *shared;
static struct helper sharer;

static void await_turn(int turn)
{
	int is;
	while ((is = __atomic_load_n(&shared->turn, __ATOMIC_SEQ_CST)) != turn)
		if (syscall(SYS_futex, &shared->turn, FUTEX_WAIT, is, NULL, NULL, 0) == -1 && errno != EAGAIN && errno != EINTR)
			fail("futex: %s", strerror(errno));
}

static void give_turn(int turn)
{
	__atomic_store_n(&shared->turn, turn, __ATOMIC_SEQ_CST);
	CHECK(syscall(SYS_futex, &shared->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
}

/* The child waits for its turn without end. */
static void share(void)
{
	for (;;) {
		await_turn(1);
		shared->count++;
		give_turn(0);
	}
}

static void shared_setup(void)
{
	shared = map(PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);
	sharer.pid = CHECK(fork());
	if (sharer.pid == 0)
		share();
}

static void shared_tick(uint32_t n)
{
	give_turn(1);
	await_turn(0);
	EQUAL(shared->count, n);
}

/* Mappings of files, and pages of one that are the process's own. */

static int mapped_fd;
static uint32_t *of_file, *own;

static void mapping_setup(void)
{
	mapped_fd = CHECK(open("/dev/shm/mapped", O_CREAT | O_RDWR, 0600));
	CHECK(ftruncate(mapped_fd, 2 * PAGE));
	of_file = map(2 * PAGE, MAP_SHARED, mapped_fd);
	own = map(2 * PAGE, MAP_PRIVATE, mapped_fd);
	own[PAGE / 4] = 0;
}

static void mapping_tick(uint32_t n)
{
	uint32_t has;
	EQUAL(*of_file, n - 1);
	*of_file = n;
	EQUAL(CHECK(pread(mapped_fd, &has, sizeof(has), 0)), sizeof(has));
	EQUAL(has, n);
	EQUAL(*own, n); /* this page has not been written */
	EQUAL(own[PAGE / 4], n - 1);
	own[PAGE / 4] = n;
	EQUAL(of_file[PAGE / 4], 0);
}

/* memfd_create(2), with seals, and mapped. */

static int memfd;
static uint32_t *of_memfd;

static void memfd_setup(void)
{
	memfd = CHECK(memfd_create("a memfd", MFD_ALLOW_SEALING));
	CHECK(ftruncate(memfd, PAGE));
	of_memfd = map(PAGE, MAP_SHARED, memfd);
	CHECK(fcntl(memfd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
}

static void memfd_tick(uint32_t n)
{
	uint32_t has;
	EQUAL(CHECK(fcntl(memfd, F_GET_SEALS)), F_SEAL_GROW | F_SEAL_SHRINK);
	EQUAL(CHECK(pread(memfd, &has, sizeof(has), 0)), sizeof(has));
	EQUAL(has, n - 1);
	*of_memfd = n;
	EQUAL(ftruncate(memfd, 2 * PAGE), -1);
}

/* System V: memory that a child has attached, too, semaphores, and a queue with messages. */

static int shm, sem, queue;
static uint32_t *attached;
static struct helper attacher;

struct message {
	long type;
	uint32_t n;
};

static void send_message(long type, uint32_t n)
{
	struct message m = {type, n};
	CHECK(msgsnd(queue, &m, sizeof(m.n), 0));
}

static void receive_message(long type, uint32_t want)
{
	struct message m;
	EQUAL(CHECK(msgrcv(queue, &m, sizeof(m.n), type, IPC_NOWAIT)), sizeof(m.n));
	EQUAL(m.n, want);
}

static uint32_t answer_attached(uint32_t n)
{
	EQUAL(*attached, n);
	*attached = n + 1;
	return n;
}

static void sysv_setup(void)
{
	shm = CHECK(shmget(0x1234, PAGE, IPC_CREAT | 0600));
	attached = CHECK(shmat(shm, NULL, 0));
	fork_helper(&attacher, answer_attached);
	sem = CHECK(semget(0x5678, 2, IPC_CREAT | 0600));
	queue = CHECK(msgget(0x9abc, IPC_CREAT | 0600));
	send_message(1, 0);
	send_message(2, 0);
}

static void sysv_tick(uint32_t n)
{
	EQUAL(CHECK(shmget(0x1234, PAGE, 0)), shm);
	EQUAL(*attached, n == 1 ? 0 : n);
	*attached = n;
	EQUAL(ask(&attacher, n), n);
	EQUAL(*attached, n + 1);
	EQUAL(CHECK(semget(0x5678, 2, 0)), sem);
	EQUAL(CHECK(semctl(sem, 1, GETVAL)), (n - 1) % 1000);
	CHECK(semctl(sem, 1, SETVAL, n % 1000));
	EQUAL(CHECK(msgget(0x9abc, 0)), queue);
	receive_message(2, n - 1); /* not in the order in which they were sent */
	receive_message(1, n - 1);
	send_message(1, n);
	send_message(2, n);
}

const struct object memories[] = {
	{"private memory", private_setup, private_tick}, {"shared memory", shared_setup, shared_tick},
	{"mapped file", mapping_setup, mapping_tick},    {"memfd", memfd_setup, memfd_tick},
	{"System V IPC", sysv_setup, sysv_tick},         {0},
};
