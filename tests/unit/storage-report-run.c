/* SPDX-License-Identifier: MIT */
/* What a run tells, to people and to programs. */
#include "storage/report_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct running registry = {.state = RUNNING_READONLY, .evidence = "it refuses uploads"};

/* An empty text: nothing else is told. */
static const struct {
	const char *why;
	struct report_run run;
	const char *text, *json;
} cases[] = {
	{"nothing at all",
	 {.engine = "registry"},
	 "",
	 "{\"command\":\"run\",\"engine\":\"registry\",\"dry_run\":false,\"forced\":false,\"refused\":[],\"problems\":[],\"notes\":[]}\n"},
	{"a refusal is on stderr, and for programs",
	 {.root = "/srv", .engine = "registry", .registry = &registry, .reasons = {"so"}, .nreasons = 1},
	 "registry: read-only: it refuses uploads\n",
	 "{\"command\":\"run\",\"root\":\"/srv\",\"engine\":\"registry\",\"dry_run\":false,\"forced\":false,"
	 "\"registry\":{\"state\":\"read-only\",\"evidence\":\"it refuses uploads\"},"
	 "\"refused\":[{\"reason\":\"so\"}],\"problems\":[],\"notes\":[]}\n"},
	{"what was forced is told to everybody",
	 {.engine = "registry", .forced = true, .reasons = {"so", "and so"}, .nreasons = 2},
	 "done by --force in spite of:\n  so\n  and so\n",
	 "{\"command\":\"run\",\"engine\":\"registry\",\"dry_run\":false,\"forced\":true,"
	 "\"refused\":[{\"reason\":\"so\"},{\"reason\":\"and so\"}],\"problems\":[],\"notes\":[]}\n"},
	{"what would be",
	 {.engine = "registry",
	  .dry_run = true,
	  .collector = "registry 2.8",
	  .has_freed = true,
	  .freed = {2, 2048}},
	 "collector: registry 2.8\nwould be freed: 2 blobs, 2.0 KiB\n",
	 "{\"command\":\"run\",\"engine\":\"registry\",\"dry_run\":true,\"forced\":false,\"collector\":{\"version\":\"registry 2.8\"},"
	 "\"refused\":[],\"would_free\":{\"count\":2,\"bytes\":2048},\"problems\":[],\"notes\":[]}\n"},
	{"what the grace keeps for now",
	 {.engine = "builtin", .has_freed = true, .young = {1, 1024}},
	 "freed: 0 blobs, 0 B\n1 blob (1.0 KiB) that nobody holds, but younger than --grace: left for a later run\n",
	 "{\"command\":\"run\",\"engine\":\"builtin\",\"dry_run\":false,\"forced\":false,\"refused\":[],"
	 "\"freed\":{\"count\":0,\"bytes\":0},\"young\":{\"count\":1,\"bytes\":1024},\"problems\":[],\"notes\":[]}\n"},
	{"what no grace lets go",
	 {.root = "/srv", .engine = "builtin", .status = "done", .future = {2, 2048}},
	 "2 blobs (2.0 KiB) that nobody holds, but dated in the future, so never older than --grace: see to the clock, "
	 "then find /srv/docker/registry/v2 -newermt '1 hour' -exec touch {} +\n",
	 "{\"command\":\"run\",\"root\":\"/srv\",\"engine\":\"builtin\",\"status\":\"done\",\"dry_run\":false,"
	 "\"forced\":false,\"refused\":[],\"future\":{\"count\":2,\"bytes\":2048},\"problems\":[],\"notes\":[]}\n"},
	{"what was, and what is to be done",
	 {.engine = "registry",
	  .has_freed = true,
	  .freed = {1, 7},
	  .restart = RESTART_NEEDED,
	  .cache = "redis"},
	 "freed: 1 blob, 7 B\nempty the registry's redis cache: until then it says that it has what is gone\n",
	 "{\"command\":\"run\",\"engine\":\"registry\",\"dry_run\":false,\"forced\":false,\"refused\":[],"
	 "\"freed\":{\"count\":1,\"bytes\":7},\"restart\":\"needed\",\"problems\":[],\"notes\":[]}\n"},
	{"more was pushed than freed",
	 {.engine = "builtin", .has_freed = true, .left = 1024, .restart = RESTART_NOT_NEEDED},
	 "freed: 0 blobs, 0 B\nwhile it ran, more was written than freed: 1.0 KiB\n",
	 "{\"command\":\"run\",\"engine\":\"builtin\",\"dry_run\":false,\"forced\":false,\"refused\":[],"
	 "\"freed\":{\"count\":0,\"bytes\":0},\"restart\":\"not needed\",\"problems\":[],\"notes\":[]}\n"},
};

