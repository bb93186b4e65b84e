/* SPDX-License-Identifier: BSD-2-Clause */
/* The DC as a daemon. */
#include "dc_daemon.h"

#include "admin.h"
#include "rrl.h"
#include "zone_store.h"

#include "ntm/control.h"
#include "ntm/daemon.h"
#include "ntm/dnsclient.h"
#include "ntm/dnsserve.h"
#include "ntm/log.h"
#include "ntm/loop.h"
#include "ntm/udp.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct dc_daemon {
	struct domain *domain;
	struct ntm_loop *loop;
	struct ntm_udp *udp;
	struct ntm_dnsserve *dns;
	struct ntm_dnsclient *resolver;
	struct ntm_control *control;
	struct rrl *rrl;
	struct zone zone;
	struct dc *dc;
};

int dc_daemon_zone(const struct domain *domain, struct zone *zone)
{
	const struct dc_conf *conf = domain->conf;
	struct zone_config config = {
		.port = conf->addresses.item[0].port,
		.prefix4 = domain->settings.prefix4,
		.prefix6 = domain->settings.prefix6,
		.serial = (uint32_t)time(NULL),
		.lookup = zone_lookup_from_store(domain->store),
		.sip_host_count = conf->sip.count,
		.dc_addr_count = conf->addresses.count,
	};

	memcpy(config.domain, domain->settings.domain, sizeof(config.domain));
	memcpy(config.root, domain->root.pub, sizeof(config.root));
	for (size_t i = 0; i < conf->addresses.count; i++)
		config.dc_addr[i] = conf->addresses.item[i].ip;
	for (size_t i = 0; i < conf->sip.count; i++)
		if (dc_conf_name(conf, conf->sip.item[i], config.sip_host[i]) != 0)
			return -EINVAL;
	return zone_init(zone, &config);
}

/* ---- what comes in and goes out ---- */

static void on_udp(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct dc_daemon *daemon = ctx;

	dc_udp_input(daemon->dc, from, pkt);
}

static void send_udp(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct dc_daemon *daemon = ctx;

	ntm_udp_send(daemon->udp, to, data, len);
}

static size_t on_dns(void *ctx, const struct ntm_dnsserve_query *query, uint8_t *out, size_t cap)
{
	struct dc_daemon *daemon = ctx;
	enum rrl_verdict verdict = query->is_tcp ? RRL_SEND
						 : rrl_check(daemon->rrl, &query->from->ip,
							     ntm_loop_timers(daemon->loop)->now_ms);

	if (verdict == RRL_DROP)
		return 0;
	if (verdict == RRL_TRUNCATE)
		return zone_answer_slip(query->data, query->len, out, cap);
	return zone_answer(&daemon->zone, query->data, query->len,
			   query->is_tcp ? ZONE_TCP : ZONE_UDP, out, cap);
}

static int ask_dns(void *ctx, const char *name, uint16_t type, ntm_dnsclient_fn *fn, void *arg,
		   uint64_t *id)
{
	struct dc_daemon *daemon = ctx;

	return ntm_dnsclient_ask(daemon->resolver, name, type, fn, arg, id);
}

static void cancel_dns(void *ctx, uint64_t id)
{
	struct dc_daemon *daemon = ctx;

	ntm_dnsclient_cancel(daemon->resolver, id);
}

static void add_client_json(const struct dc_daemon *daemon, json_t *json)
{
	const struct ntm_dnsclient_counters *client = ntm_dnsclient_counters(daemon->resolver);
	const struct dc_conf *conf = daemon->domain->conf;

	json_object_set_new(json, "dns_client",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "asked",
				      (json_int_t)client->asked, "answered",
				      (json_int_t)client->answered, "absent",
				      (json_int_t)client->absent, "bogus",
				      (json_int_t)client->bogus, "failed",
				      (json_int_t)client->failed, "validating",
				      conf->trust_anchors.count > 0));
}

