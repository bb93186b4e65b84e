/* SPDX-License-Identifier: BSD-2-Clause */
/* dc.conf as a table of options, and the checks that look at more than one value. */
#include "dc_conf.h"

#include "ntm/dnsserve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct dc_conf, member)

static const struct ntm_opt dc_opts[] = {
	{"domain", NTM_OPT_STRING, AT(domain), "", 0, 0, NULL,
	 "DNS zone of the domain, such as ntm.example"},
	{"addresses", NTM_OPT_ADDRS, AT(addresses), "", 4330, 0, NULL,
	 "public addresses of this DC, at most one of each family"},
	{"prefix4", NTM_OPT_PREFIX, AT(prefix4), NULL, 0, 0, NULL,
	 "virtual IPv4 addresses; unset: a /20 of 198.18.0.0/15, drawn by the root key"},
	{"prefix6", NTM_OPT_PREFIX, AT(prefix6), NULL, 0, 0, NULL,
	 "virtual IPv6 addresses; unset: a ULA prefix, drawn by the root key"},
	{"sip", NTM_OPT_STRINGS, AT(sip), "", 0, 0, NULL,
	 "nodes with the domain's SIP servers, first choice first (SRV _sip._udp)"},
	{"state_dir", NTM_OPT_PATH, AT(state_dir), NTM_STATEDIR, 0, 0, NULL,
	 "directory of the keys and the database"},
	{"run_dir", NTM_OPT_PATH, AT(run_dir), NTM_RUNDIR, 0, 0, NULL,
	 "directory of the control socket dc.sock"},
	{"user", NTM_OPT_STRING, AT(user), "ntm", 0, 0, NULL,
	 "user that the daemon becomes; \"\" stays who started it"},
	{"log_level", NTM_OPT_ENUM, AT(log_level), "info", 0, 0, "err|warn|info|debug|trace",
	 "what is logged"},
	{.name = NULL},
};

static const struct ntm_opt dns_opts[] = {
	{"serve", NTM_OPT_BOOL, AT(dns), "yes", 0, 0, NULL, "answer DNS for the domain"},
	{"listen", NTM_OPT_ADDRS, AT(dns_listen), "0.0.0.0 ::", 53, 0, NULL,
	 "addresses that DNS is answered on"},
	{.name = NULL},
};

static const struct ntm_opt node_opts[] = {
	{"cert_lifetime", NTM_OPT_MS, AT(cert_lifetime_ms), "7d", 3600000, 31536000000, NULL,
	 "validity of node certificates; renewed at half of it"},
	{"keepalive", NTM_OPT_MS, AT(keepalive_ms), "25s", 1000, 300000, NULL,
	 "how often nodes behind a NAT send something, at least"},
	{"lifetime", NTM_OPT_MS, AT(lifetime_ms), "120s", 10000, 86400000, NULL,
	 "validity of a registration"},
	{"rekey", NTM_OPT_MS, AT(rekey_ms), "120s", 2000, 3600000, NULL,
	 "age of session keys at which new ones are made"},
	{.name = NULL},
};

static const struct ntm_opt relay_opts[] = {
	{"account_flows", NTM_OPT_INT, AT(relay_account_flows), "200", 0, 1000000, NULL,
	 "flows at each relay for the nodes of one other domain; 0: as many as it takes"},
	{"account_kbit", NTM_OPT_INT, AT(relay_account_kbit), "50000", 0, 4000000000, NULL,
	 "kbit/s that each relay forwards for the nodes of one other domain; 0: no limit"},
	{"flow_kbit", NTM_OPT_INT, AT(relay_flow_kbit), "0", 0, 4000000000, NULL,
	 "kbit/s that one node may send to another through a relay; 0: no limit"},
	{.name = NULL},
};

static const struct ntm_opt resolver_opts[] = {
	{"servers", NTM_OPT_STRINGS, AT(servers), "", 0, 0, NULL,
	 "resolvers to find other domains with, such as 192.0.2.53 or 192.0.2.53@5353; none: those "
	 "of /etc/resolv.conf"},
	{"stub_zones", NTM_OPT_STRINGS, AT(stub_zones), "", 0, 0, NULL,
	 "zones whose own servers are asked: \"ZONE ADDRESS...\""},
	{"trust_anchors", NTM_OPT_STRINGS, AT(trust_anchors), "", 0, 0, NULL,
	 "DS or DNSKEY records, or files with them such as /usr/share/dns/root.key; none: no "
	 "DNSSEC"},
	{"insecure_zones", NTM_OPT_STRINGS, AT(insecure_zones), "", 0, 0, NULL,
	 "zones that are not signed although those above them are"},
	{.name = NULL},
};

const struct ntm_section dc_conf_sections[] = {
	{"dc", dc_opts},      {"dns", dns_opts},      {"resolver", resolver_opts},
	{"nodes", node_opts}, {"relays", relay_opts}, {NULL, NULL},
};

