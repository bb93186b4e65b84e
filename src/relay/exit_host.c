/* SPDX-License-Identifier: BSD-2-Clause */
/* The host of a gateway around its TUN: routes, forwarding, NAT, and what may pass. */
#include "exit_host.h"

#include "ntm/daemon.h"
#include "ntm/log.h"
#include "ntm/netlink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAIN_TABLE     254
#define NFT_TIMEOUT_MS 5000
#define NFT_TEXT       4096
#define TABLE_NAME     64
#define LIST_TEXT      (NTM_MSG_PREFIXES * (NTM_PREFIX_STR + 2))
/* A chain without rules: it stands in the kernel for what a run that crashed knew. */
#define WAS_OFF "forwarding_was_off"

static const char *const forwarding_paths[] = {"/proc/sys/net/ipv4/ip_forward",
					       "/proc/sys/net/ipv6/conf/all/forwarding"};

bool exit_net_ok(const struct exit_net *net)
{
	if (net->prefixes.count == 0 || net->prefixes.count > NTM_MSG_PREFIXES)
		return false;
	for (size_t i = 0; i < net->prefixes.count; i++) {
		const struct ntm_prefix *prefix = &net->prefixes.item[i];
		uint8_t family = prefix->ip.family;

		if ((family != 4 && family != 6) || prefix->len < (family == 4 ? 8 : 16) ||
		    prefix->len > (family == 4 ? 32 : 128) || !ntm_ip_is_usable(&prefix->ip))
			return false;
	}
	return true;
}

/* ---- nft ---- */

struct text {
	char *out;
	size_t cap, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *fmt, ...)
{
	va_list ap;

	if (text->len >= text->cap)
		return;
	va_start(ap, fmt);
	text->len += (size_t)vsnprintf(text->out + text->len, text->cap - text->len, fmt, ap);
	va_end(ap);
}

/* nft names have no '-'. */
static void table_name(const struct exit_host *host, char name[static TABLE_NAME])
{
	snprintf(name, TABLE_NAME, "ntm_exit_%.15s", host->tun);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
}

/* "198.18.0.0/16, 198.19.0.0/16"; false: none of that family. */
static bool list_prefixes(const struct exit_net *net, uint8_t family, char list[static LIST_TEXT])
{
	struct text text = {.out = list, .cap = LIST_TEXT};
	char prefix[NTM_PREFIX_STR];

	for (size_t i = 0; i < net->prefixes.count; i++)
		if (net->prefixes.item[i].ip.family == family)
			put(&text, "%s%s", text.len > 0 ? ", " : "",
			    ntm_prefix_str(&net->prefixes.item[i], prefix));
	return text.len > 0;
}

/* What nobody has asked for is dropped, instead of answered: a media packet that comes before the
 * node's own first one would leave an entry in connection tracking that takes the place of the
 * node's, which would then get another port than the one that it has told. */
#define UNASKED                                                                                    \
	"\t\tiifname lo accept\n\t\tmeta pkttype != host accept\n\t\tmeta l4proto != udp accept\n" \
	"\t\tct state != new accept\n\t\tsocket wildcard 0 accept\n"                               \
	"\t\tsocket wildcard 1 accept\n\t\tcounter drop\n"

static void put_input(struct text *text, const struct exit_host *host)
{
	put(text,
	    "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
	    "\t\tiifname \"%s\" counter drop\n" UNASKED "\t}\n",
	    host->tun);
}

static void put_forward(struct text *text, const struct exit_host *host)
{
	put(text,
	    "\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n"
	    "\t\tiifname \"%s\" goto out\n\t\toifname \"%s\" goto back\n%s\t}\n",
	    host->tun, host->tun, host->forwarding_was_off ? "\t\tcounter drop\n" : "");
}

/* One node must not fill connection tracking, which the whole host needs. */
static void put_limit(struct text *text, const char *family, const char *set)
{
	put(text, "\t\tct state new add @%s { %s saddr ct count over %u } counter drop\n", set,
	    family, EXIT_CONNS_MAX);
}

