/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "util/cleanup.h"

static const struct algorithm {
	enum reg_algorithm id;
	const char *prefix;
	size_t size; /* of the hash, in bytes */
} algorithms[] = {
	{REG_SHA256, "sha256:", 32},
	{REG_SHA512, "sha512:", 64},
};

static const struct algorithm *find(unsigned id)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (algorithms[i].id == id)
			return &algorithms[i];
	return NULL;
}

/* Lower case only: the specification's grammar, and a digest, which becomes a file name, has one spelling. */
static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool parse_hex(const char *hex, size_t size, uint8_t *ret)
{
	for (size_t i = 0; i < size; i++) {
		const int high = nibble(hex[2 * i]);
		const int low = high < 0 ? -1 : nibble(hex[2 * i + 1]);

		if (low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return hex[2 * size] == '\0';
}

bool reg_digest_parse(const char *text, struct reg_digest *ret)
{
	for (size_t i = 0; text && i < ARRAY_SIZE(algorithms); i++) {
		const struct algorithm *a = &algorithms[i];
		const size_t length = strlen(a->prefix);
		struct reg_digest d = {.algorithm = a->id};

		if (strncmp(text, a->prefix, length) != 0)
			continue;
		if (!parse_hex(text + length, a->size, d.hash))
			return false;
		*ret = d;
		return true;
	}
	return false;
}

const char *reg_digest_text(const struct reg_digest *d, char buf[static REG_DIGEST_MAX])
{
	static const char hex[] = "0123456789abcdef";
	const struct algorithm *a = find(d->algorithm);
	char *p = buf;

	if (a) {
		p = stpcpy(p, a->prefix);
		for (size_t i = 0; i < a->size; i++) {
			*p++ = hex[d->hash[i] >> 4];
			*p++ = hex[d->hash[i] & 15];
		}
	}
	*p = '\0';
	return buf;
}

bool reg_digest_equal(const struct reg_digest *a, const struct reg_digest *b)
{
	return a->algorithm == b->algorithm && memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

int reg_digest_compute(enum reg_algorithm algorithm, const void *data, size_t size, struct reg_digest *ret)
{
	struct reg_digest d = {.algorithm = (uint8_t)algorithm};
	const EVP_MD *md;

	if (!find(algorithm))
		return -EINVAL;
	md = algorithm == REG_SHA256 ? EVP_sha256() : EVP_sha512();
	if (!EVP_Digest(data, size, d.hash, NULL, md, NULL))
		return -ENOMEM;
	*ret = d;
	return 0;
}
