/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's network around the TUN: addresses, our routing table and its rules, the guard. */
#include "host_net.h"

#include "ntm/daemon.h"
#include "ntm/log.h"
#include "ntm/netlink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Behind every route to the TUN. */
#define METRIC_UNREACHABLE 4294967295u
#define MAIN_TABLE         254
#define NFT_TIMEOUT_MS     5000
#define NFT_TEXT           1024
#define TABLE_NAME         64

struct step {
	const char *what;
	int err;
};

/* Remembers the first failure only; later steps are tried all the same. */
static void note(struct step *step, const char *what, int err)
{
	if (err != 0 && step->err == 0)
		*step = (struct step){what, err};
}

static struct ntm_prefix host_prefix(const struct ntm_ip *ip)
{
	return (struct ntm_prefix){.ip = *ip, .len = ip->family == 4 ? 32 : 128};
}

static struct ntm_prefix any_prefix(uint8_t family)
{
	return (struct ntm_prefix){.ip = {.family = family}};
}

static const struct ntm_ip *vip_of(const struct host_plan *plan, uint8_t family)
{
	return family == 4 ? &plan->vip4 : &plan->vip6;
}

/* ---- the guard ---- */

/* nft names have no '-'. */
static void table_name(const struct host_net *net, char name[static TABLE_NAME])
{
	snprintf(name, TABLE_NAME, "ntm_guard_%.15s", net->tun);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
}

static int run_nft(const char *text, char *words, size_t words_len)
{
	const char *argv[] = {"nft", "-f", "-", NULL};
	const struct ntm_spawn_args args = {.argv = argv,
					    .input = text,
					    .timeout_ms = NFT_TIMEOUT_MS};
	char err[NTM_SPAWN_ERR];
	int status = 0;
	int result = ntm_spawn(&args, &status, err);

	if (result == 0 && status == 0)
		return 0;
	if (result == -ENOENT)
		snprintf(words, words_len,
			 "there is no nft: install nftables, or set guard = no in section tun");
	else
		snprintf(words, words_len, "nft cannot set the guard: %.300s",
			 result != 0 ? strerror(-result) : err);
	return result != 0 ? result : -EIO;
}

static size_t put_drop(char *out, size_t cap, const char *keyword, const struct ntm_ip *vip,
		       const char *tun)
{
	char text[NTM_IP_STR];

	if (vip->family == 0)
		return 0;
	return (size_t)snprintf(out, cap,
				"\t\tiifname != { \"%s\", \"lo\" } %s daddr %s counter drop\n", tun,
				keyword, ntm_ip_str(vip, text));
}

/* One transaction: a table of a former run is replaced, and never missing for a moment. */
static int guard_up(const struct host_net *net, const struct host_plan *plan, char *words,
		    size_t words_len)
{
	char name[TABLE_NAME], text[NFT_TEXT];
	size_t len;

	table_name(net, name);
	len = (size_t)snprintf(text, sizeof(text),
			       "add table inet %s\ndelete table inet %s\ntable inet %s {\n"
			       "\tchain prerouting {\n"
			       "\t\ttype filter hook prerouting priority raw; policy accept;\n",
			       name, name, name);
	len += put_drop(text + len, sizeof(text) - len, "ip", &plan->vip4, net->tun);
	len += put_drop(text + len, sizeof(text) - len, "ip6", &plan->vip6, net->tun);
	snprintf(text + len, sizeof(text) - len, "\t}\n}\n");
	return run_nft(text, words, words_len);
}

static void guard_down(const struct host_net *net)
{
	char name[TABLE_NAME], text[NFT_TEXT], words[NTM_SPAWN_ERR];

	table_name(net, name);
	snprintf(text, sizeof(text), "add table inet %s\ndelete table inet %s\n", name, name);
	(void)run_nft(text, words, sizeof(words));
}

bool host_net_guarded(const struct host_net *net)
{
	char name[TABLE_NAME], err[NTM_SPAWN_ERR];
	int status = 0;

	table_name(net, name);
	const char *argv[] = {"nft", "list", "table", "inet", name, NULL};
	const struct ntm_spawn_args args = {.argv = argv, .timeout_ms = NFT_TIMEOUT_MS};
	return ntm_spawn(&args, &status, err) == 0 && status == 0;
}