static json_t *status_json(const struct dc_daemon *daemon)
{
	json_t *json = dc_status_json(daemon->dc);
	const struct ntm_dnsserve_counters *dns =
		daemon->dns != NULL ? ntm_dnsserve_counters(daemon->dns) : NULL;

	if (json == NULL)
		return NULL;
	add_client_json(daemon, json);
	if (dns == NULL)
		return json;
	const struct rrl_counters *limit = rrl_counters(daemon->rrl);
	json_object_set_new(json, "dns",
			    json_pack("{s:I, s:I, s:I, s:I, s:I}", "udp_queries",
				      (json_int_t)dns->udp_queries, "tcp_queries",
				      (json_int_t)dns->tcp_queries, "dropped",
				      (json_int_t)dns->udp_dropped, "limited_truncated",
				      (json_int_t)limit->truncated, "limited_dropped",
				      (json_int_t)limit->dropped));
	return json;
}

static void on_request(void *ctx, uint64_t ticket, json_t *request)
{
	struct dc_daemon *daemon = ctx;
	const struct admin admin = {.domain = daemon->domain, .dc = daemon->dc};
	const char *verb = json_string_value(json_object_get(request, "verb"));
	json_t *reply = verb != NULL && strcmp(verb, "status") == 0 ? status_json(daemon)
								    : admin_answer(&admin, request);

	if (reply == NULL)
		reply = json_pack("{s:s}", "error", "ntm-dc does not know this request");
	if (reply != NULL)
		ntm_control_reply(daemon->control, ticket, reply, true);
}

static void on_signal(void *arg, int signo)
{
	struct dc_daemon *daemon = arg;

	(void)signo;
	ntm_loop_stop(daemon->loop);
}

/* ---- start and stop ---- */

/* One socket for all addresses: nodes come in by any of them, answers leave by the route's. With
 * one address configured that this host owns, it is bound, so that answers leave from it. */
static int open_udp(struct dc_daemon *daemon)
{
	const struct ntm_addrs *addresses = &daemon->domain->conf->addresses;
	char text[NTM_IP_STR];
	struct ntm_udp_args args = {.loop = daemon->loop,
				    .bind = addresses->item[0],
				    .fn = on_udp,
				    .ctx = daemon};
	int err = addresses->count == 1 ? ntm_udp_open(&args, &daemon->udp) : -EADDRNOTAVAIL;

	if (err == -EADDRNOTAVAIL) { /* two families, or behind a port forwarding */
		args.bind = (struct ntm_addr){.port = addresses->item[0].port};
		err = ntm_udp_open(&args, &daemon->udp);
	}
	if (err != 0)
		ntm_err("cannot listen on UDP port %u of %s: %s%s", (unsigned)args.bind.port,
			args.bind.ip.family != 0 ? ntm_ip_str(&args.bind.ip, text)
						 : "all addresses",
			strerror(-err), err == -EADDRINUSE ? " (is another ntm-dc running?)" : "");
	return err;
}

/* [::] is for hosts that have IPv6: on others it is no error. */
static int open_listener(struct dc_daemon *daemon, struct ntm_addrs *listen, size_t *failed)
{
	struct ntm_dnsserve_args args = {
		.loop = daemon->loop,
		.addrs = listen->item,
		.addr_count = listen->count,
		.fn = on_dns,
		.ctx = daemon,
	};
	int err = ntm_dnsserve_open(&args, &daemon->dns, failed);

	if (err != -EAFNOSUPPORT || listen->count < 2 ||
	    !ntm_ip_is_unspecified(&listen->item[*failed].ip))
		return err;
	listen->item[*failed] = listen->item[--listen->count];
	args.addr_count = listen->count;
	return ntm_dnsserve_open(&args, &daemon->dns, failed);
}

static int open_dns(struct dc_daemon *daemon)
{
	const struct dc_conf *conf = daemon->domain->conf;
	struct ntm_addrs listen = conf->dns_listen;
	char text[NTM_ADDR_STR];
	uint8_t key[16];
	size_t failed = 0;

	if (!conf->dns || conf->dns_listen.count == 0)
		return 0;
	ntm_random(key, sizeof(key));
	daemon->rrl = rrl_new(RRL_RATE_PER_S, key);
	if (daemon->rrl == NULL)
		return -ENOMEM;
	int err = open_listener(daemon, &listen, &failed);
	if (err != 0)
		ntm_err("cannot answer DNS on %s: %s%s", ntm_addr_str(&listen.item[failed], text),
			strerror(-err),
			err == -EADDRINUSE ? " (another DNS server? set listen or serve in the dns "
					     "section)"
					   : "");
	return err;
}

