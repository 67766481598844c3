/* SPDX-License-Identifier: MIT */
#include "storage/running.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/running_inner.h"
#include "util/cleanup.h"
#include "util/utf8.h"

#define STOP "stop it, or restart it with storage.maintenance.readonly: {enabled: true}"
#define SCHEDULE "scheduler-state.json"
#define STOPPED "say so with --stopped if you have stopped it, or make it read-only and give its --url"

/* What was seen, before it is weighed. */
struct sight {
	const struct running_options *options;
	struct running *running;
	unsigned nreadonly, nwritable, nothing; /* processes, by what they say */
	unsigned nhidden; /* that say nothing of themselves */
	bool known; /* a process tells what it serves this storage with */
	char words[256]; /* of the process that decides */
	bool listens; /* at http.addr */
	char where[300]; /* the URL that was asked, or HOST:PORT */
	bool asked;
	int answer;
	struct reg_error error;
	/* Of a registry that was found, where no configuration was given: where it listens. */
	char *addr;
	bool proxy, tls, prefixed;
	bool schedule; /* the storage has the file of a pull-through cache */
};

static void say(struct running *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct running *r, const char *format, ...)
{
	const size_t n = strlen(r->evidence);
	va_list args;

	va_start(args, format);
	vsnprintf(r->evidence + n, sizeof(r->evidence) - n, format, args);
	va_end(args);
}

/* ---- looking ---- */

static int take_settings(struct sight *s, struct settings *from)
{
	s->proxy |= from->proxy;
	if (!s->running->cache && from->cache)
		s->running->cache = steal(&from->cache);
	if (s->options->settings || s->addr || !from->addr)
		return 0;
	s->addr = steal(&from->addr);
	s->tls = from->tls;
	s->prefixed = strcmp(from->prefix, "/") != 0;
	return 0;
}

/* The worst one is told: one that says nothing, then one that is writable. */
static int on_process(void *data, struct process *p)
{
	struct sight *s = data;
	bool worst;

	if (p->collects) {
		/* Not one that may be another storage's. */
		if (p->known)
			s->running->collector = p->pid;
		return 0;
	}
	worst = p->says == PROCESS_NOTHING    ? s->nothing == 0
		: p->says == PROCESS_WRITABLE ? s->nothing + s->nwritable == 0
					      : s->nothing + s->nwritable + s->nreadonly == 0;
	s->nothing += p->says == PROCESS_NOTHING;
	s->nwritable += p->says == PROCESS_WRITABLE;
	s->nreadonly += p->says == PROCESS_READONLY;
	if (worst) {
		s->running->pid = p->pid;
		if (p->says == PROCESS_NOTHING)
			snprintf(s->words, sizeof(s->words), "the registry with process id %d %s", p->pid,
				 p->why);
		else
			snprintf(s->words, sizeof(s->words),
				 "process %d serves this storage%s, as its configuration %.120s says", p->pid,
				 p->says == PROCESS_READONLY ? " read-only" : " and is not read-only",
				 p->config);
	}
	s->known |= p->says != PROCESS_NOTHING;
	s->running->unseen |= p->says == PROCESS_NOTHING && !p->known;
	s->running->changed |= p->says == PROCESS_NOTHING && p->known;
	return p->known ? take_settings(s, &p->settings) : 0;
}

static void look_at_socket(struct sight *s)
{
	const struct settings *ours = s->options->settings;
	const char *addr = ours ? ours->addr : s->addr;

	if (ours) {
		s->tls = ours->tls;
		s->prefixed = strcmp(ours->prefix, "/") != 0;
		s->proxy |= ours->proxy;
	}
	s->listens = addr && socket_answers(addr, s->where);
	if (!s->listens && addr)
		snprintf(s->where, sizeof(s->where), "%.290s", addr);
}

/*
 * A pull-through cache writes down there when what it pulled is to go. A process counts for more: the file may
 * be left from other days. Our configuration does not, which variables of the registry's may override.
 */
static void look_at_schedule(struct sight *s)
{
	char path[PATH_MAX];

	if (!s->options->root || s->known || s->proxy)
		return;
	snprintf(path, sizeof(path), "%s/" SCHEDULE, s->options->root);
	s->schedule = access(path, F_OK) == 0;
}

static void ask(struct sight *s)
{
	const struct running_options *o = s->options;
	struct reg_options client = o->client;
	char url[320];

	if (o->url) {
		snprintf(s->where, sizeof(s->where), "%.290s", o->url);
		s->asked = true;
		s->answer = upload_try(&client, o->url, &s->error);
	} else if (s->listens && !s->prefixed) {
		/* Nobody has a certificate for 127.0.0.1, and it does not leave this machine. */
		client.insecure = true;
		snprintf(url, sizeof(url), "%s://%s", s->tls ? "https" : "http", s->where);
		s->asked = true;
		s->answer = upload_try(&client, url, &s->error);
	}
}

