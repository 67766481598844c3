/* SPDX-License-Identifier: MIT */
#include "storage/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/utf8.h"

const char *report_size(char buf[REPORT_SIZE_MAX], uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	uint64_t whole = bytes, tenths = 0;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(buf, REPORT_SIZE_MAX, "%" PRIu64 " B", bytes);
		return buf;
	}
	/* In whole numbers: what rounds up to 1024.0 is 1.0 of the next unit. */
	for (;; unit++, whole >>= 10) {
		const uint64_t rest = whole & 1023;

		tenths = (whole >> 10) * 10 + (rest * 10 + 512) / 1024;
		if (tenths < 10240 || unit + 1 == ARRAY_SIZE(units))
			break;
	}
	snprintf(buf, REPORT_SIZE_MAX, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
	return buf;
}

const char *report_date(char buf[REPORT_DATE_MAX], time_t t)
{
	struct tm tm;

	*buf = '\0';
	if (t > 0 && gmtime_r(&t, &tm))
		strftime(buf, REPORT_DATE_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

const char *report_short(char buf[REPORT_SHORT_MAX], const struct reg_digest *d)
{
	char text[REG_DIGEST_MAX];
	const char *hex;

	reg_digest_text(d, text);
	hex = strchr(text, ':');
	snprintf(buf, REPORT_SHORT_MAX, "%.12s", hex ? hex + 1 : "");
	return buf;
}

const char *report_state(enum mark_state state)
{
	static const char *const names[] = {
		[MARK_GARBAGE] = "garbage",
		[MARK_YOUNG] = "young",
		[MARK_UNSURE] = "unsure",
		[MARK_HELD] = "held",
	};

	return names[state];
}

const char *report_status(int status)
{
	static const char *const names[] = {"done", "problems", "usage", "refused"};

	return status >= 0 && (size_t)status < ARRAY_SIZE(names) ? names[status] : "interrupted";
}

const char *report_plural(uint64_t n, const char *plural, const char *singular)
{
	return n == 1 ? singular : plural;
}

/* ---- tables ---- */

void table_init(struct table *t, int columns, const char *right)
{
	*t = (struct table){.columns = columns};
	for (int i = 0; i < columns; i++)
		t->right[i] = right[i] == 'r';
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}

void table_row(struct table *t, const char *const *cells)
{
	const size_t columns = (size_t)t->columns;

	if (t->err < 0)
		return;
	if (t->count + columns > t->room) {
		const size_t room = t->room ? t->room * 2 : 64;
		char **more = reallocarray(t->cells, room, sizeof(*more));

		if (!more) {
			t->err = -ENOMEM;
			return;
		}
		t->cells = more;
		t->room = room;
	}
	for (size_t i = 0; i < columns; i++) {
		t->cells[t->count + i] = strdup(cells[i] && *cells[i] ? cells[i] : "-");
		if (!t->cells[t->count + i]) {
			while (i--)
				free(t->cells[t->count + i]);
			t->err = -ENOMEM;
			return;
		}
		utf8_make_printable(t->cells[t->count + i]);
	}
	t->count += columns;
}

int table_print(const struct table *t, FILE *out, const char *indent)
{
	size_t width[TABLE_COLUMNS] = {0};
	const size_t columns = (size_t)t->columns;

	if (t->err < 0)
		return t->err;
	for (size_t i = 0; i < t->count; i++) {
		const size_t n = strlen(t->cells[i]);

		if (n > width[i % columns])
			width[i % columns] = n;
	}
	for (size_t i = 0; i < t->count; i++) {
		const size_t column = i % columns;
		const bool last = column + 1 == columns;
		const int w = (int)(width[column] < 300 ? width[column] : 300);

		fputs(column ? "  " : indent, out);
		if (t->right[column])
			fprintf(out, "%*s", w, t->cells[i]);
		else
			fprintf(out, "%-*s", last ? 0 : w, t->cells[i]);
		if (last)
			fputc('\n', out);
	}
	return 0;
}
