/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb `check`: would `run` work? Changes nothing. */
#include "exit_host.h"
#include "relay_cli.h"

#include "ntm/verb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY_S 86400

static bool check_cert(const struct relay_lease *lease)
{
	struct ntm_cert cert;
	int64_t now_s = (int64_t)time(NULL);
	char words[160];

	int err = ntm_cert_check(&cert, lease->cert.data, lease->cert.len, lease->root, now_s);
	if (err == -ETIME)
		return ntm_verb_check(
			false, "certificate",
			"not valid now: is the clock right? if it has run out: the DC gives a "
			"new one when it is reached");
	if (err != 0 || strcmp(cert.fqdn, lease->fqdn) != 0 ||
	    memcmp(cert.key, lease->keys.pub, NTM_KEY_LEN) != 0)
		return ntm_verb_check(false, "certificate",
				      "not of this relay's key, name and domain: the lease is "
				      "damaged: join again with a new token");
	snprintf(words, sizeof(words), "valid for %lld days",
		 (long long)((cert.not_after_s - now_s) / DAY_S));
	return ntm_verb_check(true, "certificate", words);
}

static bool check_lease(const struct relay_conf *conf)
{
	struct relay_lease lease;
	char words[300], dc[NTM_ADDR_STR];

	if (relay_lease_load(&lease, conf->state_dir, words, sizeof(words)) != 0)
		return ntm_verb_check(false, "lease", words);
	snprintf(words, sizeof(words), "%s, DC at %s", lease.fqdn, ntm_addr_str(&lease.dc[0], dc));
	ntm_verb_check(true, "lease", words);
	bool ok = check_cert(&lease);
	ntm_wipe(&lease, sizeof(lease));
	return ok;
}

static bool check_gateway(const struct relay_conf *conf)
{
	bool has_tun = access("/dev/net/tun", F_OK) == 0, has_nft = exit_host_has_nft();
	bool ok =
		ntm_verb_check(has_tun, "TUN",
			       has_tun ? "/dev/net/tun" : "there is no /dev/net/tun: modprobe tun");

	ok &= ntm_verb_check(has_nft, "nft",
			     has_nft ? "is there"
				     : "there is no nft, which does the NAT: install nftables");
	ntm_verb_check(true, "gateway",
		       conf->exit_private ? "private networks are reached through it as well"
					  : "private networks are not reached through it");
	ntm_verb_check(true, "IPv6",
		       exit_host_forwards(6) ? "is forwarded"
					     : "is not forwarded by this host: only IPv4 goes out");
	return ok;
}

int relay_cmd_check(struct relay_cli *cli)
{
	const struct relay_conf *conf = &cli->conf;
	bool ok = ntm_verb_check(true, "configuration",
				 cli->conf_path ? cli->conf_path : RELAY_CONF_PATH);

	ok &= ntm_verb_check_user(conf->user, "stays who started it, without capabilities");
	ok &= check_lease(conf);
	if (conf->gateway)
		ok &= check_gateway(conf);
	return ok ? NTM_EXIT_OK : NTM_EXIT_FAILED;
}
