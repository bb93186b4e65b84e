/* SPDX-License-Identifier: BSD-2-Clause */
/* node.conf as a table of options, and the checks that look at more than one value. */
#include "node_conf.h"

#include "host_net.h"
#include "sipwatch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TUN_NAME_MAX 15
#define WORDS        "abcdefghijklmnopqrstuvwxyz0123456789_-"

#define AT(member) offsetof(struct node_conf, member)

static const struct ntm_opt node_opts[] = {
	{"state_dir", NTM_OPT_PATH, AT(state_dir), NTM_STATEDIR, 0, 0, NULL,
	 "directory of the lease: keys, name and virtual addresses"},
	{"run_dir", NTM_OPT_PATH, AT(run_dir), NTM_RUNDIR, 0, 0, NULL,
	 "directory of the control socket node.sock"},
	{"user", NTM_OPT_STRING, AT(user), "ntm", 0, 0, NULL,
	 "user that handles the packets, without any privilege; \"\" stays root without "
	 "capabilities"},
	{"listen_port", NTM_OPT_INT, AT(listen_port), "0", 0, 65535, NULL,
	 "UDP port of the tunnels; 0 lets the system choose, 4330 suits a firewall rule"},
	{"log_level", NTM_OPT_ENUM, AT(log_level), "info", 0, 0, "err|warn|info|debug|trace",
	 "what is logged"},
	{.name = NULL},
};

static const struct ntm_opt tun_opts[] = {
	{"name", NTM_OPT_STRING, AT(tun), "ntm0", 0, 0, NULL, "name of the TUN device"},
	{"mtu", NTM_OPT_INT, AT(mtu), "1400", 1280, 1900, NULL,
	 "largest inner packet; 1400 and its wrapping fit into 1500"},
	{"table", NTM_OPT_INT, AT(table), "4330", 1, 4294967295, NULL,
	 "routing table that belongs to this node alone"},
	{"priority", NTM_OPT_INT, AT(priority), "4330", 2, 32765 - HOST_NET_PRIORITIES, NULL,
	 "priority of the rules that lead to that table; those of exits have the one before, and "
	 "the next four"},
	{"guard", NTM_OPT_BOOL, AT(guard), "yes", 0, 0, NULL,
	 "keep neighbours of the real network from the virtual addresses (needs nft)"},
	{.name = NULL},
};

static const struct ntm_opt dns_opts[] = {
	{"manage", NTM_OPT_ENUM, AT(dns_manage), "auto", 0, 0, "auto|resolvconf|resolved|off",
	 "how programs find the node's resolver"},
	{"resolv_conf", NTM_OPT_PATH, AT(resolv_conf), "/etc/resolv.conf", 0, 0, NULL,
	 "file that resolvconf writes, and puts back at the end"},
	{"servers", NTM_OPT_ADDRS, AT(dns_servers), "", 53, 0, NULL,
	 "resolvers for names that are not NTM's; none: those that the host had before"},
	{"deadline", NTM_OPT_MS, AT(name_deadline_ms), "1500ms", 100, 4000, NULL,
	 "how long the answer to an NTM name waits for the tunnel"},
	{.name = NULL},
};

static const struct ntm_opt sip_opts[] = {
	{"ports", NTM_OPT_PORTS, AT(sip_ports), "5060", 0, 0, NULL,
	 "UDP ports where SIP is looked for"},
	{"hold", NTM_OPT_ENUM, AT(hold), "both", 0, 0, "both|caller|off",
	 "who holds a 200 OK until the tunnel is up"},
	{"hold_callee", NTM_OPT_MS, AT(hold_callee_ms), "1s", 0, SIPWATCH_HOLD_LIMIT_MS, NULL,
	 "longest hold at the callee's node"},
	{"hold_caller", NTM_OPT_MS, AT(hold_caller_ms), "2s", 0, SIPWATCH_HOLD_LIMIT_MS, NULL,
	 "longest hold at the caller's node"},
	{"prewarm", NTM_OPT_ENUM, AT(prewarm), "off", 0, 0, "off|ringing|invite",
	 "make the tunnel before the callee answers: never, when it rings, at once"},
	{.name = NULL},
};

static const struct ntm_opt tunnel_opts[] = {
	{"rekey", NTM_OPT_MS, AT(rekey_ms), "120s", 2000, 3600000, NULL,
	 "age of session keys at which new ones are made; refused at one and a half of it"},
	{"idle", NTM_OPT_MS, AT(idle_ms), "10m", 10000, 604800000, NULL,
	 "a tunnel without packets is closed after it"},
	{.name = NULL},
};

