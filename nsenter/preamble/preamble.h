/* What the Go side of this package, and start_classic_linux.go of the root package, must know. */
#ifndef LIBCONTAINER_PREAMBLE_H
#define LIBCONTAINER_PREAMBLE_H

#include <stddef.h>

#define PIPE_ENV "_LIBCONTAINER_INITPIPE"

/* Frame types; the Go side has the same list. */
enum {
	FRAME_PID = 1,     /* to the host: i32 pid of init, i32 whether the hook is linked */
	FRAME_ERROR = 2,   /* to the host: i32 errno, text of the step that failed */
	FRAME_MAP_IDS = 3, /* to the host: write the id mappings of this process */
	FRAME_GO = 4,      /* to init: done, go on */
};

/* The init pipe, or -1 in a process that no factory started. */
int libcontainer_init_pipe(void);
/* What the thread that helps init is told, see helper.h. */
void *libcontainer_helper(void);
size_t libcontainer_helper_size(void);
/* Whether the program imports package nsenter. */
int libcontainer_hook_linked(void);

#endif