static void put_ways(struct text *text, const struct exit_host *host, const struct exit_net *net)
{
	/* NAT leaves alone what connection tracking makes nothing of: it would leave with a virtual
	 * address. */
	static const char untracked[] = "\t\tct state invalid,untracked counter drop\n";
	static const char clamp[] = "\t\ttcp flags syn tcp option maxseg size set rt mtu\n";
	char list[LIST_TEXT];

	put(text, "\tset conns4 {\n\t\ttype ipv4_addr\n\t\tflags dynamic\n\t\tsize 4096\n\t}\n");
	put(text, "\tset conns6 {\n\t\ttype ipv6_addr\n\t\tflags dynamic\n\t\tsize 4096\n\t}\n");
	put(text, "\tchain out {\n\t\toifname \"%s\" counter drop\n%s", host->tun, untracked);
	put_limit(text, "ip", "conns4");
	put_limit(text, "ip6", "conns6");
	put(text, "%s", clamp);
	if (list_prefixes(net, 4, list))
		put(text, "\t\tip saddr { %s } accept\n", list);
	if (list_prefixes(net, 6, list))
		put(text, "\t\tip6 saddr { %s } accept\n", list);
	put(text,
	    "\t\tcounter drop\n\t}\n\tchain back {\n%s\t\tct state established,related accept\n"
	    "\t\tcounter drop\n\t}\n",
	    clamp);
	put(text,
	    "\tchain postrouting {\n\t\ttype nat hook postrouting priority srcnat; policy "
	    "accept;\n\t\tiifname \"%s\" masquerade\n\t}\n",
	    host->tun);
}

/* One transaction: a table of a former run is replaced, and never missing for a moment. */
size_t exit_host_rules(const struct exit_host *host, const struct exit_net *net, char *out,
		       size_t cap)
{
	struct text text = {.out = out, .cap = cap};
	char name[TABLE_NAME];

	table_name(host, name);
	put(&text, "add table inet %s\ndelete table inet %s\ntable inet %s {\n", name, name, name);
	put_input(&text, host);
	put_forward(&text, host);
	put_ways(&text, host, net);
	if (host->forwarding_was_off)
		put(&text, "\tchain " WAS_OFF " {\n\t}\n");
	put(&text, "}\n");
	return text.len < cap ? text.len : 0;
}

static int run_nft(const char *const *argv, const char *input, char err[static NTM_SPAWN_ERR])
{
	const struct ntm_spawn_args args = {.argv = argv,
					    .input = input,
					    .timeout_ms = NFT_TIMEOUT_MS};
	int status = 0;
	int result = ntm_spawn(&args, &status, err);

	return result != 0 ? result : status == 0 ? 0 : -EIO;
}

static int load_rules(const char *text, char *words, size_t words_len)
{
	const char *argv[] = {"nft", "-f", "-", NULL};
	char err[NTM_SPAWN_ERR];
	int result = run_nft(argv, text, err);

	if (result == -ENOENT)
		snprintf(words, words_len, "there is no nft: install nftables");
	else if (result != 0)
		snprintf(words, words_len, "nft cannot set NAT up: %.300s",
			 err[0] != '\0' ? err : strerror(-result));
	return result;
}

/* A run that crashed has turned forwarding on. */
static bool was_off_before(const struct exit_host *host)
{
	char name[TABLE_NAME], err[NTM_SPAWN_ERR];

	table_name(host, name);
	const char *argv[] = {"nft", "list", "chain", "inet", name, WAS_OFF, NULL};
	return run_nft(argv, NULL, err) == 0;
}

bool exit_host_has_nft(void)
{
	static const char *const argv[] = {"nft", "--version", NULL};
	char err[NTM_SPAWN_ERR];

	return run_nft(argv, NULL, err) == 0;
}

/* ---- forwarding ---- */

bool exit_host_forwards(uint8_t family)
{
	FILE *file = fopen(forwarding_paths[family == 6], "re");
	int flag = file != NULL ? fgetc(file) : '0';

	if (file != NULL)
		fclose(file);
	return flag == '1';
}

static int set_forwarding(char flag)
{
	FILE *file = fopen(forwarding_paths[0], "we");

	if (file == NULL)
		return -errno;
	int err = fputc(flag, file) == EOF ? -errno : 0;
	return fclose(file) == 0 || err != 0 ? err : -errno;
}

/* ---- routes ---- */

