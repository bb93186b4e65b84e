/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text as a configuration file with an option of every type. */
#include "ntm/conf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct conf {
	char *name, *dir;
	bool on;
	int64_t count, wait_ms;
	int hold;
	struct ntm_addr dc;
	struct ntm_prefix prefix;
	struct ntm_strings domains;
	struct ntm_ports ports;
	struct ntm_addrs servers;
	struct {
		size_t count;
		struct way {
			char *title;
			struct ntm_prefixes prefixes;
			struct ntm_strings names;
			bool on;
		} item[2];
	} ways;
};

#define AT(member) offsetof(struct conf, member)
static const struct ntm_opt node_opts[] = {
	{"name", NTM_OPT_STRING, AT(name), "x", 0, 0, NULL, ""},
	{"dir", NTM_OPT_PATH, AT(dir), "/x", 0, 0, NULL, ""},
	{"on", NTM_OPT_BOOL, AT(on), "yes", 0, 0, NULL, ""},
	{"count", NTM_OPT_INT, AT(count), "5", -10, 10, NULL, ""},
	{"wait", NTM_OPT_MS, AT(wait_ms), "20s", 1000, 300000, NULL, ""},
	{0},
};
static const struct ntm_opt sip_opts[] = {
	{"hold", NTM_OPT_ENUM, AT(hold), "both", 0, 0, "both|caller|off", ""},
	{"dc", NTM_OPT_ADDR, AT(dc), NULL, 4330, 0, NULL, ""},
	{"prefix", NTM_OPT_PREFIX, AT(prefix), NULL, 0, 0, NULL, ""},
	{"domains", NTM_OPT_STRINGS, AT(domains), "a b", 0, 0, NULL, ""},
	{"ports", NTM_OPT_PORTS, AT(ports), "5060", 0, 0, NULL, ""},
	{"servers", NTM_OPT_ADDRS, AT(servers), NULL, 53, 0, NULL, ""},
	{0},
};
static const struct ntm_opt way_opts[] = {
	{"NAME", NTM_OPT_TITLE, AT(ways), NULL, sizeof(struct way), 2, NULL, ""},
	{"prefixes", NTM_OPT_PREFIXES, offsetof(struct way, prefixes), "", 8, 16, NULL, ""},
	{"names", NTM_OPT_NAMES, offsetof(struct way, names), "a.example", 0, 0, NULL, ""},
	{"on", NTM_OPT_BOOL, offsetof(struct way, on), "yes", 0, 0, NULL, ""},
	{0},
};
static const struct ntm_section sections[] = {{"node", node_opts},
					      {"sip", sip_opts},
					      {"way", way_opts},
					      {0}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool are_ways(const struct conf *conf)
{
	for (size_t i = 0; i < conf->ways.count; i++) {
		const struct way *way = &conf->ways.item[i];

		if (!way->title || !way->title[0] || way->names.count > NTM_LIST_MAX)
			return false;
		for (size_t j = 0; j < way->prefixes.count; j++)
			if (way->prefixes.item[j].len < 8)
				return false;
	}
	return conf->ways.count <= 2;
}

/* Whether no value got past its check. */
static bool is_sound(const struct conf *conf)
{
	for (size_t i = 0; i < conf->ports.count; i++) {
		if (conf->ports.item[i] == 0)
			return false;
	}
	return are_ways(conf) && conf->name && conf->dir && conf->dir[0] == '/' &&
	       conf->count >= -10 && conf->count <= 10 && conf->wait_ms >= 1000 &&
	       conf->wait_ms <= 300000 && conf->hold >= 0 && conf->hold <= 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = size > 0 ? strndup((const char *)data, size) : strdup("");
	struct conf conf;
	char err[256];
	int rc;

	if (!text)
		abort();
	rc = ntm_conf_read_text(text, "f", sections, &conf, err, sizeof(err));
	/* An error is told and leaves nothing (a leak is the sanitizer's to find). */
	if (rc < 0 ? !err[0] || conf.name || conf.domains.count > 0 || conf.ways.count > 0
		   : err[0] || !is_sound(&conf))
		abort();
	if (rc == 0)
		ntm_conf_free(sections, &conf);
	free(text);
	return 0;
}