static const char *find_fault(const struct dc_conf *conf)
{
	char name[NTM_NAME_MAX + 1];

	if (conf->domain[0] == '\0')
		return "dc domain: not set; `ntm-dc init --domain ... --address ...` writes a "
		       "configuration";
	if (ntm_name_canon(name, conf->domain) != 0 || strchr(name, '.') == NULL)
		return "dc domain: expected a DNS name with at least two labels";
	if (conf->addresses.count == 0)
		return "dc addresses: none; nodes have to reach the DC somewhere";
	if (conf->addresses.count > 2 ||
	    (conf->addresses.count == 2 &&
	     conf->addresses.item[0].ip.family == conf->addresses.item[1].ip.family))
		return "dc addresses: expected at most one of each family";
	if (conf->addresses.count == 2 &&
	    conf->addresses.item[0].port != conf->addresses.item[1].port)
		return "dc addresses: expected the same port for both, DNS tells one";
	for (size_t i = 0; i < conf->addresses.count; i++)
		if (!ntm_ip_is_usable(&conf->addresses.item[i].ip) ||
		    conf->addresses.item[i].port == 0)
			return "dc addresses: expected addresses that nodes can send to";
	for (size_t i = 0; i < conf->addresses.count; i++)
		if (ntm_prefix_has(&conf->prefix4, &conf->addresses.item[i].ip) ||
		    ntm_prefix_has(&conf->prefix6, &conf->addresses.item[i].ip))
			return "dc addresses: one is inside the virtual prefixes";
	if (conf->prefix4.ip.family != 0 &&
	    (conf->prefix4.ip.family != 4 || conf->prefix4.len > 29))
		return "dc prefix4: expected an IPv4 prefix of at most 29 bits";
	if (conf->prefix6.ip.family != 0 &&
	    (conf->prefix6.ip.family != 6 || conf->prefix6.len > 112))
		return "dc prefix6: expected an IPv6 prefix of at most 112 bits";
	for (size_t i = 0; i < conf->sip.count; i++)
		if (dc_conf_name(conf, conf->sip.item[i], name) != 0)
			return "dc sip: expected names of nodes";
	if (conf->sip.count > ZONE_SIP_HOSTS)
		return "dc sip: expected at most 8 names";
	if (conf->dns_listen.count > NTM_DNSSERVE_ADDRS)
		return "dns listen: expected at most 16 addresses";
	if (strlen(conf->state_dir) > 200 || strlen(conf->run_dir) > 90)
		return "dc: state_dir or run_dir is too long";
	return NULL;
}

static const char *const *list_of(const struct ntm_strings *strings)
{
	return (const char *const *)strings->item;
}

struct ntm_dnsclient_args dc_conf_resolver(const struct dc_conf *conf)
{
	return (struct ntm_dnsclient_args){
		.servers = list_of(&conf->servers),
		.stub_zones = list_of(&conf->stub_zones),
		.trust_anchors = list_of(&conf->trust_anchors),
		.insecure_zones = list_of(&conf->insecure_zones),
	};
}

static int check_resolver(const struct dc_conf *conf, char *words, size_t words_len)
{
	struct ntm_dnsclient_args args = dc_conf_resolver(conf);

	if (conf->servers.count + conf->stub_zones.count + conf->trust_anchors.count +
		    conf->insecure_zones.count ==
	    0)
		return 0;
	return ntm_dnsclient_check(&args, words, words_len);
}

static int check(struct dc_conf *conf, const char *name, char *words, size_t words_len)
{
	char resolver_words[200] = "";
	const char *fault = find_fault(conf);
	int err = fault != NULL ? -EINVAL
				: check_resolver(conf, resolver_words, sizeof(resolver_words));

	if (err == 0)
		return 0;
	if (fault != NULL)
		snprintf(words, words_len, "%s: %s", name, fault);
	else
		snprintf(words, words_len, "%s: resolver %s", name,
			 err == -EINVAL ? resolver_words : strerror(-err));
	dc_conf_free(conf);
	return err;
}

int dc_conf_parse(struct dc_conf *conf, const char *text, char *words, size_t words_len)
{
	int err = ntm_conf_read_text(text, "dc.conf", dc_conf_sections, conf, words, words_len);

	return err != 0 ? err : check(conf, "dc.conf", words, words_len);
}

int dc_conf_load(struct dc_conf *conf, const char *path, char *words, size_t words_len)
{
	if (path == NULL)
		path = DC_CONF_PATH;
	int err = ntm_conf_read(path, dc_conf_sections, conf, words, words_len);
	return err != 0 ? err : check(conf, path, words, words_len);
}

void dc_conf_free(struct dc_conf *conf)
{
	ntm_conf_free(dc_conf_sections, conf);
}

const char *dc_conf_socket(const struct dc_conf *conf, char buf[static DC_PATH_STR])
{
	snprintf(buf, DC_PATH_STR, "%s/dc.sock", conf->run_dir);
	return buf;
}

const char *dc_conf_file(const struct dc_conf *conf, const char *name, char buf[static DC_PATH_STR])
{
	snprintf(buf, DC_PATH_STR, "%s/%s", conf->state_dir, name);
	return buf;
}

int dc_conf_name(const struct dc_conf *conf, const char *name, char out[static NTM_NAME_MAX + 1])
{
	return ntm_name_complete(out, name, conf->domain);
}
