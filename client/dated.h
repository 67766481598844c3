/* SPDX-License-Identifier: MIT */
/*
 * Dates in a list of tags. Google's registries tell more there than the specification asks for
 * (go-containerregistry, pkg/v1/google/list.go):
 *     "manifest": {"sha256:...": {"tag": ["v1"], "timeCreatedMs": "1547391218295", ...}}
 * timeCreatedMs is the config's date, "0" where there is none. imageSizeBytes is the layers', and no
 * manifest's.
 */
#ifndef REG_DATED_H
#define REG_DATED_H

#include "json.h"
#include "registry.h"

struct dated {
	struct reg_dated *items;
	size_t count, room;
};

/* Adds what a page tells; what makes no sense is passed over. 0 or -ENOMEM. */
int dated_read(struct dated *d, const struct json *page);
void dated_done(struct dated *d);

#endif
