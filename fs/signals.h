/* SPDX-License-Identifier: MIT */
/* SIGHUP: hangup() is called. SIGTERM, SIGINT: unmount and end. A thread of its own waits for them. */
#ifndef FS_SIGNALS_H
#define FS_SIGNALS_H

struct fuse_session;
struct signals;

/* Blocks the signals; before any thread is started, so that all of them inherit it. */
void signals_block(void);
/* On the thread that will run the session's loop. 0 or a negative errno. */
int signals_start(struct fuse_session *session, void (*hangup)(void *data), void *data, struct signals **ret);
void signals_stop(struct signals *s); /* after the loop has ended */

#endif
