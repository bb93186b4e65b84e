/* SPDX-License-Identifier: BSD-2-Clause */
/* The relay as a daemon: opens its socket, gives privileges up, forwards. */
#include "relay_daemon.h"

#include "exit_daemon.h"

#include "ntm/control.h"
#include "ntm/daemon.h"
#include "ntm/exit.h"
#include "ntm/log.h"
#include "ntm/loop.h"
#include "ntm/netlink.h"
#include "ntm/own_addrs.h"
#include "ntm/udp_batch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct relay_daemon {
	const struct relay_conf *conf;
	struct relay_lease lease;
	struct ntm_loop *loop;
	struct ntm_udp_batch *udp;
	struct ntm_control *control;
	struct ntm_netlink *netlink;
	struct ntm_netlink_monitor *monitor;
	struct relay *relay;
	struct exit_daemon *exits; /* NULL: no gateway */
};

/* ---- in and out ---- */

static const struct ntm_addr *on_udp(void *ctx, const struct ntm_addr *from, const uint8_t *data,
				     size_t len)
{
	struct relay_daemon *daemon = ctx;

	return relay_input(daemon->relay, from, data, len);
}

static void send_udp(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct relay_daemon *daemon = ctx;

	(void)ntm_udp_batch_send(daemon->udp, to, data, len); /* counted there */
}

static size_t own_addrs(void *ctx, struct ntm_addr *out, size_t cap)
{
	struct relay_daemon *daemon = ctx;
	struct ntm_ip ips[NTM_OWN_IPS];
	size_t count = ntm_own_ips(daemon->netlink, 0, ips);

	count = relay_conf_own_ips(daemon->conf, ips, count);
	return ntm_own_pick(ips, count, daemon->conf->listen.port, out, cap);
}

static void save_lease(void *ctx, const struct relay_lease *lease)
{
	struct relay_daemon *daemon = ctx;
	char words[300];

	if (relay_lease_save_own(lease, daemon->conf->state_dir, words, sizeof(words)) != 0)
		ntm_err("%s", words);
}

static void on_drained(void *ctx)
{
	struct relay_daemon *daemon = ctx;

	ntm_info("drained: the last flow is over");
	ntm_loop_stop(daemon->loop);
}

static void on_addrs(void *arg)
{
	struct relay_daemon *daemon = arg;

	relay_addrs_changed(daemon->relay);
	exit_daemon_addrs_changed(daemon->exits);
}

static void on_signal(void *arg, int signo)
{
	struct relay_daemon *daemon = arg;

	(void)signo;
	ntm_loop_stop(daemon->loop);
}

/* ---- the control socket ---- */

static json_t *status_json(const struct relay_daemon *daemon)
{
	const struct ntm_udp_batch_counters *udp = ntm_udp_batch_counters(daemon->udp);
	json_t *json = relay_status_json(daemon->relay);

	if (json != NULL)
		json_object_set_new(json, "udp",
				    json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
					      "s:I, s:I}",
					      "port", (int)ntm_udp_batch_port(daemon->udp),
					      "packets_in", (json_int_t)udp->udp.packets_in,
					      "packets_out", (json_int_t)udp->udp.packets_out,
					      "bytes_in", (json_int_t)udp->udp.bytes_in,
					      "bytes_out", (json_int_t)udp->udp.bytes_out,
					      "dropped_full", (json_int_t)udp->udp.dropped_full,
					      "dropped_error", (json_int_t)udp->udp.dropped_error,
					      "dropped_mtu", (json_int_t)udp->udp.dropped_mtu,
					      "cut", (json_int_t)udp->udp.cut, "overrun",
					      (json_int_t)ntm_udp_batch_overrun(daemon->udp),
					      "trains_in", (json_int_t)udp->trains_in, "trains_out",
					      (json_int_t)udp->trains_out));
	exit_daemon_status(daemon->exits, json);
	return json;
}

