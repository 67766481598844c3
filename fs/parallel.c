/* SPDX-License-Identifier: MIT */
#include "parallel.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "waiter.h"

enum {
	FIXED_VERSION = 317,
	HEADER = 16, /* struct fuse_out_header: length, error, and the request's number */
	FLAGS = 12, /* struct fuse_init_out: where the flags are */
	INIT_SIZE = 64, /* and how long it is, since protocol 7.23 */
	PARALLEL = 1 << 18, /* FUSE_PARALLEL_DIROPS */
};

static ssize_t read_request(int fd, void *buffer, size_t size, void *userdata)
{
	(void)userdata;
	return read(fd, buffer, size);
}

/* The reply to INIT is the first one that is written, and the only one of its shape. */
static ssize_t write_reply(int fd, struct iovec *iov, int count, void *userdata)
{
	struct filesystem *fs = userdata;
	uint32_t flags;

	if (count == 2 && iov[0].iov_len == HEADER && iov[1].iov_len == INIT_SIZE &&
	    atomic_exchange(&fs->want_parallel, false)) {
		memcpy(&flags, (char *)iov[1].iov_base + FLAGS, sizeof(flags));
		flags |= PARALLEL;
		memcpy((char *)iov[1].iov_base + FLAGS, &flags, sizeof(flags));
	}
	return writev(fd, iov, count);
}

int parallel_enable(struct fuse_session *session)
{
	static const struct fuse_custom_io io = {.read = read_request, .writev = write_reply};

	if (fuse_version() >= FIXED_VERSION)
		return 0;
	return fuse_session_custom_io(session, &io, fuse_session_fd(session));
}
