/* SPDX-License-Identifier: MIT */
/*
 * Certificates that are kept for a registry in a folder of its name, as docker and podman have it:
 * certs.d/HOST[:PORT]/{*.crt, NAME.cert with NAME.key} (containers-certs.d(5), and docker's "Verify
 * repository client with certificates").
 */
#ifndef REG_CERTS_H
#define REG_CERTS_H

#include "log.h"
#include "registry.h"
#include "util/buf.h"

struct certs {
	char *folder; /* where they were found, NULL: nowhere */
	char *cert, *key; /* files, the first pair by name; or NULL */
};

/*
 * Looks in ~/.config/containers and ~/.config/docker ($XDG_CONFIG_HOME), /etc/containers and /etc/docker, and
 * takes the first folder that is there, as podman does, which knows no $XDG_CONFIG_HOME: its own folder is
 * found below $HOME as well. 0 also if there is none, or only one that is not for us to read: the system's
 * may be root's alone, and what it holds is not always needed; log (or NULL) tells of it. -EINVAL: a
 * certificate without its key, or the other way round.
 */
int certs_find(const char *host, const struct reg_log *log, struct certs *ret, struct reg_error *error);
void certs_done(struct certs *c);

/*
 * Adds every file of a folder whose name ends so (NULL: in .crt, .pem or .cer), in order of their names. A
 * link that leads nowhere is no file.
 */
int certs_read(const char *folder, const char *ending, struct buf *to, struct reg_error *error);
/* Adds a file, which must be there. */
int certs_read_file(const char *path, struct buf *to, struct reg_error *error);

#endif
