/* SPDX-License-Identifier: BSD-2-Clause */
/* The DNS client's settings, as libunbound's; whatever is wrong with them is found here. */
#include "dnsclient_int.h"

#include "ntm/addr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unbound.h>
#include <unistd.h>

#define DNS_PORT     53
#define DESCRIPTORS  16 /* it takes 4, its thread 5, and one a question */
#define STRING(x)    #x
#define NUMBER(x)    STRING(x)
#define STUB_STR     1024
#define SERVER_STR   (NTM_IP_STR + sizeof("@65535"))
#define PROBE_ZONE   "invalid."
#define IS_BLANK(ch) ((ch) == ' ' || (ch) == '\t')

struct setup {
	struct ub_ctx *ub;
	char *words;
	size_t words_len;
};

static const struct {
	const char *name, *value;
} options[] = {
	{"cache-max-negative-ttl:", NUMBER(NTM_DNSCLIENT_NEGATIVE_S)},
	/* A "no" that is concluded from NSEC records would live as long as they do. */
	{"aggressive-nsec:", "no"},
	/* Virtual addresses are private ones: their reverse zones are asked for, not denied by
	 * zones that are built in. */
	{"unblock-lan-zones:", "yes"},
	/* Servers that were down are asked again within seconds. */
	{"infra-keep-probing:", "yes"},
	{"infra-host-ttl:", "5"},
	{"infra-cache-max-rtt:", "1000"},
	/* What is asked goes out after 0, 0.2, 0.4, 0.8, 1.2 and 2 s, about as long as who asked
	 * waits; of two servers, a live one is asked within 1.2 s. Then the failure is believed for
	 * 5 s, which cannot be set. A near resolver may need long for far names: no less than this
	 * for it either. */
	{"unknown-server-time-limit:", "200"},
	{"infra-cache-min-rtt:", "200"},
	{"outbound-msg-retry:", "3"},
	{"val-bogus-ttl:", NUMBER(NTM_DNSCLIENT_NEGATIVE_S)},
	/* A call waits for each of its round trips, ip6.arpa has 32 labels. */
	{"qname-minimisation:", "no"},
	{"trust-anchor-signaling:", "no"},
	/* A socket for each open question, so that a dead server does not keep others waiting. */
	{"outgoing-range:", NUMBER(NTM_DNSCLIENT_OPEN_MAX)},
};

static int fault(const struct setup *setup, const char *list, const char *expected, const char *got)
{
	snprintf(setup->words, setup->words_len, "%s: expected %s, got '%.80s'", list, expected,
		 got);
	return -EINVAL;
}

/* 0, -ENOMEM, or -EINVAL for a value that libunbound does not take. */
static int verdict(int ub_err)
{
	return ub_err == UB_NOERROR ? 0 : ub_err == UB_NOMEM ? -ENOMEM : -EINVAL;
}

bool dnsclient_has_descriptors(void)
{
	int spare[DESCRIPTORS];
	size_t count = 0;

	while (count < DESCRIPTORS && (spare[count] = eventfd(0, EFD_CLOEXEC)) >= 0)
		count++;
	for (size_t i = 0; i < count; i++)
		close(spare[i]);
	return count == DESCRIPTORS;
}

bool dnsclient_is_name(const char *text)
{
	size_t label = 0, len = strlen(text);

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		label = text[i] == '.' ? 0 : label + 1;
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '\\' || label > 63 ||
		    (label == 0 && (i == 0 || text[i - 1] == '.')))
			return false;
	}
	return label > 0;
}

static bool is_zone(const char *text)
{
	return strcmp(text, ".") == 0 || dnsclient_is_name(text);
}

/* "192.0.2.53@5353" in the form that libunbound takes; its own reading of ports is lax. */
static int parse_server(const char *text, char out[static SERVER_STR])
{
	const char *at = strchr(text, '@');
	size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
	char host[NTM_IP_STR], *end = NULL;
	struct ntm_ip ip;
	unsigned long port = DNS_PORT;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (ntm_ip_parse(&ip, host) != 0)
		return -EINVAL;
	if (at != NULL) {
		if (at[1] < '0' || at[1] > '9')
			return -EINVAL;
		port = strtoul(at + 1, &end, 10);
		if (*end != '\0' || port == 0 || port > UINT16_MAX)
			return -EINVAL;
	}
	snprintf(out, SERVER_STR, "%s@%lu", ntm_ip_str(&ip, host), port);
	return 0;
}