static void tell(const struct report_run *run, bool json, const char *want, const char *why)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (json)
		check_int(report_json_run(out, run), 0, why);
	else
		report_run(out, run);
	fclose(out);
	check_text(text, want, why);
	free(text);
}

static void runs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tell(&cases[i].run, false, cases[i].text, cases[i].why);
		tell(&cases[i].run, true, cases[i].json, cases[i].why);
	}
}

static void failures(void **state)
{
	const struct collector_end end = {.status = 1, .message = "it broke"};
	const struct report_run run = {.engine = "registry", .collector = "r", .end = &end};

	(void)state;
	tell(&run, false, "collector: r\nthe collector failed: it broke\n", "in its words");
	tell(&run, true,
	     "{\"command\":\"run\",\"engine\":\"registry\",\"dry_run\":false,\"forced\":false,"
	     "\"collector\":{\"version\":\"r\",\"status\":1,\"message\":\"it broke\"},\"refused\":[],"
	     "\"problems\":[],\"notes\":[]}\n",
	     "in its words");
}

static void sweeps(void **state)
{
	const struct sweep_result result = {.taken = {3, 3072},
					    .put_back = {1, 1024},
					    .deleted = {2, 2048},
					    .layer_links = 1,
					    .repositories = 2};
	struct report_run run = {.engine = "builtin", .sweep = &result, .restart = RESTART_FAILED};

	(void)state;
	tell(&run, false,
	     "taken away: 3 blobs, 3.0 KiB\n"
	     "put back, since something needs it now: 1 blob, 1.0 KiB\n"
	     "deleted: 2 blobs, 2.0 KiB\n"
	     "removed: 1 layer link\n"
	     "removed: 2 empty repositories\n"
	     "the restart command failed: everything was put back\n",
	     "what is none is not told");
}

static void restores(void **state)
{
	static const struct problems none = {0};
	const struct sweep_result result = {.put_back = {1, 7}, .layer_links = 2};
	static const struct {
		int status;
		const char *refused, *want;
	} answers[] = {
		{0, NULL, "\"status\":\"done\",\"refused\":[],"},
		{1, NULL, "\"status\":\"problems\",\"refused\":[],"},
		{3, "by a lock", "\"status\":\"refused\",\"refused\":[{\"reason\":\"by a lock\"}],"},
		{130, NULL, "\"status\":\"interrupted\",\"refused\":[],"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		char *text = NULL, want[512];
		size_t size;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		check_int(report_json_restore(out, "/srv", report_status(answers[i].status),
					      answers[i].refused, &result, &none),
			  0, answers[i].want);
		fclose(out);
		snprintf(
			want, sizeof(want),
			"{\"command\":\"restore\",\"root\":\"/srv\",%s\"put_back\":{\"count\":1,\"bytes\":7},"
			"\"revision_links\":0,\"layer_links\":2,\"failed\":0,\"problems\":[],\"notes\":[]}\n",
			answers[i].want);
		check_text(text, want, answers[i].want);
		free(text);
	}
}

/* A collector that would destroy a hundred things fills no screen, but a program gets them. */
static void many_refusals(void **state)
{
	static char repository[] = "a", tag[] = "t", text[] = "a blob is needed";
	struct refusal refusals[30];
	const struct verdict v = {.refusals = refusals, .nrefusals = 30, .all_refusals = 35};
	const struct report_run run = {.engine = "registry", .verdict = &v};
	char want[4096] = "refused:\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		refusals[i] =
			(struct refusal){.bug = BUG_B3, .repository = repository, .tag = tag, .text = text};
	for (int i = 0; i < 20; i++)
		strcat(want, "  B3: a blob is needed\n");
	snprintf(want + strlen(want), sizeof(want) - strlen(want),
		 "  and 15 more: --json lists more\nB3: %s\n", bug_text(BUG_B3));
	tell(&run, false, want, "each bug is told once");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs),     cmocka_unit_test(failures),      cmocka_unit_test(sweeps),
		cmocka_unit_test(restores), cmocka_unit_test(many_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
