/* SPDX-License-Identifier: BSD-2-Clause */
/* relay.conf as a table of options, and the checks that no single value shows. */
#include "relay_conf.h"

#include "flows.h"

#include "ntm/relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TUN_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_-"

#define AT(member) offsetof(struct relay_conf, member)

static const struct ntm_opt relay_opts[] = {
	{"listen", NTM_OPT_ADDR, AT(listen), "[::]", NTM_RELAY_PORT, 0, NULL,
	 "address and UDP port that nodes send to; [::] is all, of both families"},
	{"flows_max", NTM_OPT_INT, AT(flows_max), "65536", 1, FLOWS_MAX, NULL,
	 "flows at once; one takes 220 bytes while it is there"},
	{"kbit_max", NTM_OPT_INT, AT(kbit_max), "0", 0, 100000000, NULL,
	 "kbit/s that are forwarded in all; 0 is no limit"},
	{"idle", NTM_OPT_MS, AT(idle_ms), "180s", 10000, NTM_RELAY_IDLE_S * 1000, NULL,
	 "a flow's side that sends nothing for so long is forgotten"},
	{"allow_loopback", NTM_OPT_BOOL, AT(allow_loopback), "no", 0, 0, NULL,
	 "serve programs of this host by its loopback addresses; for tests"},
	{"rekey", NTM_OPT_MS, AT(rekey_ms), "120s", 2000, 3600000, NULL,
	 "age of the session keys with the DC at which new ones are made"},
	{"state_dir", NTM_OPT_PATH, AT(state_dir), NTM_STATEDIR "/relay", 0, 0, NULL,
	 "directory of the relay's key, name and certificate"},
	{"run_dir", NTM_OPT_PATH, AT(run_dir), NTM_RUNDIR, 0, 0, NULL,
	 "directory of the control socket relay.sock"},
	{"user", NTM_OPT_STRING, AT(user), "ntm", 0, 0, NULL,
	 "user that the daemon becomes, without any privilege; \"\" stays who started it"},
	{"log_level", NTM_OPT_ENUM, AT(log_level), "info", 0, 0, "err|warn|info|debug|trace",
	 "what is logged"},
	{"gateway", NTM_OPT_BOOL, AT(gateway), "no", 0, 0, NULL,
	 "let nodes reach ordinary servers through this host; needs root at the start, nft and TUN "
	 "(docs/exit.md)"},
	{"exit_private", NTM_OPT_BOOL, AT(exit_private), "no", 0, 0, NULL,
	 "also servers in private networks, such as 10.0.0.0/8 and fc00::/7"},
	{"exit_port", NTM_OPT_INT, AT(exit_port), "4332", 1, 65535, NULL,
	 "UDP port of the gateway's tunnels"},
	{"exit_tun", NTM_OPT_STRING, AT(exit_tun), "ntmx0", 0, 0, NULL,
	 "name of the gateway's TUN device"},
	{"exit_idle", NTM_OPT_MS, AT(exit_idle_ms), "10m", 10000, 604800000, NULL,
	 "a node's tunnel without packets is closed after it"},
	{.name = NULL},
};

const struct ntm_section relay_conf_sections[] = {{"relay", relay_opts}, {NULL, NULL}};

static const char *find_fault(const struct relay_conf *conf)
{
	const struct ntm_ip *ip = &conf->listen.ip;

	if (conf->listen.port == 0)
		return "listen: nodes have to know the port: it cannot be 0";
	if (!ntm_ip_is_unspecified(ip) && !ntm_ip_is_usable(ip) &&
	    !(conf->allow_loopback && ntm_ip_is_loopback(ip)))
		return "listen: no address that nodes can send to";
	if (strlen(conf->run_dir) + sizeof("/relay.sock") > RELAY_SOCKET_STR)
		return "run_dir: too long for a socket's name";
	if (conf->exit_tun[0] == '\0' || strlen(conf->exit_tun) > 15 ||
	    strspn(conf->exit_tun, TUN_LETTERS) != strlen(conf->exit_tun))
		return "exit_tun: expected 1 to 15 of a-z, 0-9, '_' and '-'";
	if (conf->gateway && conf->exit_port == conf->listen.port)
		return "exit_port: is the port of listen";
	if (strlen(conf->state_dir) > 200)
		return "state_dir: too long";
	return NULL;
}

static int check(struct relay_conf *conf, const char *name, char *words, size_t words_len)
{
	const char *fault = find_fault(conf);

	if (fault == NULL)
		return 0;
	snprintf(words, words_len, "%s: %s", name, fault);
	relay_conf_free(conf);
	return -EINVAL;
}

int relay_conf_parse(struct relay_conf *conf, const char *text, char *words, size_t words_len)
{
	int err =
		ntm_conf_read_text(text, "relay.conf", relay_conf_sections, conf, words, words_len);

	return err != 0 ? err : check(conf, "relay.conf", words, words_len);
}

int relay_conf_load(struct relay_conf *conf, const char *path, char *words, size_t words_len)
{
	if (path == NULL && access(RELAY_CONF_PATH, F_OK) != 0 && errno == ENOENT)
		return relay_conf_parse(conf, "", words, words_len);
	if (path == NULL)
		path = RELAY_CONF_PATH;
	int err = ntm_conf_read(path, relay_conf_sections, conf, words, words_len);
	return err != 0 ? err : check(conf, path, words, words_len);
}

void relay_conf_free(struct relay_conf *conf)
{
	ntm_conf_free(relay_conf_sections, conf);
}

struct ntm_addr relay_conf_bind(const struct relay_conf *conf, uint16_t port)
{
	struct ntm_addr bind = {.ip = conf->listen.ip, .port = port};

	if (bind.ip.family == 6 && ntm_ip_is_unspecified(&bind.ip))
		bind.ip = (struct ntm_ip){0};
	return bind;
}

void relay_conf_settings(const struct relay_conf *conf, struct relay_settings *settings)
{
	*settings = (struct relay_settings){
		.flows_max = (uint32_t)conf->flows_max,
		.kbit_max = (uint32_t)conf->kbit_max,
		.idle_ms = conf->idle_ms,
		.allow_loopback = conf->allow_loopback,
		.link_times = ntm_link_times_default,
	};
	settings->link_times.retry_ms = 2000; /* as nodes do: calls wait for relays */
	settings->link_times.rekey_ms = conf->rekey_ms;
	settings->link_times.reject_ms = conf->rekey_ms * 3 / 2;
}

/* 0.0.0.0 is IPv4 alone; [::] is both families. */
static bool listens_at(const struct relay_conf *conf, const struct ntm_ip *ip)
{
	const struct ntm_ip *listen = &conf->listen.ip;

	return ntm_ip_is_unspecified(listen) ? listen->family == 6 || ip->family == 4
					     : ntm_ip_eq(listen, ip);
}

size_t relay_conf_own_ips(const struct relay_conf *conf, struct ntm_ip *ips, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (listens_at(conf, &ips[i]))
			ips[kept++] = ips[i];
	return kept;
}

const char *relay_conf_socket(const struct relay_conf *conf, char buf[static RELAY_SOCKET_STR])
{
	snprintf(buf, RELAY_SOCKET_STR, "%s/relay.sock", conf->run_dir);
	return buf;
}
