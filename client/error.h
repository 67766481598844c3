/* SPDX-License-Identifier: MIT */
/* What went wrong: the one table from what a registry or the network did to an errno, and the words for it.
 */
#ifndef REG_ERROR_H
#define REG_ERROR_H

#include "registry.h"

/*
 * The errno (negative) for an HTTP status with the registry's own error code ("" if it sent none). 0 for a
 * status below 400.
 */
int reg_error_from_status(int status, const char *code);

/*
 * Fills error from an HTTP answer: status, and code and message from its body if that is the specification's
 * error JSON ("Error codes"), else the beginning of a text body, in one printable line. Returns the errno.
 */
int reg_error_from_response(struct reg_error *error, int status, const void *body, size_t size);

/* Fills error and returns err, so that a failure is one statement. Control characters become spaces. */
int reg_fail(struct reg_error *error, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
