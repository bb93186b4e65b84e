/* SPDX-License-Identifier: BSD-2-Clause */
/* A gateway inside the relay's daemon: packets between socket, TUN and logic. */
#include "exit_daemon.h"

#include "exit_gate.h"
#include "exit_janitor.h"

#include "ntm/exit.h"
#include "ntm/log.h"
#include "ntm/loop.h"
#include "ntm/netlink.h"
#include "ntm/own_addrs.h"
#include "ntm/tun.h"
#include "ntm/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct exit_daemon {
	const struct relay_conf *conf;
	struct ntm_loop *loop;
	struct exit_gate *gate;
	struct ntm_netlink *netlink; /* borrowed */
	struct ntm_udp *udp;
	struct ntm_tun *tun;
	unsigned tun_ifindex;
	struct janitor janitor;
	struct ntm_watch *janitor_watch;
	char host_words[300]; /* what is wrong with the host's set-up; "" */
	bool is_set_up;
	bool is_started;
};

/* ---- in ---- */

static void on_udp(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct exit_daemon *daemon = ctx;

	exit_gate_udp_input(daemon->gate, from, pkt);
}

static void on_tun(void *ctx, struct ntm_pkt *pkt)
{
	struct exit_daemon *daemon = ctx;

	exit_gate_tun_input(daemon->gate, pkt);
}

static void give_up(struct exit_daemon *daemon, const char *words)
{
	ntm_err("the gateway ends, the relay goes on: %s", words);
	snprintf(daemon->host_words, sizeof(daemon->host_words), "%s", words);
	daemon->is_set_up = false;
	if (daemon->is_started)
		exit_gate_give_up(daemon->gate);
	daemon->is_started = false;
}

static void on_tun_gone(void *ctx)
{
	give_up(ctx, "somebody removed its TUN device: restart ntm-relay");
}

static void on_janitor(void *arg, unsigned events)
{
	struct exit_daemon *daemon = arg;
	struct janitor_reply reply;
	int result = janitor_read(&daemon->janitor, &reply);

	(void)events;
	if (result == 0)
		return;
	if (result < 0) {
		ntm_watch_free(daemon->janitor_watch);
		daemon->janitor_watch = NULL;
		give_up(daemon, "somebody ended the process that cleans up: restart ntm-relay");
		return;
	}
	snprintf(daemon->host_words, sizeof(daemon->host_words), "%s", reply.words);
	daemon->is_set_up = reply.err == 0;
	if (reply.err != 0)
		ntm_err("nothing goes out at this gateway: %s", reply.words);
	else if (reply.words[0] != '\0')
		ntm_warn("%s", reply.words);
	else
		ntm_info("gateway ready: tun=%s", daemon->conf->exit_tun);
}

/* ---- out ---- */

static void udp_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct exit_daemon *daemon = ctx;

	(void)ntm_udp_send(daemon->udp, to, data, len); /* counted there */
}

static void tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct exit_daemon *daemon = ctx;

	(void)ntm_tun_write(daemon->tun, pkt, len); /* counted there */
}

static size_t host_addrs(void *ctx, struct ntm_ip *out, size_t cap)
{
	const struct exit_daemon *daemon = ctx;
	size_t count = 0;

	return ntm_netlink_addrs(daemon->netlink, daemon->tun_ifindex, out, cap, &count) == 0
		       ? count
		       : 0;
}

static size_t own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	const struct exit_daemon *daemon = ctx;
	struct ntm_ip ips[NTM_OWN_IPS];
	size_t count = ntm_own_ips(daemon->netlink, daemon->tun_ifindex, ips);

	count = relay_conf_own_ips(daemon->conf, ips, count);
	return ntm_own_pick(ips, count, ntm_udp_port(daemon->udp), out, cap);
}

static void host_changed(void *ctx, const struct exit_net *net)
{
	struct exit_daemon *daemon = ctx;
	int err = janitor_tell(&daemon->janitor, net);

	if (err != 0)
		ntm_err("cannot set the gateway's host up: %s", strerror(-err));
}

static const struct exit_ops ops = {
	.udp_send = udp_send,
	.tun_write = tun_write,
	.own_addrs = own_addrs,
	.host_addrs = host_addrs,
	.host_changed = host_changed,
};

/* ---- life ---- */

struct exit_daemon *exit_daemon_new(struct ntm_loop *loop, const struct relay_conf *conf,
				    const struct relay_lease *lease)
{
	struct exit_daemon *daemon = calloc(1, sizeof(*daemon));
	struct relay_settings settings;

	if (daemon == NULL)
		return NULL;
	relay_conf_settings(conf, &settings);
	daemon->conf = conf;
	daemon->loop = loop;
	const struct exit_gate_args args = {
		.ops = &ops,
		.ctx = daemon,
		.timers = ntm_loop_timers(loop),
		.keys = &lease->keys,
		.fqdn = lease->fqdn,
		.domain = lease->domain,
		.root = lease->root,
		.dc_key = lease->dc_key,
		.dc = lease->dc,
		.allow_private = conf->exit_private,
		.idle_ms = conf->exit_idle_ms,
		.link_times = settings.link_times,
	};
	daemon->gate = exit_gate_new(&args);
	if (daemon->gate != NULL)
		return daemon;
	free(daemon);
	return NULL;
}

