/* SPDX-License-Identifier: MIT */
/* JSON, and every string of it as a name: what a listing from a hostile registry goes through. */
#include "json.h"

#include <string.h>

#include "fuzz.h"

static void check_name(const char *name)
{
	const size_t size = strlen(name);
	struct reg_digest d;
	char text[REG_DIGEST_MAX];

	if (reg_name_is_tag(name) || reg_name_is_component(name)) {
		must(size >= 1 && size <= 255 && name[0] != '.' && name[0] != '-');
		must(!strpbrk(name, "/ \t\r\n\\:@%?#&"));
	}
	if (reg_name_is_component(name))
		must(reg_name_is_repository(name) && name[0] != '_');
	if (reg_name_is_repository(name)) {
		must(size >= 1 && size <= 255 && name[0] != '/' && name[size - 1] != '/');
		must(!strstr(name, "//") && !strstr(name, "..") && !strstr(name, "/_") &&
		     !strstr(name, "/."));
		must(!strpbrk(name, " \t\r\n\\:@%?#&"));
	}
	if (reg_tag_subject(name, &d))
		must(reg_name_is_tag(name) && strncmp(reg_digest_text(&d, text) + 7, name + 7, 64) == 0);
	if (reg_digest_parse(name, &d))
		must(strcmp(reg_digest_text(&d, text), name) == 0);
}

static void walk(const struct json *value, int depth)
{
	must(depth <= 65);
	for (const struct json *i = json_first(value); i; i = json_next(i)) {
		int64_t size = -1;

		if (json_name(i)) {
			must(json_is_object(value));
			check_name(json_name(i));
			json_string(value, json_name(i));
			if (json_size(value, json_name(i), &size))
				must(size >= 0 && size <= (int64_t)1 << 53);
		}
		if (json_text(i))
			check_name(json_text(i));
		walk(i, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *j = json_parse(data, size);

	walk(j, 0);
	if (size % 2)
		json_free(j);
	else
		json_wipe(j);
	return 0;
}
