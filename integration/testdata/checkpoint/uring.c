/* uring counts, as the tests' counter does, with an io_uring open. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/io_uring.h>

int main(void)
{
	struct io_uring_params params;
	memset(&params, 0, sizeof(params));
	int fd = syscall(SYS_io_uring_setup, 8, &params);
	if (fd < 0) {
		perror("io_uring_setup");
		return 1;
	}
	if (mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING) == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (int i = 1;; i++) {
		dprintf(1, "%d\n", i);
		usleep(20000);
	}
}
