/* SPDX-License-Identifier: MIT */
#include "storage/report_json.h"

#define FLUSH_AT ((size_t)64 << 10)
#define BUFFER ((size_t)64 << 20) /* one value's most, texts from the disk included */

void report_json_flush(struct report_json *j)
{
	if (j->buf.size < FLUSH_AT || j->w.err < 0)
		return;
	fwrite(j->buf.data, 1, j->buf.size, j->out);
	buf_clear(&j->buf);
}

void report_json_begin(struct report_json *j, FILE *out, const char *command, const char *root)
{
	*j = (struct report_json){.out = out};
	buf_init(&j->buf, BUFFER);
	j->w.out = &j->buf;
	json_write_object(&j->w, NULL);
	json_write_text(&j->w, "command", command);
	json_write_text(&j->w, "root", root);
}

int report_json_end(struct report_json *j)
{
	json_write_object_end(&j->w);
	if (j->w.err == 0) {
		fwrite(j->buf.data, 1, j->buf.size, j->out);
		fputc('\n', j->out);
	}
	buf_done(&j->buf);
	return j->w.err;
}

void report_json_digest(struct report_json *j, const char *name, const struct reg_digest *d)
{
	char text[REG_DIGEST_MAX];

	if (d->algorithm)
		json_write_text(&j->w, name, reg_digest_text(d, text));
}

void report_json_date(struct report_json *j, const char *name, time_t t)
{
	char text[REPORT_DATE_MAX];

	if (*report_date(text, t))
		json_write_text(&j->w, name, text);
}

void report_json_sum(struct report_json *j, const char *name, uint64_t count, uint64_t bytes)
{
	json_write_object(&j->w, name);
	json_write_number(&j->w, "count", (int64_t)count);
	json_write_number(&j->w, "bytes", (int64_t)bytes);
	json_write_object_end(&j->w);
}

static void some_problems(struct report_json *j, const struct problems *p, const struct report_known *known,
			  bool notes)
{
	json_write_array(&j->w, notes ? "notes" : "problems");
	for (size_t i = 0; i < p->count; i++) {
		const struct problem *one = &p->items[i];

		if (problem_is_note(one->kind) != notes)
			continue;
		json_write_object(&j->w, NULL);
		json_write_text(&j->w, "kind", problem_name(one->kind));
		json_write_text(&j->w, "repository", one->repository);
		json_write_text(&j->w, "tag", one->tag);
		report_json_digest(j, "digest", &one->digest);
		json_write_text(&j->w, "path", one->path);
		json_write_text(&j->w, "text", one->text);
		if (known && !notes)
			json_write_bool(&j->w, "new", report_is_new(known, one));
		json_write_object_end(&j->w);
		report_json_flush(j);
	}
	json_write_array_end(&j->w);
}

void report_json_problems(struct report_json *j, const struct problems *p, const struct report_known *known)
{
	some_problems(j, p, known, false);
	some_problems(j, p, known, true);
}

int report_json_check(FILE *out, const char *root, const char *status, const struct store *s,
		      const struct check_result *c)
{
	struct report_json j;

	report_json_begin(&j, out, "check", root);
	json_write_text(&j.w, "status", status);
	json_write_number(&j.w, "repositories", s->nrepositories);
	json_write_number(&j.w, "tags", (int64_t)c->tags);
	json_write_number(&j.w, "manifests", (int64_t)c->manifests);
	json_write_number(&j.w, "blobs", (int64_t)c->blobs);
	json_write_number(&j.w, "bytes", (int64_t)c->bytes);
	json_write_number(&j.w, "verified", (int64_t)c->verified);
	report_json_problems(&j, &s->problems, NULL);
	return report_json_end(&j);
}
