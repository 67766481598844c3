/* SPDX-License-Identifier: MIT */
/* The inside of http.h: http.c runs transfers, http_setup.c prepares one, http_answer.c reads what comes
 * back. */
#ifndef REG_HTTP_INNER_H
#define REG_HTTP_INNER_H

#include <curl/curl.h>

#include "http.h"
#include "http_host.h"
#include "proxy.h"
#include "tls.h"

/* What is kept of the body of an error, for its message. */
#define MAX_ERROR_BODY ((size_t)64 << 10)

struct http {
	struct transport transport;
	CURLM *multi;
	CURL **idle; /* easy handles at rest */
	unsigned nidle, connections, running;
	struct http_hosts hosts;
	struct tls tls;
	struct proxies proxies;
	char *origin; /* the registry's over TLS: nobody else is shown our certificate */
	struct list failed; /* requests that could not start: answered in the next step */
	uint64_t wait; /* milliseconds until a host may be asked again */
};

/* What belongs to a request while its transfer runs. */
struct transfer {
	struct http_request *q;
	CURL *easy;
	struct curl_slist *headers;
	bool overflow, enough;
	bool whole; /* the header came to its end */
	bool proxied;
	bool reached; /* there was a connection */
	int no_socket; /* the errno why this process has none left for it, or 0 */
	uint64_t skipped;
	char message[CURL_ERROR_SIZE];
};

/* Where the request goes now: its own URL, or where a redirect led. */
static inline const char *http_url(const struct http_request *q)
{
	return q->hop ? q->hop : q->url;
}

/* http_setup.c */
CURLcode http_setup(const struct http *h, struct transfer *t);

/* http_answer.c */
size_t http_on_header(char *line, size_t one, size_t size, void *transfer);
size_t http_on_body(char *data, size_t one, size_t size, void *transfer);
/* Headers, and what became of it: fills q->err and what goes with it. */
void http_read_answer(struct transfer *t, CURLcode code);
/* Is the answer a redirect that is followed? Its Location, which lives as long as the transfer; else NULL. */
const char *http_redirect(const struct transfer *t);

#endif
