/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "util/cleanup.h"

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[REG_LOG_ERROR] = {"error", LOG_ERR},
	[REG_LOG_WARN] = {"warn", LOG_WARNING},
	[REG_LOG_INFO] = {"info", LOG_INFO},
	[REG_LOG_DEBUG] = {"debug", LOG_DEBUG},
};

bool log_level_parse(const char *text, enum reg_log_level *ret)
{
	for (size_t k = 0; k < ARRAY_SIZE(levels); k++) {
		if (strcmp(text, levels[k].name) == 0) {
			*ret = (enum reg_log_level)k;
			return true;
		}
	}
	return false;
}

int log_open(struct log *log, const char *path, enum reg_log_level level, bool foreground)
{
	*log = (struct log){.level = level};
	if (path) {
		log->file = fopen(path, "ae");
		if (!log->file)
			return -errno;
		setvbuf(log->file, NULL, _IOLBF, 0);
		log->dated = true;
	} else if (foreground) {
		log->file = stderr;
	} else {
		openlog("regfs", LOG_PID, LOG_DAEMON);
	}
	return 0;
}

void log_close(struct log *log)
{
	if (log->file && log->file != stderr)
		fclose(log->file);
	log->file = NULL;
}

/* Whatever a line is made of, it stays one line, and nothing in it is for a terminal. */
static void clean(const char *line, char *ret, size_t size)
{
	size_t n = 0;

	for (; line[n] && n < size - 1; n++)
		ret[n] = (unsigned char)line[n] < ' ' || line[n] == 0x7f ? ' ' : line[n];
	ret[n] = '\0';
}

void log_line(void *data, enum reg_log_level level, const char *line)
{
	const struct log *log = data;
	char date[32] = "", text[1024];
	struct tm tm;
	time_t now;

	if (level > log->level)
		return;
	clean(line, text, sizeof(text));
	if (!log->file) {
		syslog(levels[level].priority, "%s", text);
		return;
	}
	now = time(NULL);
	if (log->dated && gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ ", &tm);
	fprintf(log->file, "%sregfs: %s: %s\n", date, levels[level].name, text);
}