/* ---- addresses, routes and rules ---- */

static void fence_up(struct ntm_netlink *nl, const struct host_net *net,
		     const struct ntm_prefix *prefix, struct step *step)
{
	const struct ntm_netlink_route route = {.prefix = *prefix,
						.table = net->table,
						.metric = METRIC_UNREACHABLE};

	note(step, "add an unreachable route", ntm_netlink_route_add(nl, &route));
}

static void prefix_up(struct ntm_netlink *nl, const struct host_net *net,
		      const struct host_plan *plan, const struct ntm_prefix *prefix,
		      struct step *step)
{
	const struct ntm_netlink_rule to = {.to = *prefix,
					    .table = net->table,
					    .priority = net->priority};

	if (vip_of(plan, prefix->ip.family)->family == 0)
		return;
	fence_up(nl, net, prefix, step);
	note(step, "add a rule", ntm_netlink_rule_add(nl, &to));
}

static void prefix_down(struct ntm_netlink *nl, const struct host_net *net,
			const struct ntm_prefix *prefix)
{
	const struct ntm_netlink_rule to = {.to = *prefix,
					    .table = net->table,
					    .priority = net->priority};
	const struct ntm_netlink_route fence = {.prefix = *prefix,
						.table = net->table,
						.metric = METRIC_UNREACHABLE};
	struct ntm_netlink_route way = {.prefix = *prefix, .table = net->table};

	(void)ntm_netlink_rule_del(nl, &to);
	if (ntm_netlink_ifindex(nl, net->tun, &way.ifindex) == 0)
		(void)ntm_netlink_route_del(nl, &way);
	(void)ntm_netlink_route_del(nl, &fence);
}

/* Everything that holds with the TUN down as well; before the address, so that nothing leaks. */
static void fences_up(struct ntm_netlink *nl, const struct host_net *net,
		      const struct host_plan *plan, struct step *step)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct ntm_prefix any = any_prefix(family);
		const struct ntm_ip *vip = vip_of(plan, family);
		const struct ntm_netlink_rule from = {.from = host_prefix(vip),
						      .table = net->table,
						      .priority = net->priority};
		if (vip->family == 0)
			continue;
		fence_up(nl, net, &any, step);
		note(step, "add a rule", ntm_netlink_rule_add(nl, &from));
	}
	for (size_t i = 0; i < plan->prefixes.count; i++)
		prefix_up(nl, net, plan, &plan->prefixes.item[i], step);
}

static void device_up(struct ntm_netlink *nl, const struct host_net *net,
		      const struct host_plan *plan, struct step *step)
{
	unsigned ifindex = 0;

	note(step, "find the TUN device", ntm_netlink_ifindex(nl, net->tun, &ifindex));
	if (step->err != 0)
		return;
	for (uint8_t family = 4; family <= 6; family += 2)
		if (vip_of(plan, family)->family != 0)
			note(step, "add a virtual address",
			     ntm_netlink_addr_add(nl, ifindex, vip_of(plan, family)));
	note(step, "bring the TUN device up", ntm_netlink_link_up(nl, ifindex, net->mtu));
	for (size_t i = 0; i < plan->prefixes.count; i++) {
		const struct ntm_prefix *prefix = &plan->prefixes.item[i];
		const struct ntm_netlink_route way = {.prefix = *prefix,
						      .table = net->table,
						      .ifindex = ifindex,
						      .src = *vip_of(plan, prefix->ip.family)};
		if (way.src.family != 0)
			note(step, "add the route to the TUN", ntm_netlink_route_add(nl, &way));
	}
}

static void drop_stale(struct ntm_netlink *nl, const struct host_net *net,
		       const struct host_plan *plan, const struct host_plan *before)
{
	for (size_t i = 0; before != NULL && i < before->prefixes.count; i++)
		if (!host_plan_has_prefix(plan, &before->prefixes.item[i]))
			prefix_down(nl, net, &before->prefixes.item[i]);
}

