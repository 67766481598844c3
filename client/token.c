/* SPDX-License-Identifier: MIT */
#include "token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "credentials.h"
#include "error.h"
#include "json.h"
#include "util/cleanup.h"

/* Seconds: what a token lives that does not say so (token specification); and the longest that is believed.
 */
enum { DEFAULT_LIFE = 60, MAX_LIFE = 86400 };

#define MAX_TOKEN ((size_t)64 << 10)

void reg_token_done(struct reg_token *t)
{
	reg_wipe(t->header);
	reg_wipe(t->refresh);
	free(t->header);
	free(t->refresh);
	*t = (struct reg_token){0};
}

/* It becomes a line of a request: nothing that could end the line, or begin another word. */
static bool is_plain(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return *text != '\0';
}

static int read_members(const struct json *json, struct reg_token *ret)
{
	const char *text = json_string(json, "token"), *refresh = json_string(json, "refresh_token");
	int64_t life = DEFAULT_LIFE;
	struct buf header;
	int r;

	if (!text || !*text)
		text = json_string(json, "access_token");
	if (!text || !is_plain(text))
		return -EBADMSG;
	json_size(json, "expires_in", &life);
	if (life <= 0) /* it was not meant: nobody hands out what cannot be used */
		life = DEFAULT_LIFE;
	ret->life_ms = (uint64_t)(life < MAX_LIFE ? life : MAX_LIFE) * 1000;
	buf_init(&header, MAX_TOKEN);
	r = buf_printf(&header, "Bearer %s", text);
	ret->header = header.data;
	if (r == 0 && refresh && *refresh && strlen(refresh) < MAX_TOKEN) {
		ret->refresh = strdup(refresh);
		r = ret->refresh ? 0 : -ENOMEM;
	}
	return r;
}

int reg_token_read(const struct buf *body, struct reg_token *ret, struct reg_error *error)
{
	struct json *json = json_parse(body->data, body->size);
	struct reg_token t = {0};
	const int r = read_members(json, &t);

	json_wipe(json);
	if (r == 0) {
		*ret = t;
		return 0;
	}
	reg_token_done(&t);
	if (r == -EBADMSG)
		return reg_fail(error, r, "the token server's answer holds no token");
	return reg_fail(error, r, r == -EFBIG ? "the token server's answer is too large" : "out of memory");
}

/* The middle one of the three parts of a JWT (RFC 7515, 3.1), decoded. */
static struct json *read_claims(const char *jwt)
{
	const char *const middle = strchr(jwt, '.');
	const size_t n = middle ? strcspn(middle + 1, ".") : 0;
	char *text = n && n < MAX_TOKEN && middle[1 + n] == '.' ? malloc(n + 4) : NULL, *plain;
	struct json *claims = NULL;
	size_t size = n;

	if (!text)
		return NULL;
	memcpy(text, middle + 1, n);
	for (size_t k = 0; k < n; k++)
		text[k] = text[k] == '-' ? '+' : text[k] == '_' ? '/' : text[k];
	while (size % 4)
		text[size++] = '=';
	text[size] = '\0';
	plain = reg_base64_decode(text, &size);
	if (plain)
		claims = json_parse(plain, size);
	reg_wipe(text);
	free(text);
	free(plain);
	return claims;
}

static int add_scope(struct buf *out, const struct json *entry)
{
	const char *const type = json_string(entry, "type"), *const name = json_string(entry, "name");
	const struct json *action = json_first(json_array(entry, "actions"));
	char mark = ':';
	int r;

	if (!type || !name || strpbrk(type, " :") || strchr(name, ' ') || !action)
		return 0;
	r = buf_printf(out, "%s%s:%s", out->size ? " " : "", type, name);
	for (; action && r == 0; action = json_next(action), mark = ',')
		r = buf_printf(out, "%c%s", mark, json_text(action) ? json_text(action) : "");
	return r;
}

char *reg_token_scopes(const char *header)
{
	struct json *claims = strncmp(header, "Bearer ", 7) == 0 ? read_claims(header + 7) : NULL;
	const struct json *const access = json_array(claims, "access");
	struct buf out;
	int r = access ? 0 : -ENOENT;

	buf_init(&out, MAX_TOKEN);
	if (r == 0)
		r = buf_puts(&out, "");
	for (const struct json *e = json_first(access); e && r == 0; e = json_next(e))
		r = add_scope(&out, e);
	json_free(claims);
	if (r == 0 && out.data)
		return out.data;
	buf_done(&out);
	return r == 0 ? strdup("") : NULL;
}