/* ---- weighing ---- */

/* An answer of nobody is that nobody is there; any other is somebody's. */
static bool is_somebody(const struct sight *s)
{
	if (!s->asked)
		return s->listens;
	/* Where it is stopped, its name may be gone, or its address. */
	return s->answer != -ECONNREFUSED && !(s->answer == -EHOSTUNREACH && s->options->stopped);
}

/* Why it is a pull-through cache, or NULL. Such a one refuses uploads, and writes whenever it pulls. */
static const char *why_cache(const struct sight *s)
{
	if (s->proxy)
		return "it is a pull-through cache (proxy.remoteurl)";
	if (s->schedule)
		return "the storage has a pull-through cache's " SCHEDULE
		       " (remove that if it is none any more)";
	/* Distribution has no POST at all while it is read-only: then there is no code in its answer. */
	if (s->asked && s->answer == -EPERM)
		return "by its answer it is a pull-through cache";
	return NULL;
}

static const char *how_to_stop(const struct sight *s)
{
	return why_cache(s) ? "stop it: a cache writes when it pulls" : STOP;
}

static enum running_state weigh_nobody(struct sight *s)
{
	struct running *r = s->running;
	char why[160];

	if (s->where[0])
		say(r, "nobody listens at %s, and no process here serves this storage", s->where);
	else
		say(r, "no process here serves this storage");
	if (s->options->stopped) {
		say(r, "; --stopped says that the registry is stopped");
		return RUNNING_STOPPED;
	}
	if (sight_is_clear(s->options, s->nhidden, why))
		return RUNNING_STOPPED;
	say(r, ", but %s", why);
	r->mend = STOPPED;
	return RUNNING_UNKNOWN;
}

static enum running_state weigh_silence(struct sight *s)
{
	struct running *r = s->running;

	if (s->nothing + s->nwritable) {
		say(r, "%s", s->words);
		return RUNNING_UNKNOWN;
	}
	if (s->nreadonly && why_cache(s)) {
		say(r, "%s, but %s", s->words, why_cache(s));
		return RUNNING_UNKNOWN;
	}
	if (s->nreadonly) {
		say(r, "%s", s->words);
		return RUNNING_READONLY;
	}
	if (s->asked && is_somebody(s)) {
		say(r, "whether the registry at %s refuses uploads cannot be seen: %s", s->where,
		    s->error.msg);
		return RUNNING_UNKNOWN;
	}
	if (is_somebody(s)) {
		say(r, "something listens at %s, and whether it refuses uploads cannot be seen", s->where);
		return RUNNING_UNKNOWN;
	}
	return weigh_nobody(s);
}

static enum running_state weigh(struct sight *s)
{
	struct running *r = s->running;

	if (s->asked && s->answer == 0) {
		say(r, "the registry at %s takes uploads", s->where);
		return RUNNING_WRITABLE;
	}
	if (!s->asked || (s->answer != -EROFS && s->answer != -EPERM))
		return weigh_silence(s);
	if (s->nwritable) {
		/* What refuses there may be a proxy, or another registry beside this one. */
		say(r, "the registry at %s refuses uploads, but %s", s->where, s->words);
		return RUNNING_UNKNOWN;
	}
	if (why_cache(s)) {
		say(r, "the registry at %s refuses uploads, but %s", s->where, why_cache(s));
		return RUNNING_UNKNOWN;
	}
	say(r, "the registry at %s refuses uploads", s->where);
	return RUNNING_READONLY;
}

int running_look(const struct running_options *o, struct running *ret)
{
	struct running found = {0};
	struct sight s = {.options = o, .running = &found};
	int r = processes_look(o, on_process, &s, &s.nhidden);

	if (r == 0) {
		look_at_socket(&s);
		look_at_schedule(&s);
		ask(&s);
		if (s.asked && s.answer == 0 && o->root)
			upload_clean(o->root);
		found.state = weigh(&s);
		if (!found.mend && found.state != RUNNING_STOPPED && found.state != RUNNING_READONLY)
			found.mend = how_to_stop(&s);
		if (s.proxy)
			say(&found, "; it is a cache of another registry, and pulls again what is removed");
		utf8_make_printable(found.evidence);
		if (s.asked && s.answer == -ENOMEM)
			r = -ENOMEM;
	}
	free(s.addr);
	if (r < 0)
		running_done(&found);
	else
		*ret = found;
	return r;
}

void running_done(struct running *r)
{
	free(r->cache);
	*r = (struct running){0};
}
