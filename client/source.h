/* SPDX-License-Identifier: MIT */
/* SOURCE, as the user writes it: [http://|https://]HOST[:PORT][/PREFIX] */
#ifndef REG_SOURCE_H
#define REG_SOURCE_H

#include "registry.h"

struct reg_source {
	char host[280]; /* HOST[:PORT], lower case; an IPv6 address in brackets */
	char prefix[256]; /* a name space or repository without slashes around it, or "" */
	bool bare; /* no scheme was given */
	bool https; /* start with https */
	bool may_fall_back; /* no scheme was given and the host is loopback: http may be tried after https */
	bool insecure; /* whatever its certificate is: never set by reg_source_parse() */
	bool docker_hub; /* docker.io and its aliases; host is registry-1.docker.io then */
};

/*
 * -EINVAL: no such source; error says what is wrong and how it should look. User names and passwords in it
 * are refused without being repeated in the error.
 */
int reg_source_parse(const char *text, struct reg_source *ret, struct reg_error *error);

#endif