static json_t *drain_json(struct relay_daemon *daemon)
{
	relay_drain(daemon->relay);
	json_t *json = relay_drain_json(daemon->relay);
	if (json != NULL)
		json_object_set_new(json, "draining", json_true());
	return json;
}

/* A page a request, so that packets are forwarded in between. */
static json_t *flows_json(const struct relay_daemon *daemon, const json_t *request)
{
	json_int_t from = json_integer_value(json_object_get(request, "from"));
	uint32_t pos = from > 0 && from <= UINT32_MAX ? (uint32_t)from : 0;
	json_t *page = relay_flows_json(daemon->relay, &pos);

	return page == NULL ? json_pack("{s:[]}", "flows")
			    : json_pack("{s:o, s:I}", "flows", page, "next", (json_int_t)pos);
}

static void on_request(void *ctx, uint64_t ticket, json_t *request)
{
	struct relay_daemon *daemon = ctx;
	const char *verb = json_string_value(json_object_get(request, "verb"));
	json_t *reply = NULL;

	if (verb != NULL && strcmp(verb, "status") == 0)
		reply = status_json(daemon);
	else if (verb != NULL && strcmp(verb, "flows") == 0)
		reply = flows_json(daemon, request);
	else if (verb != NULL && strcmp(verb, "drain") == 0)
		reply = drain_json(daemon);
	else if (verb != NULL && strcmp(verb, "exits") == 0)
		reply = json_pack("{s:b, s:o}", "gateway", daemon->exits != NULL, "exits",
				  exit_daemon_peers_json(daemon->exits));
	if (reply == NULL)
		reply = json_pack("{s:s}", "error", "ntm-relay does not know this request");
	ntm_control_reply(daemon->control, ticket, reply, true);
}

/* ---- start and stop ---- */

static int exit_code(int err)
{
	return err == 0                          ? NTM_EXIT_OK
	       : err == -EPERM || err == -EACCES ? NTM_EXIT_NOT_ALLOWED
						 : NTM_EXIT_FAILED;
}

static int explain(int err, const char *what, const char *remedy)
{
	if (err != 0)
		ntm_err("cannot open %s: %s%s%s", what, strerror(-err),
			remedy[0] != '\0' ? ": " : "", remedy);
	return exit_code(err);
}

static int make_all(struct relay_daemon *daemon)
{
	static const struct relay_ops ops = {
		.send = send_udp,
		.own_addrs = own_addrs,
		.lease_changed = save_lease,
		.drained = on_drained,
	};
	char words[300];
	struct relay_settings settings;
	int err = relay_lease_load(&daemon->lease, daemon->conf->state_dir, words, sizeof(words));

	if (err != 0) {
		ntm_err("%s", words);
		return exit_code(err);
	}
	relay_conf_settings(daemon->conf, &settings);
	daemon->loop = ntm_loop_new();
	if (daemon->loop != NULL) {
		struct relay_args args = {
			.ops = &ops,
			.ctx = daemon,
			.timers = ntm_loop_timers(daemon->loop),
			.lease = &daemon->lease,
			.settings = &settings,
		};
		daemon->relay = relay_new(&args);
		if (daemon->conf->gateway)
			daemon->exits = exit_daemon_new(daemon->loop, daemon->conf, &daemon->lease);
	}
	ntm_wipe(&daemon->lease, sizeof(daemon->lease));
	if (daemon->relay != NULL && (daemon->exits != NULL || !daemon->conf->gateway))
		return NTM_EXIT_OK;
	ntm_err("cannot start: out of memory; flows_max may be too large for this host");
	return NTM_EXIT_FAILED;
}