/* Hosts with ipv6.disable=1 or disable_ipv6=1 take no IPv6 address. */
static bool has_ipv6(const char *tun)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", tun);
	FILE *file = fopen(path, "re");
	int flag = file != NULL ? fgetc(file) : '1';
	if (file != NULL)
		fclose(file);
	return flag == '0';
}

int host_net_up(const struct host_net *net, const struct host_plan *wanted,
		const struct host_plan *before, char *words, size_t words_len)
{
	struct ntm_netlink *nl;
	struct step step = {0};
	struct host_plan possible = *wanted;
	const struct host_plan *plan = &possible;

	if (wanted->vip4.family != 0 && wanted->vip6.family != 0 && !has_ipv6(net->tun)) {
		ntm_warn("this host has IPv6 switched off: only the IPv4 virtual address is used");
		possible.vip6 = (struct ntm_ip){0};
	}
	int err = net->guard ? guard_up(net, plan, words, words_len) : 0;
	if (err != 0)
		return err;
	err = ntm_netlink_open(&nl);
	if (err != 0) {
		snprintf(words, words_len, "cannot talk to the kernel: %s", strerror(-err));
		return err;
	}
	fences_up(nl, net, plan, &step);
	device_up(nl, net, plan, &step);
	drop_stale(nl, net, plan, before);
	ntm_netlink_free(nl);
	if (step.err != 0)
		snprintf(words, words_len, "cannot %s: %s", step.what,
			 step.err == -EPERM ? "not permitted (needs root)" : strerror(-step.err));
	return step.err;
}

void host_net_down(const struct host_net *net, const struct host_plan *plan)
{
	struct ntm_netlink *nl;
	unsigned ifindex;

	if (ntm_netlink_open(&nl) != 0)
		return;
	for (uint8_t family = 4; family <= 6; family += 2) {
		const struct ntm_ip *vip = vip_of(plan, family);
		const struct ntm_netlink_rule from = {.from = host_prefix(vip),
						      .table = net->table,
						      .priority = net->priority};
		const struct ntm_netlink_route fence = {.prefix = any_prefix(family),
							.table = net->table,
							.metric = METRIC_UNREACHABLE};
		if (vip->family == 0)
			continue;
		if (ntm_netlink_ifindex(nl, net->tun, &ifindex) == 0)
			(void)ntm_netlink_addr_del(nl, ifindex, vip);
		(void)ntm_netlink_rule_del(nl, &from);
		(void)ntm_netlink_route_del(nl, &fence);
	}
	for (size_t i = 0; i < plan->prefixes.count; i++)
		prefix_down(nl, net, &plan->prefixes.item[i]);
	ntm_netlink_free(nl);
	if (net->guard)
		guard_down(net);
}

/* ---- exits ---- */

/* Behind the priority of the virtual prefixes. */
enum { SOME = 1, LOCAL_NETS, ALL, END_OF_EXITS };
_Static_assert(END_OF_EXITS == HOST_NET_PRIORITIES, "priorities");

static struct ntm_netlink_skip skip_of(const struct host_net *net)
{
	return (struct ntm_netlink_skip){.udp_port = net->udp_port,
					 .priority = net->priority - 1,
					 .to = net->priority + END_OF_EXITS};
}

/* Who goes that way: all; or who has our virtual address, or none yet. Returns the count. */
#define EXIT_RULES 3
static size_t exit_rules(const struct host_net *net, const struct host_plan *plan,
			 const struct ntm_prefix *prefix, bool is_weak,
			 struct ntm_netlink_rule rules[static EXIT_RULES])
{
	const struct ntm_ip *vip = vip_of(plan, prefix->ip.family);
	const struct ntm_netlink_rule rule = {.to = *prefix,
					      .table = net->table,
					      .priority = net->priority +
							  (prefix->len > 0 ? SOME : ALL)};
	size_t count = 1;

