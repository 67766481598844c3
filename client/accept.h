/* SPDX-License-Identifier: MIT */
#ifndef REG_ACCEPT_H
#define REG_ACCEPT_H

/* The Accept of every request for a manifest: all types that we read. */
extern const char reg_accept_manifests[];

#endif