/* First of all, as it tells whether another instance is running. */
static int open_control(struct relay_daemon *daemon)
{
	const struct relay_conf *conf = daemon->conf;
	char path[RELAY_SOCKET_STR];
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	struct ntm_control_args args = {
		.loop = daemon->loop,
		.path = relay_conf_socket(conf, path),
		.fn = on_request,
		.ctx = daemon,
	};

	if (geteuid() == 0 && conf->user[0] != '\0' && ntm_user_find(conf->user, &uid, &gid) != 0) {
		ntm_err("there is no user %s: `useradd --system %s`, or set user in the "
			"configuration",
			conf->user, conf->user);
		return NTM_EXIT_FAILED;
	}
	args.gid = gid;
	int err = ntm_dir_make(conf->run_dir, 0755, uid, gid);
	if (err == 0)
		err = ntm_control_open(&args, &daemon->control);
	return explain(err, path, err == -EADDRINUSE ? "is another ntm-relay running?" : "");
}

static int open_udp(struct relay_daemon *daemon)
{
	struct ntm_udp_batch_args args = {
		.loop = daemon->loop,
		.bind = relay_conf_bind(daemon->conf, daemon->conf->listen.port),
		.fn = on_udp,
		.ctx = daemon,
	};
	char addr[NTM_ADDR_STR];

	int err = ntm_udp_batch_open(&args, &daemon->udp);
	return explain(err, ntm_addr_str(&daemon->conf->listen, addr),
		       err == -EADDRINUSE ? "is another ntm-relay running? else set listen" : "");
}

static int open_rest(struct relay_daemon *daemon)
{
	int err = ntm_netlink_open(&daemon->netlink);

	if (err == 0)
		err = ntm_netlink_monitor_open(daemon->loop, on_addrs, daemon, &daemon->monitor);
	if (err == 0)
		err = ntm_loop_signal(daemon->loop, SIGTERM, on_signal, daemon);
	if (err == 0)
		err = ntm_loop_signal(daemon->loop, SIGINT, on_signal, daemon);
	if (err != 0)
		return explain(err, "netlink", "");
	return exit_daemon_open(daemon->exits, daemon->netlink);
}

static int give_up_root(const struct relay_daemon *daemon)
{
	char words[200];
	/* Who is not root stays who it is; capabilities of the service manager go in any case. */
	int err = ntm_priv_drop(geteuid() == 0 ? daemon->conf->user : NULL, words, sizeof(words));

	if (err != 0)
		ntm_err("%s", words);
	return err == 0 ? NTM_EXIT_OK : NTM_EXIT_FAILED;
}

static int serve(struct relay_daemon *daemon)
{
	char addr[NTM_ADDR_STR];
	int err = relay_start(daemon->relay);

	if (err == 0)
		err = exit_daemon_start(daemon->exits);
	if (err == 0) {
		ntm_info("relaying at %s", ntm_addr_str(&daemon->conf->listen, addr));
		ntm_notify("READY=1");
		err = ntm_loop_run(daemon->loop);
		ntm_notify("STOPPING=1");
		exit_daemon_stop(daemon->exits);
		relay_stop(daemon->relay);
	}
	if (err != 0)
		ntm_err("cannot run: %s", strerror(-err));
	return exit_code(err);
}

static void close_all(struct relay_daemon *daemon)
{
	ntm_control_free(daemon->control);
	ntm_netlink_monitor_free(daemon->monitor);
	exit_daemon_free(daemon->exits);
	relay_free(daemon->relay);
	ntm_udp_batch_free(daemon->udp);
	ntm_netlink_free(daemon->netlink);
	ntm_loop_free(daemon->loop);
}

int relay_daemon_run(const struct relay_conf *conf)
{
	struct relay_daemon daemon = {.conf = conf};
	int status = exit_code(ntm_daemon_harden());

	if (status == NTM_EXIT_OK)
		status = make_all(&daemon);
	if (status == NTM_EXIT_OK)
		status = open_control(&daemon);
	if (status == NTM_EXIT_OK)
		status = open_udp(&daemon);
	if (status == NTM_EXIT_OK)
		status = open_rest(&daemon);
	if (status == NTM_EXIT_OK)
		status = give_up_root(&daemon);
	if (status == NTM_EXIT_OK)
		status = serve(&daemon);
	close_all(&daemon);
	return status;
}