	rules[0] = rule;
	if (!is_weak)
		return count;
	rules[0].from = host_prefix(vip);
	rules[0].is_wide = vip->family == 6;
	if (vip->family == 4) {
		rules[count] = rule;
		rules[count++].from = (struct ntm_prefix){.ip = ntm_ip_v4(0, 0, 0, 0), .len = 32};
	}
	if (prefix->len == 0)
		rules[count++] = (struct ntm_netlink_rule){.to = *prefix,
							   .no_defaults = true,
							   .table = MAIN_TABLE,
							   .priority = net->priority + LOCAL_NETS};
	return count;
}

static void flush_exits(struct ntm_netlink *nl, const struct host_net *net)
{
	const struct ntm_netlink_skip skip = skip_of(net);

	for (uint32_t i = SOME; i < END_OF_EXITS; i++)
		(void)ntm_netlink_rules_flush(nl, i == LOCAL_NETS ? MAIN_TABLE : net->table,
					      net->priority + i);
	(void)ntm_netlink_skip_del(nl, &skip);
}

static void exit_up(struct ntm_netlink *nl, const struct ntm_netlink_route *way,
		    const struct ntm_netlink_rule *rules, size_t count, struct step *step)
{
	note(step, "add the route of an exit", ntm_netlink_route_add(nl, way));
	for (size_t i = 0; i < count; i++)
		note(step, "add the rule of an exit", ntm_netlink_rule_add(nl, &rules[i]));
}

/* What was there before, and is not any more, or in another way. */
static void exit_down(struct ntm_netlink *nl, const struct exit_routes *routes,
		      const struct ntm_netlink_route *way, const struct ntm_netlink_rule *rules,
		      size_t count)
{
	size_t at = exit_routes_find(routes, &way->prefix);
	bool was_weak = rules[0].from.ip.family != 0;

	if (at < routes->count && routes->is_weak[at] == was_weak)
		return;
	for (size_t i = 0; i < count; i++)
		(void)ntm_netlink_rule_del(nl, &rules[i]);
	if (at == routes->count && way->ifindex != 0)
		(void)ntm_netlink_route_del(nl, way);
}

int host_net_exits(const struct host_net *net, const struct host_plan *plan,
		   const struct exit_routes *routes, const struct exit_routes *before, char *words,
		   size_t words_len)
{
	struct ntm_netlink *nl;
	struct step step = {0};
	struct ntm_netlink_route way = {.table = net->table};
	struct ntm_netlink_rule rules[EXIT_RULES];
	const struct ntm_netlink_skip skip = skip_of(net);
	const bool has_six = has_ipv6(net->tun);
	size_t count;
	int err = ntm_netlink_open(&nl);

	if (err != 0) {
		snprintf(words, words_len, "cannot talk to the kernel: %s", strerror(-err));
		return err;
	}
	(void)ntm_netlink_ifindex(nl, net->tun, &way.ifindex);
	if (before == NULL)
		flush_exits(nl, net);
	/* First: the kernel takes a wide rule for there when a narrower one is. */
	for (size_t i = 0; before != NULL && i < before->count; i++) {
		way.prefix = before->item[i];
		way.src = (struct ntm_ip){0};
		count = exit_rules(net, plan, &way.prefix, before->is_weak[i], rules);
		exit_down(nl, routes, &way, rules, count);
	}
	if (routes->count > 0)
		note(&step, "keep our own packets out of exits", ntm_netlink_skip_add(nl, &skip));
	else
		(void)ntm_netlink_skip_del(nl, &skip);
	bool is_safe = step.err == 0;
	for (size_t i = 0; i < routes->count && is_safe; i++) {
		way.prefix = routes->item[i];
		way.src = *vip_of(plan, way.prefix.ip.family);
		count = exit_rules(net, plan, &way.prefix, routes->is_weak[i], rules);
		if (way.src.family == 4 || (way.src.family == 6 && has_six))
			exit_up(nl, &way, rules, count, &step);
	}
	ntm_netlink_free(nl);
	if (step.err != 0)
		snprintf(words, words_len, "cannot %s: %s", step.what, strerror(-step.err));
	return step.err;
}
