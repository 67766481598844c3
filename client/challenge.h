/* SPDX-License-Identifier: MIT */
/* What a WWW-Authenticate header asks for (RFC 9110, 11.6.1; the docker token specification). */
#ifndef REG_CHALLENGE_H
#define REG_CHALLENGE_H

#include <stdbool.h>

enum reg_scheme { REG_SCHEME_NONE, REG_SCHEME_BASIC, REG_SCHEME_BEARER };

struct reg_challenge {
	enum reg_scheme scheme;
	char realm[2048], service[512], scope[2048], error[128]; /* empty: not said */
};

/*
 * Parses one header, which may hold several challenges; Bearer is preferred to Basic, others are skipped.
 * False if there is neither, or the header does not parse, or a value does not fit.
 */
bool reg_challenge_parse(const char *header, struct reg_challenge *ret);

#endif