static int open_control(struct dc_daemon *daemon)
{
	const struct dc_conf *conf = daemon->domain->conf;
	char path[DC_PATH_STR];
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	struct ntm_control_args args = {
		.loop = daemon->loop,
		.path = dc_conf_socket(conf, path),
		.fn = on_request,
		.ctx = daemon,
	};

	if (geteuid() == 0 && conf->user[0] != '\0' && ntm_user_find(conf->user, &uid, &gid) != 0) {
		ntm_err("there is no user %s: `useradd --system %s`, or set user in the "
			"configuration",
			conf->user, conf->user);
		return -ENOENT;
	}
	args.gid = gid;
	int err = ntm_dir_make(conf->run_dir, 0755, uid, gid);
	if (err == 0)
		err = ntm_control_open(&args, &daemon->control);
	if (err != 0)
		ntm_err("%s: %s%s", path, strerror(-err),
			err == -EADDRINUSE ? ": another ntm-dc is running" : "");
	return err;
}

static int make_dc(struct dc_daemon *daemon)
{
	static const struct dc_ops ops = {.udp_send = send_udp,
					  .lookup = ask_dns,
					  .lookup_cancel = cancel_dns};
	struct domain *domain = daemon->domain;
	struct dc_args args = {
		.ops = &ops,
		.ctx = daemon,
		.timers = ntm_loop_timers(daemon->loop),
		.settings = &domain->settings,
		.keys = &domain->keys,
		.root = &domain->root,
		.store = domain->store,
		.zone = &daemon->zone,
	};

	if (dc_daemon_zone(domain, &daemon->zone) != 0)
		return -EINVAL;
	daemon->dc = dc_new(&args);
	return daemon->dc == NULL ? -ENOMEM : 0;
}

/* Its thread starts with the first question: when privileges are gone. */
static int open_resolver(struct dc_daemon *daemon)
{
	struct ntm_dnsclient_args args = dc_conf_resolver(daemon->domain->conf);
	char words[200];

	args.loop = daemon->loop;
	int err = ntm_dnsclient_open(&args, &daemon->resolver, words, sizeof(words));
	if (err != 0)
		ntm_err("resolver: %s", err == -EINVAL ? words : strerror(-err));
	return err;
}

static int open_all(struct dc_daemon *daemon)
{
	daemon->loop = ntm_loop_new();
	int err = daemon->loop == NULL ? -ENOMEM : open_resolver(daemon);

	if (err == 0)
		err = make_dc(daemon);
	if (err == 0)
		err = open_udp(daemon);
	if (err == 0)
		err = open_dns(daemon);
	if (err == 0)
		err = open_control(daemon);
	if (err == 0)
		err = ntm_loop_signal(daemon->loop, SIGTERM, on_signal, daemon);
	if (err == 0)
		err = ntm_loop_signal(daemon->loop, SIGINT, on_signal, daemon);
	return err;
}

static void close_all(struct dc_daemon *daemon)
{
	ntm_control_free(daemon->control);
	ntm_dnsserve_free(daemon->dns);
	dc_free(daemon->dc); /* may cancel what it asked */
	ntm_dnsclient_free(daemon->resolver);
	ntm_udp_free(daemon->udp);
	rrl_free(daemon->rrl);
	ntm_loop_free(daemon->loop);
}

static int serve(struct dc_daemon *daemon)
{
	const struct dc_conf *conf = daemon->domain->conf;
	char words[200], addr[NTM_ADDR_STR];
	/* Who is not root stays who it is; capabilities of the service manager go in any case. */
	int err = ntm_priv_drop(geteuid() == 0 ? conf->user : NULL, words, sizeof(words));

	if (err != 0) {
		ntm_err("%s", words);
		return err;
	}
	ntm_info("serving %s at %s%s", daemon->domain->settings.domain,
		 ntm_addr_str(&conf->addresses.item[0], addr),
		 daemon->dns != NULL ? ", with DNS" : "");
	ntm_notify("READY=1");
	err = ntm_loop_run(daemon->loop);
	ntm_notify("STOPPING=1");
	return err;
}

int dc_daemon_run(struct domain *domain)
{
	struct dc_daemon daemon = {.domain = domain};
	int err = ntm_daemon_harden();

	if (err == 0)
		err = open_all(&daemon);
	if (err == 0)
		err = serve(&daemon);
	close_all(&daemon);
	return err;
}