#define ANCHOR_FORM "a DS or DNSKEY record, or the absolute path of a file with such"
#define SERVER_FORM "an address such as 192.0.2.53 or 192.0.2.53@5353"

static int set_servers(const struct setup *setup, const char *const *servers)
{
	char server[SERVER_STR];
	int err = 0;

	for (; *servers != NULL && err == 0; servers++) {
		if (parse_server(*servers, server) != 0)
			return fault(setup, "servers", SERVER_FORM, *servers);
		err = verdict(ub_ctx_set_fwd(setup->ub, server));
	}
	return err;
}

/* A file that is missing or odd is no reason not to start: then the root servers are asked. */
static int set_resolv_conf(const struct setup *setup, const char *path)
{
	int ub_err = ub_ctx_resolvconf(setup->ub, path != NULL ? path : "/etc/resolv.conf");

	return ub_err == UB_NOMEM ? -ENOMEM : 0;
}

/* Splits text in place; NULL at its end. */
static char *next_word(char **rest)
{
	char *word = *rest;

	while (IS_BLANK(*word))
		word++;
	if (*word == '\0')
		return NULL;
	*rest = word;
	while (**rest != '\0' && !IS_BLANK(**rest))
		++*rest;
	if (**rest != '\0')
		*(*rest)++ = '\0';
	return word;
}

static int set_stub(const struct setup *setup, const char *entry)
{
	char text[STUB_STR], server[SERVER_STR], *rest = text, *word;
	int len = snprintf(text, sizeof(text), "%s", entry);
	const char *zone = len < STUB_STR ? next_word(&rest) : NULL;
	size_t count = 0;
	int err = 0;

	if (zone == NULL || !is_zone(zone))
		return fault(setup, "stub_zones", "ZONE ADDRESS...", entry);
	while (err == 0 && (word = next_word(&rest)) != NULL) {
		if (parse_server(word, server) != 0)
			return fault(setup, "stub_zones", SERVER_FORM, word);
		err = verdict(ub_ctx_set_stub(setup->ub, zone, server, 0));
		count++;
	}
	if (err == 0 && count == 0)
		return fault(setup, "stub_zones", "an address behind the zone", entry);
	return err;
}

static int set_zones(const struct setup *setup, const struct ntm_dnsclient_args *args)
{
	const char *const *zone = args->insecure_zones;
	int err = 0;

	for (; zone != NULL && *zone != NULL && err == 0; zone++) {
		if (!is_zone(*zone))
			return fault(setup, "insecure_zones", "a DNS name", *zone);
		err = verdict(ub_ctx_set_option(setup->ub, "domain-insecure:", *zone));
	}
	zone = args->stub_zones;
	for (; zone != NULL && *zone != NULL && err == 0; zone++)
		err = set_stub(setup, *zone);
	return err;
}

/* Reads trust anchors, and makes libunbound refuse every later change. */
static int finalize(struct ub_ctx *ub)
{
	return verdict(ub_ctx_zone_add(ub, PROBE_ZONE, "static"));
}

static struct ub_ctx *new_context(void)
{
	struct ub_ctx *ub = ub_ctx_create();

	/* Else it writes to stderr what concerns nobody there. */
	if (ub != NULL)
		ub_ctx_debugout(ub, NULL);
	return ub;
}

static int add_anchor(struct ub_ctx *ub, const char *anchor)
{
	return verdict(*anchor == '/' ? ub_ctx_add_ta_file(ub, anchor) : ub_ctx_add_ta(ub, anchor));
}

/* Whether a line has the type of an anchor as one of its words; a comment has none. */
static bool has_anchor(char *line)
{
	char *rest = line, *word;

	line[strcspn(line, ";\n")] = '\0';
	while ((word = next_word(&rest)) != NULL) {
		if (strcasecmp(word, "DS") == 0 || strcasecmp(word, "DNSKEY") == 0)
			return true;
	}
	return false;
}