void exit_daemon_free(struct exit_daemon *daemon)
{
	if (daemon == NULL)
		return;
	ntm_watch_free(daemon->janitor_watch);
	exit_gate_free(daemon->gate);
	ntm_udp_free(daemon->udp);
	janitor_stop(&daemon->janitor);
	ntm_tun_free(daemon->tun);
	free(daemon);
}

static int explain(int err, const char *what, const char *remedy)
{
	if (err != 0)
		ntm_err("cannot open %s of the gateway: %s%s", what, strerror(-err), remedy);
	return err == 0                          ? NTM_EXIT_OK
	       : err == -EPERM || err == -EACCES ? NTM_EXIT_NOT_ALLOWED
						 : NTM_EXIT_FAILED;
}

static int open_udp(struct exit_daemon *daemon)
{
	struct ntm_udp_args args = {
		.loop = daemon->loop,
		.bind = relay_conf_bind(daemon->conf, (uint16_t)daemon->conf->exit_port),
		.fn = on_udp,
		.ctx = daemon,
	};

	int err = ntm_udp_open(&args, &daemon->udp);
	return explain(err, "the UDP port", err == -EADDRINUSE ? "; set another exit_port" : "");
}

static int open_tun(struct exit_daemon *daemon)
{
	const struct ntm_tun_args args = {
		.loop = daemon->loop,
		.name = daemon->conf->exit_tun,
		.fn = on_tun,
		.on_gone = on_tun_gone,
		.ctx = daemon,
	};
	char words[200];
	int err = ntm_tun_open(&args, &daemon->tun, words, sizeof(words));

	if (err != 0) {
		ntm_err("%s", words);
		return err == -EPERM ? NTM_EXIT_NOT_ALLOWED : NTM_EXIT_FAILED;
	}
	return explain(ntm_netlink_ifindex(daemon->netlink, daemon->conf->exit_tun,
					   &daemon->tun_ifindex),
		       "the TUN device", "");
}

int exit_daemon_open(struct exit_daemon *daemon, struct ntm_netlink *netlink)
{
	int status = NTM_EXIT_OK;

	if (daemon == NULL)
		return status;
	daemon->netlink = netlink;
	if (geteuid() != 0) {
		ntm_err("gateway = yes needs root, to set the host's network up (packets are then "
			"handled by user %s)",
			daemon->conf->user);
		return NTM_EXIT_NOT_ALLOWED;
	}
	status = open_udp(daemon);
	if (status == NTM_EXIT_OK)
		status = open_tun(daemon);
	if (status == NTM_EXIT_OK)
		status = explain(janitor_start(&daemon->janitor, daemon->conf->exit_tun, EXIT_MTU),
				 "the cleaning process", "");
	if (status == NTM_EXIT_OK)
		status = explain(ntm_loop_watch(daemon->loop, daemon->janitor.fd, NTM_LOOP_READ,
						on_janitor, daemon, &daemon->janitor_watch),
				 "the cleaning process", "");
	return status;
}

int exit_daemon_start(struct exit_daemon *daemon)
{
	if (daemon == NULL)
		return 0;
	daemon->is_started = true;
	return exit_gate_start(daemon->gate);
}

void exit_daemon_stop(struct exit_daemon *daemon)
{
	if (daemon == NULL || !daemon->is_started)
		return;
	daemon->is_started = false;
	exit_gate_stop(daemon->gate);
}

void exit_daemon_addrs_changed(struct exit_daemon *daemon)
{
	if (daemon != NULL && daemon->is_started)
		exit_gate_addrs_changed(daemon->gate);
}

void exit_daemon_status(const struct exit_daemon *daemon, json_t *status)
{
	json_t *json;

	if (daemon == NULL || status == NULL)
		return;
	json = exit_gate_status_json(daemon->gate);
	if (json == NULL)
		return;
	json_object_set_new(json, "tun", json_string(daemon->conf->exit_tun));
	json_object_set_new(json, "udp_port", json_integer(ntm_udp_port(daemon->udp)));
	json_object_set_new(json, "ready", json_boolean(daemon->is_set_up));
	json_object_set_new(json, "ended", json_boolean(!daemon->is_started));
	if (daemon->host_words[0] != '\0')
		json_object_set_new(json, "words", json_string(daemon->host_words));
	json_object_set_new(status, "exit", json);
}

json_t *exit_daemon_peers_json(const struct exit_daemon *daemon)
{
	return daemon == NULL ? json_array() : exit_gate_peers_json(daemon->gate);
}
