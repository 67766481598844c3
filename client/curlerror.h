/* SPDX-License-Identifier: MIT */
/* What a failed transfer means: libcurl's code to an errno, in words that help. Part of the errno table. */
#ifndef REG_CURLERROR_H
#define REG_CURLERROR_H

#include <curl/curl.h>

#include "registry.h"

/* Fills error and returns its negative errno. os_error: CURLINFO_OS_ERRNO, verified: CURLINFO_SSL_VERIFYRESULT, or 0. */
int curl_error(struct reg_error *error, CURLcode code, int os_error, long verified, const char *message);
/* May the same request succeed if it is sent again at once? Never a time-out: the time is spent. */
bool curl_error_transient(CURLcode code);

#endif
