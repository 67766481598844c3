/* SPDX-License-Identifier: MIT */
/*
 * The yardstick for a walk: fetches a list of URLs with libcurl's multi interface, does nothing with what it gets,
 * and says how long that took. No client that uses libcurl can be much faster.
 *
 *     mfetch CONNECTIONS HEADER <LIST
 *
 * The list has one URL a line. They are asked for in order, each with HEADER, at most CONNECTIONS at a time, over
 * kept-alive HTTP/1.1. Output: seconds, requests, CPU seconds of this program. Exit status 1 if any request failed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <curl/curl.h>

struct fetch {
	CURLM *multi;
	struct curl_slist *headers;
	unsigned long started, failed;
};

static size_t discard(char *data, size_t size, size_t n, void *unused)
{
	(void)data;
	(void)unused;
	return size * n;
}

static void die(const char *what)
{
	fprintf(stderr, "mfetch: %s\n", what);
	exit(2);
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Starts the request that the next line names on an idle handle; false at the end of the list. */
static bool start_next(struct fetch *f, CURL *easy)
{
	char line[2048];

	if (!fgets(line, sizeof(line), stdin))
		return false;
	line[strcspn(line, "\n")] = '\0';
	curl_easy_setopt(easy, CURLOPT_URL, line);
	if (curl_multi_add_handle(f->multi, easy) != CURLM_OK)
		die("cannot start a transfer");
	f->started++;
	return true;
}

static CURL *new_handle(const struct fetch *f)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		die("out of memory");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	return easy;
}

/* Takes what has ended and starts as many again. Returns how many are under way less. */
static unsigned turn_over(struct fetch *f)
{
	unsigned ended = 0;
	int left;
	CURLMsg *m;

	while ((m = curl_multi_info_read(f->multi, &left))) {
		CURL *easy = m->easy_handle;
		CURLcode result = m->data.result;
		long status = 0;

		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (result != CURLE_OK || status != 200)
			f->failed++;
		curl_multi_remove_handle(f->multi, easy);
		if (start_next(f, easy))
			continue;
		curl_easy_cleanup(easy);
		ended++;
	}
	return ended;
}

static void run(struct fetch *f, unsigned connections)
{
	unsigned active = 0;
	int running;

	while (active < connections) {
		CURL *easy = new_handle(f);

		if (!start_next(f, easy)) {
			curl_easy_cleanup(easy);
			break;
		}
		active++;
	}
	while (active > 0) {
		unsigned long before;

		do { /* until nothing more has ended, or finished transfers would wait for the poll */
			before = f->started;
			if (curl_multi_perform(f->multi, &running) != CURLM_OK)
				die("curl_multi_perform failed");
			active -= turn_over(f);
		} while (f->started != before);
		if (active > 0 && curl_multi_poll(f->multi, NULL, 0, 1000, NULL) != CURLM_OK)
			die("curl_multi_poll failed");
	}
}

int main(int argc, char **argv)
{
	struct fetch f = {0};
	long connections = argc == 3 ? atol(argv[1]) : 0;
	double begin;

	if (connections < 1 || connections > 4096) {
		fprintf(stderr, "usage: mfetch CONNECTIONS HEADER <LIST\n");
		return 2;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die("cannot start libcurl");
	f.multi = curl_multi_init();
	f.headers = curl_slist_append(NULL, argv[2]);
	if (!f.multi || !f.headers)
		die("out of memory");
	curl_multi_setopt(f.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
	curl_multi_setopt(f.multi, CURLMOPT_MAXCONNECTS, connections);

	begin = seconds_now();
	run(&f, (unsigned)connections);
	printf("%.3f %lu %.3f\n", seconds_now() - begin, f.started, cpu_seconds());
	if (f.failed)
		fprintf(stderr, "mfetch: %lu of %lu requests failed\n", f.failed, f.started);
	curl_slist_free_all(f.headers);
	curl_multi_cleanup(f.multi);
	curl_global_cleanup();
	return f.failed ? 1 : 0;
}
