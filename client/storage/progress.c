/* SPDX-License-Identifier: MIT */
#include "storage/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define TICK 100 /* milliseconds between two drawings at least */
#define WAIT 500 /* before the first one: what is over sooner shows nothing */
#define MAX_WIDTH 200
#define MIN_WIDTH 20

struct progress {
	int fd;
	bool draws;
	const volatile sig_atomic_t *flag;
	const char *what; /* NULL: between two parts */
	uint64_t done, total;
	bool bytes;
	int64_t began, drawn; /* milliseconds */
	size_t shown; /* columns that are on the screen */
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct progress *progress_new(int fd, bool quiet)
{
	struct progress *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fd = fd;
	p->draws = !quiet && isatty(fd);
	return p;
}

/* What cannot be drawn is not worth a word. */
static void put(const struct progress *p, const char *text, size_t size)
{
	const ssize_t n = write(p->fd, text, size);

	(void)n;
}

static void wipe(struct progress *p)
{
	char line[MAX_WIDTH + 2];

	if (!p->shown)
		return;
	memset(line, ' ', sizeof(line));
	line[0] = '\r';
	line[p->shown + 1] = '\r';
	put(p, line, p->shown + 2);
	p->shown = 0;
}

void progress_free(struct progress *p)
{
	if (p)
		wipe(p);
	free(p);
}

/* ---- one line ---- */

static void amount(char *ret, size_t size, double n, bool bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t i = 0;

	while (bytes && n >= 1024 && i < sizeof(units) / sizeof(units[0]) - 1) {
		n /= 1024;
		i++;
	}
	if (bytes)
		snprintf(ret, size, i ? "%.1f %s" : "%.0f %s", n, units[i]);
	else
		snprintf(ret, size, "%.0f", n);
}

static void time_left(char *ret, size_t size, double seconds)
{
	if (seconds < 3600)
		snprintf(ret, size, "%d:%02d", (int)seconds / 60, (int)seconds % 60);
	else if (seconds < 100 * 3600)
		snprintf(ret, size, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60,
			 (int)seconds % 60);
	else
		snprintf(ret, size, "long");
}

static size_t width(const struct progress *p)
{
	struct winsize w;

	if (ioctl(p->fd, TIOCGWINSZ, &w) < 0 || !w.ws_col)
		return 79;
	if (w.ws_col < MIN_WIDTH)
		return 0;
	return w.ws_col > MAX_WIDTH ? MAX_WIDTH : (size_t)w.ws_col - 1; /* in the last column it would wrap */
}

/* "checking blobs [=====     ]  50%  1.2 GiB  200.0 MiB/s  0:06 left", as much of it as there is room for. */
static void draw(struct progress *p, int64_t at)
{
	const double seconds = (double)(at - p->began) / 1000, rate = (double)p->done / seconds;
	const size_t room = width(p);
	char line[MAX_WIDTH + 2], end[128], done[32], speed[32], left[32] = "";
	size_t n, bar;

	amount(done, sizeof(done), (double)p->done, p->bytes);
	amount(speed, sizeof(speed), rate, p->bytes);
	if (p->total > p->done && rate > 0)
		time_left(left, sizeof(left), (double)(p->total - p->done) / rate);
	snprintf(end, sizeof(end), "  %s  %s/s%s%s%s", done, speed, *left ? "  " : "", left,
		 *left ? " left" : "");
	n = (size_t)snprintf(line + 1, sizeof(line) - 1, "%s", p->what);
	if (p->total && n + strlen(end) + 20 < room && n + strlen(end) + 20 < MAX_WIDTH) {
		const double part = p->done < p->total ? (double)p->done / (double)p->total : 1;
		const size_t full = room - n - strlen(end) - 8, length = full < 40 ? full : 40;
		const size_t filled = (size_t)(part * (double)length);

		line[1 + n++] = ' ';
		line[1 + n++] = '[';
		for (bar = 0; bar < length; bar++)
			line[1 + n++] = bar < filled ? '=' : ' ';
		n += (size_t)snprintf(line + 1 + n, sizeof(line) - 1 - n, "] %3d%%", (int)(part * 100));
	}
	if (n < sizeof(line) - 1)
		n += (size_t)snprintf(line + 1 + n, sizeof(line) - 1 - n, "%s", end);
	n = n < room ? n : room;
	n = n < MAX_WIDTH ? n : MAX_WIDTH;
	for (; n < p->shown; n++) /* a shorter line hides the rest of the one before */
		line[1 + n] = ' ';
	line[0] = '\r';
	put(p, line, n + 1);
	p->shown = n;
	p->drawn = at;
}

/* ---- parts ---- */

void progress_begin(struct progress *p, const char *what, uint64_t total, bool bytes)
{
	if (!p)
		return;
	wipe(p);
	p->what = what;
	p->total = total;
	p->done = 0;
	p->bytes = bytes;
	p->began = now();
	p->drawn = p->began + WAIT - TICK;
}

void progress_add(struct progress *p, uint64_t n)
{
	int64_t at;

	if (!p)
		return;
	p->done += n;
	if (!p->draws || !p->what)
		return;
	at = now();
	if (at - p->drawn >= TICK)
		draw(p, at);
}

void progress_end(struct progress *p)
{
	if (!p)
		return;
	wipe(p);
	p->what = NULL;
}

void progress_interrupt(struct progress *p, const volatile sig_atomic_t *flag)
{
	if (p)
		p->flag = flag;
}

bool progress_interrupted(const struct progress *p)
{
	return p && p->flag && *p->flag;
}
