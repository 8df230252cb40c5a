/* The thread that helps init to execute its program, see helper.c. */
#ifndef LIBCONTAINER_HELPER_H
#define LIBCONTAINER_HELPER_H

#include <stdint.h>

/* What the lists that init executes tell it; init_helper_linux.go has the same layout. */
struct helper {
	uint32_t go;      /* 1 when all else is there, and a futex */
	int32_t event;    /* an eventfd: the filter is about to be installed; -1 if it has no listener */
	uint64_t page;    /* of u64 the listener's number and one, and u64 what has become of it */
	uint64_t message; /* the struct msghdr that takes the listener to the host */
	uint64_t slot;    /* where in its control message the number goes */
	uint64_t alive;   /* u32, 0 when the thread of the lists has ended, and a futex */
};

/* Starts the thread. Gives an error number. */
int helper_start(int pipe);

#endif
