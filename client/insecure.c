/* SPDX-License-Identifier: MIT */
#include "insecure.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "json.h"
#include "secretfile.h"
#include "util/cleanup.h"
#include "util/network.h"

#define MAX_FILE ((size_t)1 << 20)
#define SYSTEM "/etc/docker/daemon.json"

/* Docker passes over a scheme, with a warning. */
static const char *behind_scheme(const char *entry)
{
	if (strncasecmp(entry, "http://", 7) == 0)
		return entry + 7;
	return strncasecmp(entry, "https://", 8) == 0 ? entry + 8 : entry;
}

static bool names_network(const struct json *entries, const char *host)
{
	char text[NI_MAXHOST];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	bool any = false, in = false;

	for (const struct json *i = json_first(entries); i && !any; i = json_next(i))
		any = json_text(i) && strchr(behind_scheme(json_text(i)), '/');
	if (!any || getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *a = found; a && !in; a = a->ai_next) {
		struct address address;

		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		address = address_of(text);
		for (const struct json *i = json_first(entries); i && !in; i = json_next(i))
			in = json_text(i) && address_is_in(&address, behind_scheme(json_text(i)));
	}
	freeaddrinfo(found);
	return in;
}

static bool names(const struct json *entries, const struct reg_source *source)
{
	char host[sizeof(source->host)];

	for (const struct json *i = json_first(entries); i; i = json_next(i))
		if (json_text(i) && strcasecmp(behind_scheme(json_text(i)), source->host) == 0)
			return true;
	return network_host(source->host, host, sizeof(host)) && names_network(entries, host);
}

static bool file_names(const char *path, const struct reg_source *source, const struct reg_log *log)
{
	char *text = NULL;
	const ssize_t n = secretfile_read(path, MAX_FILE, NULL, &text);
	struct json *root;
	bool found;

	if (n < 0)
		return false;
	root = json_parse(text, (size_t)n);
	found = names(json_array(root, "insecure-registries"), source);
	json_free(root);
	secretfile_free(text, (size_t)n);
	if (found)
		reg_log(log, REG_LOG_INFO,
			"%s names %s among its insecure registries: its certificate is not verified, and http will do",
			path, source->host);
	return found;
}

bool insecure_to_docker(const struct reg_source *source, const struct reg_log *log)
{
	const char *const config = getenv("XDG_CONFIG_HOME"), *const home = getenv("HOME");
	const bool own = config && *config;
	auto_free char *path = NULL;

	if (!source->bare || source->docker_hub)
		return false;
	if (source->may_fall_back || file_names(SYSTEM, source, log))
		return true;
	if (!own && !(home && *home))
		return false;
	if (asprintf(&path, "%s%s/docker/daemon.json", own ? config : home, own ? "" : "/.config") < 0) {
		path = NULL;
		return false;
	}
	return file_names(path, source, log);
}