static int route(struct ntm_netlink *nl, unsigned ifindex, const struct ntm_prefix *prefix,
		 bool is_add)
{
	const struct ntm_netlink_route way = {.prefix = *prefix,
					      .table = MAIN_TABLE,
					      .ifindex = ifindex};

	return is_add ? ntm_netlink_route_add(nl, &way) : ntm_netlink_route_del(nl, &way);
}

static bool has(const struct exit_net *net, const struct ntm_prefix *prefix)
{
	for (size_t i = 0; i < net->prefixes.count; i++)
		if (net->prefixes.item[i].len == prefix->len &&
		    ntm_ip_eq(&net->prefixes.item[i].ip, &prefix->ip))
			return true;
	return false;
}

static int routes_up(const struct exit_host *host, const struct exit_net *net,
		     const struct exit_net *before)
{
	struct ntm_netlink *nl;
	unsigned ifindex = 0;
	int err = ntm_netlink_open(&nl);

	if (err != 0)
		return err;
	err = ntm_netlink_ifindex(nl, host->tun, &ifindex);
	if (err == 0)
		err = ntm_netlink_link_up(nl, ifindex, host->mtu);
	for (size_t i = 0; err == 0 && i < net->prefixes.count; i++) {
		err = route(nl, ifindex, &net->prefixes.item[i], true);
		/* No IPv6 here: nothing of it comes, then. */
		if (err != 0 && net->prefixes.item[i].ip.family == 6)
			err = 0;
	}
	for (size_t i = 0; before != NULL && i < before->prefixes.count; i++)
		if (!has(net, &before->prefixes.item[i]))
			(void)route(nl, ifindex, &before->prefixes.item[i], false);
	ntm_netlink_free(nl);
	return err;
}

static void routes_down(const struct exit_host *host, const struct exit_net *net)
{
	struct ntm_netlink *nl;
	unsigned ifindex = 0;

	if (ntm_netlink_open(&nl) != 0)
		return;
	/* Without the device its routes are gone. */
	if (ntm_netlink_ifindex(nl, host->tun, &ifindex) == 0)
		for (size_t i = 0; i < net->prefixes.count; i++)
			(void)route(nl, ifindex, &net->prefixes.item[i], false);
	ntm_netlink_free(nl);
}

/* ---- all ---- */

/* The rules stand before anything is forwarded. */
int exit_host_up(struct exit_host *host, const struct exit_net *net, const struct exit_net *before,
		 char *words, size_t words_len)
{
	char text[NFT_TEXT];

	words[0] = '\0';
	if (before == NULL)
		host->forwarding_was_off = !exit_host_forwards(4) || was_off_before(host);
	if (exit_host_rules(host, net, text, sizeof(text)) == 0) {
		snprintf(words, words_len, "too many virtual prefixes");
		return -E2BIG;
	}
	int err = load_rules(text, words, words_len);
	if (err != 0)
		return err;
	err = routes_up(host, net, before);
	if (err != 0) {
		snprintf(words, words_len, "cannot lead the virtual prefixes to %s: %s", host->tun,
			 strerror(-err));
		return err;
	}
	if (host->forwarding_was_off && (err = set_forwarding('1')) != 0) {
		snprintf(words, words_len, "cannot turn IPv4 forwarding on: %s", strerror(-err));
		return err;
	}
	if (net->vip6.family != 0 && !exit_host_forwards(6))
		snprintf(words, words_len,
			 "IPv6 forwarding is off on this host: only IPv4 goes out (sysctl "
			 "net.ipv6.conf.all.forwarding=1 turns it on; with router advertisements, "
			 "accept_ra=2 has to be set first)");
	return 0;
}

void exit_host_down(struct exit_host *host, const struct exit_net *net)
{
	const char *argv[] = {"nft", "-f", "-", NULL};
	char name[TABLE_NAME], text[3 * TABLE_NAME], err[NTM_SPAWN_ERR];

	if (host->forwarding_was_off)
		(void)set_forwarding('0');
	host->forwarding_was_off = false;
	if (net != NULL)
		routes_down(host, net);
	table_name(host, name);
	snprintf(text, sizeof(text), "add table inet %s\ndelete table inet %s\n", name, name);
	(void)run_nft(argv, text, err);
}