/* libunbound takes a file without anchors, and reads a directory for ever. */
static int find_anchor(const char *path, bool *found)
{
	struct stat st;
	char *line = NULL;
	size_t cap = 0;

	if (stat(path, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ESPIPE;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return -errno;
	while (!*found && getline(&line, &cap, file) > 0)
		*found = has_anchor(line);
	free(line);
	fclose(file);
	return 0;
}

static int check_anchor_file(const struct setup *setup, const char *path)
{
	bool found = false;
	int err = find_anchor(path, &found);

	if (err == 0)
		return found ? 0 : fault(setup, "trust_anchors", ANCHOR_FORM, path);
	snprintf(setup->words, setup->words_len, "trust_anchors: cannot read '%.80s': %s", path,
		 strerror(-err));
	return -EINVAL;
}

static int check_anchor_text(const struct setup *setup, const char *anchor)
{
	char *copy = strdup(anchor);
	int err = copy == NULL ? -ENOMEM : 0;

	if (err == 0 && !has_anchor(copy))
		err = fault(setup, "trust_anchors", ANCHOR_FORM, anchor);
	free(copy);
	return err;
}

/* libunbound says of all anchors together whether they are good: so each is tried alone. */
static int check_anchor(const struct setup *setup, const char *anchor)
{
	int err = *anchor == '/' ? check_anchor_file(setup, anchor)
				 : check_anchor_text(setup, anchor);

	if (err != 0)
		return err;
	struct ub_ctx *ub = new_context();
	err = ub == NULL ? -ENOMEM : add_anchor(ub, anchor);
	if (err == 0)
		err = finalize(ub);
	ub_ctx_delete(ub);
	return err == -EINVAL ? fault(setup, "trust_anchors", ANCHOR_FORM, anchor) : err;
}

static int set_anchors(const struct setup *setup, const char *const *anchors)
{
	int err = 0;

	for (; *anchors != NULL && err == 0; anchors++) {
		err = check_anchor(setup, *anchors);
		if (err == 0)
			err = add_anchor(setup->ub, *anchors);
	}
	return err;
}

/* The first word of "ZONE ADDRESS...", which was checked. */
static int open_zone(const struct setup *setup, const char *entry)
{
	char text[STUB_STR], *rest = text;

	snprintf(text, sizeof(text), "%s", entry);
	return verdict(ub_ctx_zone_add(setup->ub, next_word(&rest), "transparent"));
}

static int set_options(const struct setup *setup)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		int err = verdict(ub_ctx_set_option(setup->ub, options[i].name, options[i].value));
		if (err != 0)
			return fault(setup, "libunbound", options[i].name, ub_version());
	}
	return verdict(ub_ctx_async(setup->ub, 1));
}

static int set_all(const struct setup *setup, const struct ntm_dnsclient_args *args)
{
	bool has_servers = args->servers != NULL && args->servers[0] != NULL;
	int err = set_options(setup);

	if (err == 0)
		err = has_servers ? set_servers(setup, args->servers)
				  : set_resolv_conf(setup, args->resolv_conf);
	if (err == 0)
		err = set_zones(setup, args);
	if (err == 0 && args->trust_anchors != NULL)
		err = set_anchors(setup, args->trust_anchors);
	if (err == 0)
		err = finalize(setup->ub);
	/* A zone that the operator names goes before those that libunbound has built in. */
	for (const char *const *stub = args->stub_zones; stub != NULL && *stub != NULL && err == 0;
	     stub++)
		err = open_zone(setup, *stub);
	return err;
}

int dnsclient_setup(const struct ntm_dnsclient_args *args, struct ub_ctx **out, char *words,
		    size_t words_len)
{
	struct setup setup = {.words = words, .words_len = words_len};

	if (words_len > 0)
		*words = '\0';
	if (!dnsclient_has_descriptors())
		return -EMFILE;
	setup.ub = new_context();
	int err = setup.ub == NULL ? -ENOMEM : set_all(&setup, args);
	if (err != 0)
		ub_ctx_delete(setup.ub);
	else
		*out = setup.ub;
	return err;
}

int ntm_dnsclient_check(const struct ntm_dnsclient_args *args, char *words, size_t words_len)
{
	struct ub_ctx *ub = NULL;
	int err = dnsclient_setup(args, &ub, words, words_len);

	ub_ctx_delete(ub);
	return err;
}
