/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a test: threads lose the processor, now and then and for up to two milliseconds, where they
 * take or leave a lock or begin. What holds only because threads usually come in one order fails. Under a
 * sanitizer it cannot be preloaded. See CONTRIBUTING.md.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { OFTEN = 1000, SLEEPS = 20, YIELDS = 40, SLEEP_NS = 100000 };

/* By system calls alone: a test may have put its own clock in the place of the C library's. */
static unsigned draw(void)
{
	static __thread uint64_t state;

	if (!state) {
		struct timespec now;

		syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
		state = ((uint64_t)now.tv_nsec << 20) ^ (uint64_t)syscall(SYS_gettid);
	}
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % OFTEN;
}

static void lose_the_processor(void)
{
	const unsigned drawn = draw();
	const struct timespec time = {.tv_nsec = (long)(drawn + 1) * SLEEP_NS};

	if (drawn < SLEEPS)
		syscall(SYS_nanosleep, &time, NULL);
	else if (drawn < SLEEPS + YIELDS)
		syscall(SYS_sched_yield);
}

/* The function of that name that this file stands before. */
#define REAL(name, f)                                                                                        \
	do {                                                                                                 \
		if (!(f))                                                                                    \
			*(void **)&(f) = dlsym(RTLD_NEXT, name);                                             \
	} while (0)

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static int (*real)(pthread_mutex_t * mutex);

	REAL("pthread_mutex_lock", real);
	lose_the_processor();
	return real(mutex);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	static int (*real)(pthread_mutex_t * mutex);
	int r;

	REAL("pthread_mutex_unlock", real);
	r = real(mutex);
	lose_the_processor();
	return r;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data)
{
	static int (*real)(pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *),
			   void *data);
	int r;

	REAL("pthread_create", real);
	r = real(thread, attributes, start, data);
	lose_the_processor();
	return r;
}
