/* SPDX-License-Identifier: MIT */
/*
 * The REGISTRY_* variables over a configuration, as the registry itself applies them (its
 * configuration/parser.go, the same in versions 2 and 3): in the order of their names, to members that are
 * found without regard to case, each value being YAML.
 */
#ifndef REG_STORAGE_SETTINGS_ENV_H
#define REG_STORAGE_SETTINGS_ENV_H

#include "storage/settings_yaml.h"

/* Only what settings.c reads is looked at. 0, -EBADMSG, -EFBIG or -ENOMEM. */
int config_apply(struct config_document *d, struct config_value *root, char *const *environment,
		 struct reg_error *error);

#endif
