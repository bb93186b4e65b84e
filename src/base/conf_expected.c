/* SPDX-License-Identifier: BSD-2-Clause */
/* What an option takes, in words: for error messages and the sample file. */
#include "conf_int.h"

#include <inttypes.h>
#include <string.h>

/* The shortest text of a time: "5m", not "300000ms". */
static void put_ms(char buf[static 32], int64_t ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	size_t i = 0;

	while (ms % units[i].ms != 0 || ms < units[i].ms) {
		if (++i == sizeof(units) / sizeof(units[0]) - 1)
			break;
	}
	snprintf(buf, 32, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
}

/* "both|caller|off" as "both, caller or off". */
static void put_words(char buf[static CONF_EXPECTED_STR], const char *words)
{
	size_t at = 0;

	for (size_t len; *words && at < CONF_EXPECTED_STR; words += len + (words[len] == '|')) {
		const char *before = ", ";

		len = strcspn(words, "|");
		if (at == 0)
			before = "";
		else if (!words[len])
			before = " or ";
		at += (size_t)snprintf(buf + at, CONF_EXPECTED_STR - at, "%s%.*s", before, (int)len,
				       words);
	}
}

static void put_range(char buf[static CONF_EXPECTED_STR], const struct ntm_opt *opt)
{
	bool bound = opt->min != 0 || opt->max != 0;
	char min[32], max[32];

	if (opt->type == NTM_OPT_MS) {
		put_ms(min, opt->min);
		put_ms(max, opt->max);
	} else {
		snprintf(min, sizeof(min), "%" PRId64, opt->min);
		snprintf(max, sizeof(max), "%" PRId64, opt->max);
	}
	if (bound)
		snprintf(buf, CONF_EXPECTED_STR, "%s to %s", min, max);
	else
		snprintf(buf, CONF_EXPECTED_STR, "%s",
			 opt->type == NTM_OPT_MS ? "a time such as 200ms, 20s, 5m, 24h or 7d"
						 : "a number");
}

const char *conf_value_expected(const struct ntm_opt *opt, char buf[static CONF_EXPECTED_STR])
{
	static const char *const texts[] = {
		[NTM_OPT_STRING] = "",
		[NTM_OPT_PATH] = "an absolute path",
		[NTM_OPT_BOOL] = "yes or no",
		[NTM_OPT_ADDR] = "an address such as 192.0.2.1 or [2001:db8::1]:4330",
		[NTM_OPT_PREFIX] = "a prefix such as 198.18.0.0/16, host bits zero",
		[NTM_OPT_STRINGS] = "words",
		[NTM_OPT_PORTS] = "ports, 1 to 65535",
		[NTM_OPT_ADDRS] = "addresses such as 192.0.2.1 or [2001:db8::1]:4330",
		[NTM_OPT_NAMES] = "DNS names such as sip.example.org",
		[NTM_OPT_TITLE] = "a name such as gw or gw.example.org",
	};

	if (opt->type == NTM_OPT_ENUM)
		put_words(buf, opt->words);
	else if (opt->type == NTM_OPT_INT || opt->type == NTM_OPT_MS)
		put_range(buf, opt);
	else if (opt->type == NTM_OPT_PREFIXES)
		snprintf(buf, CONF_EXPECTED_STR,
			 "prefixes such as 192.0.2.0/24, host bits zero, of addresses that can be "
			 "sent to, not wider than /%" PRId64 " (IPv4) and /%" PRId64 " (IPv6); or "
			 "0.0.0.0/0 or ::/0, everything",
			 opt->min, opt->max);
	else
		snprintf(buf, CONF_EXPECTED_STR, "%s", texts[opt->type]);
	return buf;
}
