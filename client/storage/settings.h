/* SPDX-License-Identifier: MIT */
/*
 * The registry's own configuration (its YAML, by libyaml) and the REGISTRY_* variables that override it, as
 * far as the collector must know it. https://distribution.github.io/distribution/about/configuration/
 */
#ifndef REG_STORAGE_SETTINGS_H
#define REG_STORAGE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "registry.h"

struct settings {
	char *driver; /* "filesystem", "s3", "inmemory", .. */
	char *root; /* rootdirectory of the file system driver, as it is written; NULL: another driver */
	bool delete_enabled;
	bool readonly; /* maintenance.readonly.enabled */
	bool uploadpurging; /* true unless it is turned off */
	char *cache; /* blobdescriptor: "inmemory", "redis", or NULL */
	char *addr; /* http.addr, such as ":5000"; NULL: none, or a socket's path */
	char *prefix; /* http.prefix, "/" if none */
	bool tls; /* http.tls.certificate or letsencrypt is set */
	bool proxy; /* proxy.remoteurl: a pull-through cache */
	bool sparse; /* validation.manifests.indexes.platforms: indexes without all of their children are
			taken */
	bool database; /* database.enabled, of GitLab's registry, is anything but false */
};

/*
 * environment: as environ(7), NULL: none counts. A variable names a member in capital letters, its value is
 * YAML (REGISTRY_STORAGE_MAINTENANCE={readonly: {enabled: true}} as well as ..._ROOTDIRECTORY=/srv). As in
 * the registry, ..._MAINTENANCE_READONLY_ENABLED counts for nothing where the file says something of
 * readonly, and what the registry would not start with is an error; so is the same key twice.
 * -EBADMSG: no YAML, or not a registry's configuration, with line and column; -EFBIG: above 1 MiB; -ENOMEM.
 */
int settings_parse(const char *yaml, size_t size, char *const *environment, struct settings *ret,
		   struct reg_error *error);
int settings_read(const char *path, char *const *environment, struct settings *ret, struct reg_error *error);
void settings_done(struct settings *s);

#endif