static const struct ntm_opt exit_opts[] = {
	{"NAME", NTM_OPT_TITLE, AT(exits), NULL, sizeof(struct exit_conf), EXITS_MAX, NULL,
	 "What of the ordinary Internet goes through a gateway, by its name (docs/exit.md)."},
	{"prefixes", NTM_OPT_PREFIXES, offsetof(struct exit_conf, prefixes), "", 8, 16, NULL,
	 "addresses of ordinary servers that are reached through it"},
	{"names", NTM_OPT_NAMES, offsetof(struct exit_conf, names), "", 0, 0, NULL,
	 "DNS names whose servers, and those of all names below, are reached through it"},
	{"media", NTM_OPT_BOOL, offsetof(struct exit_conf, media), "yes", 0, 0, NULL,
	 "also what their SIP messages name for media"},
	{.name = NULL},
};

const struct ntm_section node_conf_sections[] = {
	{"node", node_opts},      {"tun", tun_opts},   {"dns", dns_opts}, {"sip", sip_opts},
	{"tunnels", tunnel_opts}, {"exit", exit_opts}, {NULL, NULL},
};

static bool is_word(const char *text, size_t max)
{
	return text[0] != '\0' && strlen(text) <= max && strspn(text, WORDS) == strlen(text);
}

/* What no single value shows. */
static const char *find_fault(const struct node_conf *conf, char buf[static EXITS_FAULT_STR])
{
	if (!is_word(conf->tun, TUN_NAME_MAX))
		return "tun name: expected 1 to 15 of a-z, 0-9, '_' and '-'";
	if (strlen(conf->run_dir) + sizeof("/node.sock") > NODE_SOCKET_STR)
		return "run_dir: too long for a socket's name";
	if (strlen(conf->state_dir) > 200)
		return "state_dir: too long";
	if (conf->table >= 253 && conf->table <= 255)
		return "table: 253 to 255 belong to the system";
	if (conf->sip_ports.count == 0 && conf->hold != NODE_HOLD_OFF)
		return "sip ports: none, but hold is not off";
	return exits_conf_fault(&conf->exits, buf);
}

static int check(struct node_conf *conf, const char *name, char *words, size_t words_len)
{
	char buf[EXITS_FAULT_STR];
	const char *fault = find_fault(conf, buf);

	if (fault == NULL)
		return 0;
	snprintf(words, words_len, "%s: %s", name, fault);
	node_conf_free(conf);
	return -EINVAL;
}

int node_conf_parse(struct node_conf *conf, const char *text, char *words, size_t words_len)
{
	int err = ntm_conf_read_text(text, "node.conf", node_conf_sections, conf, words, words_len);

	return err != 0 ? err : check(conf, "node.conf", words, words_len);
}

int node_conf_load(struct node_conf *conf, const char *path, char *words, size_t words_len)
{
	if (path == NULL && access(NODE_CONF_PATH, F_OK) != 0 && errno == ENOENT)
		return node_conf_parse(conf, "", words, words_len);
	if (path == NULL)
		path = NODE_CONF_PATH;
	int err = ntm_conf_read(path, node_conf_sections, conf, words, words_len);
	return err != 0 ? err : check(conf, path, words, words_len);
}

void node_conf_free(struct node_conf *conf)
{
	ntm_conf_free(node_conf_sections, conf);
}

void node_conf_settings(const struct node_conf *conf, struct node_settings *settings)
{
	*settings = node_settings_default;
	settings->hold = conf->hold;
	settings->hold_callee_ms = conf->hold_callee_ms;
	settings->hold_caller_ms = conf->hold_caller_ms;
	settings->prewarm = conf->prewarm;
	settings->sip_ports = conf->sip_ports;
	settings->name_deadline_ms = conf->name_deadline_ms;
	settings->idle_ms = conf->idle_ms;
	settings->exits = conf->exits.count > 0 ? &conf->exits : NULL;
	settings->link_times.rekey_ms = conf->rekey_ms;
	settings->link_times.reject_ms = conf->rekey_ms * 3 / 2;
}

const char *node_conf_socket(const struct node_conf *conf, char buf[static NODE_SOCKET_STR])
{
	snprintf(buf, NODE_SOCKET_STR, "%s/node.sock", conf->run_dir);
	return buf;
}
