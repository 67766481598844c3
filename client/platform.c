/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "util/cleanup.h"

/* The kernel's word for a processor, and the one that images use (Go's). Others are the same in both. */
static const struct machine {
	const char *kernel, *architecture, *variant;
} machines[] = {
	{"x86_64", "amd64", ""},       {"aarch64", "arm64", ""},
	{"aarch64_be", "arm64be", ""}, {"armv8l", "arm", "v7"},
	{"armv7l", "arm", "v7"},       {"armv6l", "arm", "v6"},
	{"armv5tel", "arm", "v5"},     {"armv5tejl", "arm", "v5"},
	{"i386", "386", ""},           {"i486", "386", ""},
	{"i586", "386", ""},           {"i686", "386", ""},
	{"ppc64le", "ppc64le", ""},    {"s390x", "s390x", ""},
	{"riscv64", "riscv64", ""},    {"loongarch64", "loong64", ""},
};

/* What a variant is where none is said, as containerd has it. */
static const struct usual {
	const char *architecture;
	int level;
} usual_variants[] = {
	{"amd64", 1},
	{"arm", 7},
	{"arm64", 8},
};

static void set(char *ret, size_t size, const char *text)
{
	strncpy(ret, text, size - 1);
	ret[size - 1] = '\0';
}

static void set_machine(struct reg_platform *p, const char *machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strcmp(machines[i].kernel, machine) != 0)
			continue;
		set(p->architecture, sizeof(p->architecture), machines[i].architecture);
		if (!p->variant[0])
			set(p->variant, sizeof(p->variant), machines[i].variant);
		return;
	}
	set(p->architecture, sizeof(p->architecture), machine);
}

void reg_platform_host(struct reg_platform *ret)
{
	struct reg_platform p = {.os = "linux"};
	struct utsname name;

	if (uname(&name) == 0)
		set_machine(&p, name.machine);
	*ret = p;
}

/* One word up to a slash or the end; NULL: there is none, or it is too long. Else where it ends. */
static const char *word(const char *p, char *ret, size_t size)
{
	const size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	if (!n || n >= size || (p[n] && p[n] != '/'))
		return NULL;
	memcpy(ret, p, n);
	ret[n] = '\0';
	return p + n;
}

int reg_platform_parse(const char *text, struct reg_platform *ret)
{
	struct reg_platform p = {0};
	char machine[sizeof(p.architecture)];
	const char *at = text ? word(text, p.os, sizeof(p.os)) : NULL;

	if (!at || *at != '/')
		return -EINVAL;
	at = word(at + 1, machine, sizeof(machine));
	if (at && *at == '/')
		at = word(at + 1, p.variant, sizeof(p.variant));
	if (!at || *at)
		return -EINVAL;
	set_machine(&p, machine);
	*ret = p;
	return 0;
}

/* The number in a variant "vN"; -1: it is none. */
static int variant_level(const struct reg_platform *p)
{
	const char *v = p->variant;

	if (v[0] == 'v' && v[1] >= '1' && v[1] <= '9' && !v[2])
		return v[1] - '0';
	for (size_t i = 0; !v[0] && i < ARRAY_SIZE(usual_variants); i++)
		if (strcmp(p->architecture, usual_variants[i].architecture) == 0)
			return usual_variants[i].level;
	return -1;
}

/* How well an image suits: 0 another platform, 1 another variant, up to 11 one that also runs, 100 itself. */
static int suits(const struct reg_platform *p, const struct reg_platform *want)
{
	const int level = variant_level(p), wanted = variant_level(want);

	if (strcmp(p->os, want->os) != 0 || strcmp(p->architecture, want->architecture) != 0)
		return 0;
	if (strcmp(p->variant, want->variant) == 0)
		return 100;
	return level > 0 && level <= wanted ? 2 + level : 1;
}

int reg_platform_select(const struct reg_document *index, const struct reg_platform *want)
{
	int best = -1, best_suits = -1;

	for (size_t i = 0; index->kind == REG_KIND_INDEX && i < index->nitems; i++) {
		const int s = index->items[i].attestation ? -1 : suits(&index->items[i].platform, want);

		if (s > best_suits) {
			best = (int)i;
			best_suits = s;
		}
	}
	return best;
}
