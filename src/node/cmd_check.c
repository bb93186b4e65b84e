/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb `check`: would `run` work? Changes nothing. */
#include "cli.h"
#include "host_net.h"

#include "ntm/daemon.h"
#include "ntm/netlink.h"
#include "ntm/own_addrs.h"
#include "ntm/verb.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXPIRY_WARN_S 86400

static bool check_cert(const struct node_lease *lease)
{
	struct ntm_cert cert;
	int64_t now_s = (int64_t)time(NULL);
	char words[160];

	if (ntm_cert_check(&cert, lease->cert.data, lease->cert.len, lease->root, now_s) != 0)
		return ntm_verb_check(
			false, "certificate",
			"not valid now: is the clock right? if it has run out: the DC gives a "
			"new one when it is reached");
	snprintf(words, sizeof(words), "valid for %lld days",
		 (long long)((cert.not_after_s - now_s) / EXPIRY_WARN_S));
	return ntm_verb_check(true, "certificate", words);
}

/* A list that cannot be used is no reason not to run. */
static void check_partners(const struct node_conf *conf, const struct node_lease *lease,
			   struct partners *partners)
{
	char words[300];

	if (partners_load(partners, lease, conf->state_dir, words, sizeof(words)) == 0)
		snprintf(words, sizeof(words), "%zu domains", partners->count);
	ntm_verb_check(true, "partners", words);
}

static bool check_exit(const struct exit_conf *exit, const struct realm *realm)
{
	char words[300], text[NTM_PREFIX_STR];

	for (size_t i = 0; i < exit->prefixes.count; i++) {
		const char *fault = exit_prefix_fault(realm, &exit->prefixes.item[i]);

		if (fault == NULL)
			continue;
		snprintf(words, sizeof(words), "%s: %s %s", exit->title,
			 ntm_prefix_str(&exit->prefixes.item[i], text), fault);
		return ntm_verb_check(false, "exit", words);
	}
	snprintf(words, sizeof(words), "%s: %zu prefixes, %zu names", exit->title,
		 exit->prefixes.count, exit->names.count);
	return ntm_verb_check(true, "exit", words);
}

static bool check_exits(const struct node_conf *conf, const struct node_lease *lease,
			const struct partners *partners)
{
	const struct realm realm = {.lease = lease, .partners = partners};
	bool ok = true;

	for (size_t i = 0; i < conf->exits.count; i++)
		ok &= check_exit(&conf->exits.item[i], &realm);
	return ok;
}

/* Real addresses of this host that are virtual ones, too: what is in their networks is led into
 * the TUN device. */
static bool check_network(const struct node_conf *conf, const struct realm *realm)
{
	struct ntm_netlink *nl;
	struct ntm_ip own[NTM_OWN_IPS];
	unsigned tun = 0;
	char words[200], text[NTM_IP_STR];

	if (ntm_netlink_open(&nl) != 0)
		return true;
	(void)ntm_netlink_ifindex(nl, conf->tun, &tun);
	size_t count = ntm_own_ips(nl, tun, own);
	ntm_netlink_free(nl);
	for (size_t i = 0; i < count; i++) {
		if (!realm_is_virtual(realm, &own[i]))
			continue;
		snprintf(words, sizeof(words),
			 "this host has the address %s, inside of the virtual prefixes: hosts of "
			 "that network are out of reach while ntm-node runs; renumber one of the "
			 "two",
			 ntm_ip_str(&own[i], text));
		return ntm_verb_check(false, "network", words);
	}
	return ntm_verb_check(true, "network", "no address of this host is a virtual one");
}

static bool check_lease(const struct node_conf *conf)
{
	struct node_lease lease;
	struct partners partners;
	char words[300], vip4[NTM_IP_STR], vip6[NTM_IP_STR];

	if (lease_load(&lease, conf->state_dir, words, sizeof(words)) != 0)
		return ntm_verb_check(false, "lease", words);
	snprintf(words, sizeof(words), "%s %s %s", lease.fqdn, ntm_ip_str(&lease.vip4, vip4),
		 ntm_ip_str(&lease.vip6, vip6));
	ntm_verb_check(true, "lease", words);
	bool ok = check_cert(&lease);
	check_partners(conf, &lease, &partners);
	ok &= check_exits(conf, &lease, &partners);
	ok &= check_network(conf, &(struct realm){.lease = &lease, .partners = &partners});
	ntm_wipe(&lease, sizeof(lease));
	return ok;
}

static bool check_tun(void)
{
	bool ok = access("/dev/net/tun", F_OK) == 0;

	return ntm_verb_check(ok, "TUN",
			      ok ? "/dev/net/tun" : "there is no /dev/net/tun: modprobe tun");
}

static bool is_running(const struct node_conf *conf)
{
	char path[NODE_SOCKET_STR];

	return access(node_conf_socket(conf, path), F_OK) == 0;
}

static bool check_guard(const struct node_conf *conf)
{
	const struct host_net net = {.tun = conf->tun};
	static const char *const argv[] = {"nft", "--version", NULL};
	const struct ntm_spawn_args args = {.argv = argv, .timeout_ms = 5000};
	char err[NTM_SPAWN_ERR];
	int status = 0;

	if (!conf->guard)
		return ntm_verb_check(true, "guard",
				      "switched off: neighbours may reach the virtual address");
	if (ntm_spawn(&args, &status, err) != 0)
		return ntm_verb_check(
			false, "guard",
			"there is no nft: install nftables, or set guard = no in section tun");
	if (geteuid() != 0 || !is_running(conf))
		return ntm_verb_check(true, "guard", "nft is there");
	bool ok = host_net_guarded(&net);
	return ntm_verb_check(ok, "guard",
			      ok ? "in place"
				 : "ntm-node runs, but its nft table is gone: restart it");
}

int cmd_check(struct cli *cli)
{
	const struct node_conf *conf = &cli->conf;
	bool ok = ntm_verb_check(true, "configuration",
				 cli->conf_path ? cli->conf_path : NODE_CONF_PATH);

	ok &= ntm_verb_check_user(conf->user, "packets are handled by root, without capabilities");
	ok &= check_lease(conf);
	ok &= check_tun();
	ok &= check_guard(conf);
	return ok ? NTM_EXIT_OK : NTM_EXIT_FAILED;
}
