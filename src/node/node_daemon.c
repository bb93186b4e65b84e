/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine: opens what needs root, gives root up, and moves packets between socket, TUN, node. */
#include "node_daemon.h"

#include "cli.h"

#include "ntm/daemon.h"
#include "ntm/log.h"
#include "ntm/own_addrs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(struct node_daemon *daemon, int status)
{
	if (daemon->status == NTM_EXIT_OK)
		daemon->status = status;
	ntm_loop_stop(daemon->loop);
}

/* ---- packets in ---- */

static void on_udp(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct node_daemon *daemon = ctx;

	if (daemon->node != NULL)
		node_udp_input(daemon->node, from, pkt);
}

static void on_tun(void *ctx, struct ntm_pkt *pkt)
{
	struct node_daemon *daemon = ctx;

	if (daemon->node != NULL)
		node_tun_input(daemon->node, pkt);
}

static void on_tun_gone(void *ctx)
{
	struct node_daemon *daemon = ctx;

	ntm_err("somebody removed the TUN device %s", daemon->conf->tun);
	end(daemon, NTM_EXIT_FAILED);
}

static void on_upstream(void *ctx, uint16_t slot, const uint8_t *msg, size_t len)
{
	struct node_daemon *daemon = ctx;

	node_upstream_answer(daemon->node, slot, msg, len);
}

static void on_addrs(void *arg)
{
	struct node_daemon *daemon = arg;

	node_addrs_changed(daemon->node);
}

static void on_signal(void *arg, int signo)
{
	(void)signo;
	end(arg, NTM_EXIT_OK);
}

/* ---- the node's way out ---- */

static void udp_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct node_daemon *daemon = ctx;

	(void)ntm_udp_send(daemon->udp, to, data, len); /* counted there */
}

static void tun_write(void *ctx, const uint8_t *pkt, size_t len)
{
	struct node_daemon *daemon = ctx;

	(void)ntm_tun_write(daemon->tun, pkt, len); /* counted there */
}

static bool query_upstream(void *ctx, uint16_t slot, const uint8_t *query, size_t len)
{
	struct node_daemon *daemon = ctx;

	return upstream_query(daemon->upstream, slot, query, len);
}

