/* SPDX-License-Identifier: MIT */
#include "proxy.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

#define PROXY "http://proxy:3128"

static void clear(void)
{
	static const char *const names[] = {"HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
					    "https_proxy", "ALL_PROXY",  "all_proxy",
					    "NO_PROXY",    "no_proxy",   "REQUEST_METHOD"};

	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		unsetenv(names[k]);
}

static const struct {
	const char *why, *except, *origin;
	bool proxied;
} exceptions[] = {
	{"nothing is excepted", "", "https://reg.example:443", true},
	{"the name itself", "reg.example", "https://reg.example:443", false},
	{"a name below it", "example", "https://reg.example:443", false},
	{"a name that ends alike", "eg.example", "https://reg.example:443", true},
	{"in another case", "REG.Example", "https://reg.example:443", false},
	{"only what is below", ".reg.example", "https://reg.example:443", true},
	{"below a dot", ".example", "https://reg.example:443", false},
	{"below a star", "*.example", "https://reg.example:443", false},
	{"a star is everything", "*", "https://reg.example:443", false},
	{"a star in the midst is nothing", "r*g.example", "https://reg.example:443", true},
	{"the port", "reg.example:443", "https://reg.example:443", false},
	{"another port", "reg.example:5000", "https://reg.example:443", true},
	{"a colon alone is no port", "reg.example:", "https://reg.example:443", false},
	{"one of several", "a, b ,reg.example,c", "https://reg.example:443", false},
	{"between spaces, as curl has it", "a reg.example c", "https://reg.example:443", false},
	{"empty ones", ",,", "https://reg.example:443", true},
	{"an address", "192.0.2.7", "https://192.0.2.7:443", false},
	{"another address", "192.0.2.8", "https://192.0.2.7:443", true},
	{"an address and its port", "192.0.2.7:5000", "https://192.0.2.7:5000", false},
	{"an address and another port", "192.0.2.7:443", "https://192.0.2.7:5000", true},
	{"a network", "192.0.2.0/24", "https://192.0.2.7:443", false},
	{"a network with odd bits", "192.0.2.0/29", "https://192.0.2.7:443", false},
	{"beyond them", "192.0.2.0/29", "https://192.0.2.8:443", true},
	{"every network", "0.0.0.0/0", "https://192.0.2.8:443", false},
	{"no network", "192.0.2.0/33", "https://192.0.2.8:443", true},
	{"no number", "192.0.2.0/x", "https://192.0.2.8:443", true},
	{"a network is no name", "192.0.2.0/24", "https://reg.example:443", true},
	{"an IPv6 address", "2001:db8::7", "https://[2001:db8::7]:443", false},
	{"in brackets", "[2001:db8::7]", "https://[2001:db8::7]:443", false},
	{"in brackets, with its port", "[2001:db8::7]:443", "https://[2001:db8::7]:443", false},
	{"in brackets, with another", "[2001:db8::7]:5000", "https://[2001:db8::7]:443", true},
	{"an IPv6 network", "2001:db8::/32", "https://[2001:db8::7]:443", false},
	{"of another family", "::/0", "https://192.0.2.7:443", true},
	{"localhost needs none", "", "https://localhost:443", false},
	{"nor does loopback", "", "https://127.1.2.3:5000", false},
	{"of either family", "", "https://[::1]:5000", false},
	{"a name that begins so does", "", "https://localhost.example:443", true},
	{"what nobody meant", "]", "https://reg.example:443", true},
	{"nor this", "[:", "https://reg.example:443", true},
	{"nor this", ":", "https://reg.example:443", true},
	{"nor this", "[]", "https://reg.example:443", true},
};

static void excepted(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(exceptions); k++) {
		struct proxies p;
		const char *chosen;

		clear();
		setenv("HTTPS_PROXY", PROXY, 1);
		setenv(k % 2 ? "NO_PROXY" : "no_proxy", exceptions[k].except, 1);
		assert_int_equal(proxies_init(&p, NULL), 0);
		chosen = proxies_choose(&p, exceptions[k].origin);
		check_text(chosen, exceptions[k].proxied ? PROXY : NULL, exceptions[k].why);
		proxies_done(&p);
	}
}

static void names(void **state)
{
	static const struct {
		const char *why, *names[2], *http, *https;
	} cases[] = {
		{"for https alone", {"HTTPS_PROXY"}, NULL, "http://0"},
		{"in lower case", {"https_proxy"}, NULL, "http://0"},
		{"for http alone", {"HTTP_PROXY"}, "http://0", NULL},
		{"in lower case", {"http_proxy"}, "http://0", NULL},
		{"upper case first", {"https_proxy", "HTTPS_PROXY"}, NULL, "http://1"},
		{"for all", {"ALL_PROXY"}, "http://0", "http://0"},
		{"for all others", {"ALL_PROXY", "https_proxy"}, "http://0", "http://1"},
		{"a CGI program believes no header", {"HTTP_PROXY", "REQUEST_METHOD"}, NULL, NULL},
		{"but what is no header", {"http_proxy", "REQUEST_METHOD"}, "http://0", NULL},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct proxies p;

		clear();
		for (size_t n = 0; n < 2 && cases[k].names[n]; n++)
			setenv(cases[k].names[n], n ? "1" : "http://0", 1);
		assert_int_equal(proxies_init(&p, NULL), 0);
		check_text(proxies_choose(&p, "http://reg.example:80"), cases[k].http, cases[k].why);
		check_text(proxies_choose(&p, "https://reg.example:443"), cases[k].https, cases[k].why);
		proxies_done(&p);
	}
}

static void refused(void **state)
{
	static const char *const bad[] = {"ftp://joe:hunter2@proxy", "http://joe:hunter2@",
					  "http://joe:hunter2@[p", "http://joe:hunter2@p:port"};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		struct reg_error e = {0};
		struct proxies p;

		clear();
		setenv("HTTPS_PROXY", bad[k], 1);
		check_int(proxies_init(&p, &e), -EINVAL, bad[k]);
		check(strstr(e.msg, "HTTPS_PROXY") && !strstr(e.msg, "hunter"), bad[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(excepted), cmocka_unit_test(names),
					   cmocka_unit_test(refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