static int tell_plan(struct node_daemon *daemon)
{
	struct keeper_msg msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = KEEPER_PLAN;
	msg.plan = daemon->plan;
	return send(daemon->keeper_fd, &msg, sizeof(msg), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The host has to know of it as well, unless it does. */
static void renew_plan(struct node_daemon *daemon)
{
	struct host_plan plan;

	host_plan_fill(&plan, node_lease(daemon->node), node_partners(daemon->node));
	host_plan_add_names(&plan, &daemon->conf->exits);
	if (memcmp(&plan, &daemon->plan, sizeof(plan)) == 0)
		return;
	daemon->plan = plan;
	(void)tell_plan(daemon); /* a keeper that has gone shows on its socket */
}

static void lease_changed(void *ctx, const struct node_lease *lease)
{
	struct node_daemon *daemon = ctx;
	char words[300];

	if (lease_save_own(lease, daemon->conf->state_dir, words, sizeof(words)) != 0)
		ntm_err("%s", words);
	renew_plan(daemon);
}

static void partners_changed(void *ctx, const struct partners *partners)
{
	struct node_daemon *daemon = ctx;
	char words[300];

	if (partners_save(partners, node_lease(daemon->node), daemon->conf->state_dir, words,
			  sizeof(words)) != 0)
		ntm_err("%s", words);
	renew_plan(daemon);
}

static size_t own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	struct node_daemon *daemon = ctx;
	struct ntm_ip ips[NTM_OWN_IPS];
	size_t found = ntm_own_ips(daemon->netlink, daemon->tun_ifindex, ips), count = 0;

	for (size_t i = 0; i < found; i++)
		if (!host_plan_has_ip(&daemon->plan, &ips[i]))
			ips[count++] = ips[i];
	return ntm_own_pick(ips, count, ntm_udp_port(daemon->udp), out, cap);
}

static void exits_changed(void *ctx, const struct exit_routes *routes)
{
	struct node_daemon *daemon = ctx;
	struct keeper_msg msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = KEEPER_EXITS;
	msg.exits.routes = *routes;
	msg.exits.udp_port = ntm_udp_port(daemon->udp);
	(void)send(daemon->keeper_fd, &msg, sizeof(msg), MSG_NOSIGNAL);
}

static const struct node_ops node_ops = {
	.udp_send = udp_send,
	.tun_write = tun_write,
	.upstream_query = query_upstream,
	.lease_changed = lease_changed,
	.partners_changed = partners_changed,
	.own_addrs = own_addrs,
	.exits_changed = exits_changed,
};

/* ---- the keeper ---- */

static int start_node(struct node_daemon *daemon)
{
	struct node_settings settings;
	struct node_args args = {
		.ops = &node_ops,
		.ctx = daemon,
		.timers = ntm_loop_timers(daemon->loop),
		.lease = &daemon->lease,
		.partners = &daemon->partners,
		.settings = &settings,
		.sip = daemon->sip,
	};
	struct keeper_msg ready;

	node_conf_settings(daemon->conf, &settings);
	settings.udp_port = ntm_udp_port(daemon->udp);
	daemon->node = node_new(&args);
	ntm_wipe(&daemon->lease, sizeof(daemon->lease));
	if (daemon->node == NULL)
		return -ENOMEM;
	int err = ntm_netlink_monitor_open(daemon->loop, on_addrs, daemon, &daemon->monitor);
	if (err != 0)
		return err;
	node_start(daemon->node);
	memset(&ready, 0, sizeof(ready));
	ready.type = KEEPER_READY;
	return send(daemon->keeper_fd, &ready, sizeof(ready), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void on_info(struct node_daemon *daemon, const struct keeper_info *info)
{
	const struct ntm_addrs *own = &daemon->conf->dns_servers;
	int err = 0;

	daemon->host = *info;
	upstream_set_servers(daemon->upstream, own->count > 0 ? own : &info->upstream);
	if (daemon->node == NULL)
		err = start_node(daemon);
	if (err == 0)
		return;
	ntm_err("cannot start: %s", strerror(-err));
	end(daemon, NTM_EXIT_FAILED);
}

static void on_keeper(void *arg, unsigned events)
{
	struct node_daemon *daemon = arg;
	struct keeper_msg msg;
	ssize_t len = recv(daemon->keeper_fd, &msg, sizeof(msg), MSG_DONTWAIT);

	(void)events;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len == sizeof(msg) && msg.type == KEEPER_INFO)
		on_info(daemon, &msg.info);
	else if (len == sizeof(msg) && msg.type == KEEPER_ROUTED && daemon->node != NULL)
		node_exits_routed(daemon->node, msg.routed.generation,
				  msg.routed.words[0] != '\0' ? msg.routed.words : NULL);
	else if (len <= 0)
		end(daemon, NTM_EXIT_FAILED); /* nobody is left who could clean up */
}

/* ---- start and stop ---- */

static int explain(int err, const char *what, const char *remedy)
{
	ntm_err("cannot open %s: %s%s%s", what, strerror(-err), remedy[0] != '\0' ? ": " : "",
		remedy);
	return err == -EPERM || err == -EACCES ? NTM_EXIT_NOT_ALLOWED : NTM_EXIT_FAILED;
}

/* First of all, as it tells whether another instance is running. */
static int open_control(struct node_daemon *daemon)
{
	char path[NODE_SOCKET_STR];
	uid_t uid;
	struct ntm_control_args args = {
		.loop = daemon->loop,
		.path = node_conf_socket(daemon->conf, path),
		.gid = (gid_t)-1,
		.fn = node_control_request,
		.ctx = daemon,
	};

	if (daemon->conf->user[0] != '\0')
		(void)ntm_user_find(daemon->conf->user, &uid, &args.gid);
	int err = ntm_control_open(&args, &daemon->control);
	return err == 0 ? NTM_EXIT_OK
			: explain(err, path,
				  err == -EADDRINUSE ? "is another ntm-node running?" : "");
}

static int open_udp(struct node_daemon *daemon)
{
	struct ntm_udp_args args = {
		.loop = daemon->loop,
		.bind = {.port = (uint16_t)daemon->conf->listen_port},
		.fn = on_udp,
		.ctx = daemon,
	};
	int err = ntm_udp_open(&args, &daemon->udp);

	return err == 0 ? NTM_EXIT_OK
			: explain(err, "the UDP port",
				  err == -EADDRINUSE ? "set another listen_port" : "");
}

static int open_tun(struct node_daemon *daemon)
{
	struct ntm_tun_args args = {
		.loop = daemon->loop,
		.name = daemon->conf->tun,
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
	err = ntm_netlink_open(&daemon->netlink);
	if (err == 0)
		err = ntm_netlink_ifindex(daemon->netlink, daemon->conf->tun, &daemon->tun_ifindex);
	return err == 0 ? NTM_EXIT_OK : explain(err, "netlink", "");
}

static int give_up_root(const struct node_daemon *daemon)
{
	char words[200];

	if (ntm_priv_drop(daemon->conf->user, words, sizeof(words)) == 0)
		return NTM_EXIT_OK;
	ntm_err("%s", words);
	return NTM_EXIT_FAILED;
}

static int open_all(struct node_daemon *daemon)
{
	int status = open_control(daemon);

	if (status == NTM_EXIT_OK)
		status = open_udp(daemon);
	if (status == NTM_EXIT_OK)
		status = open_tun(daemon);
	if (status == NTM_EXIT_OK)
		status = give_up_root(daemon);
	return status;
}

static int make_all(struct node_daemon *daemon)
{
	char words[300];

	if (lease_load(&daemon->lease, daemon->conf->state_dir, words, sizeof(words)) != 0) {
		ntm_err("%s", words);
		return NTM_EXIT_FAILED;
	}
	if (partners_load(&daemon->partners, &daemon->lease, daemon->conf->state_dir, words,
			  sizeof(words)) != 0)
		ntm_warn("%s", words);
	host_plan_fill(&daemon->plan, &daemon->lease, &daemon->partners);
	host_plan_add_names(&daemon->plan, &daemon->conf->exits);
	daemon->loop = ntm_loop_new();
	daemon->sip = ntm_sip_parser_new();
	if (daemon->loop != NULL)
		daemon->upstream = upstream_new(daemon->loop, on_upstream, daemon);
	if (ntm_crypto_init() == 0 && daemon->sip != NULL && daemon->upstream != NULL)
		return NTM_EXIT_OK;
	ntm_err("cannot start: out of memory");
	return NTM_EXIT_FAILED;
}

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* A second signal must not cut the goodbye short: only the loop takes them. */
static void let_signals_in(bool in)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&set, signals[i]);
	(void)sigprocmask(in ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

static int follow_keeper(struct node_daemon *daemon)
{
	int err = ntm_loop_watch(daemon->loop, daemon->keeper_fd, NTM_LOOP_READ, on_keeper, daemon,
				 &daemon->keeper_watch);

	for (size_t i = 0; i < SIGNALS && err == 0; i++)
		err = ntm_loop_signal(daemon->loop, signals[i], on_signal, daemon);
	if (err == 0)
		err = tell_plan(daemon);
	return err == 0 ? NTM_EXIT_OK : explain(err, "the keeper's socket", "");
}

static void free_all(struct node_daemon *daemon)
{
	ntm_netlink_monitor_free(daemon->monitor);
	ntm_watch_free(daemon->keeper_watch);
	node_free(daemon->node);
	ntm_control_free(daemon->control);
	upstream_free(daemon->upstream);
	ntm_udp_free(daemon->udp);
	ntm_tun_free(daemon->tun);
	ntm_netlink_free(daemon->netlink);
	ntm_sip_parser_free(daemon->sip);
	ntm_loop_free(daemon->loop);
	close(daemon->keeper_fd);
	ntm_wipe(&daemon->lease, sizeof(daemon->lease));
}

int node_daemon_run(const struct node_conf *conf, int keeper_fd)
{
	struct node_daemon daemon = {.conf = conf, .keeper_fd = keeper_fd};

	daemon.status = make_all(&daemon);
	if (daemon.status == NTM_EXIT_OK)
		daemon.status = open_all(&daemon);
	if (daemon.status == NTM_EXIT_OK)
		daemon.status = follow_keeper(&daemon);
	if (daemon.status == NTM_EXIT_OK) {
		let_signals_in(true);
		if (ntm_loop_run(daemon.loop) != 0)
			daemon.status = NTM_EXIT_FAILED;
		let_signals_in(false);
	}
	if (daemon.node != NULL)
		node_stop(daemon.node);
	free_all(&daemon);
	return daemon.status;
}
