/* SPDX-License-Identifier: BSD-2-Clause */
/* What the control socket answers: {"verb": ...} in, objects out. */
#include "node_daemon.h"

#include "host_dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ping_job {
	struct ntm_control *control;
	uint64_t ticket;
};

static void refuse(struct node_daemon *daemon, uint64_t ticket, const char *words)
{
	(void)ntm_control_reply(daemon->control, ticket, json_pack("{s:s}", "error", words), true);
}

static json_t *counters_json(const struct node_daemon *daemon)
{
	const struct ntm_udp_counters *udp = ntm_udp_counters(daemon->udp);
	const struct ntm_tun_counters *tun = ntm_tun_counters(daemon->tun);
	const struct upstream_counters *up = upstream_counters(daemon->upstream);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "udp_send_full",
			 (json_int_t)udp->dropped_full, "udp_send_error",
			 (json_int_t)udp->dropped_error, "udp_oversize",
			 (json_int_t)udp->dropped_oversize, "udp_mtu", (json_int_t)udp->dropped_mtu,
			 "tun_write_error", (json_int_t)tun->dropped_error, "tun_oversize",
			 (json_int_t)tun->dropped_oversize, "dns_upstream_given_up",
			 (json_int_t)up->given_up, "dns_upstream_strange", (json_int_t)up->strange);
}

static json_t *host_json(const struct node_daemon *daemon)
{
	const struct ntm_addrs *own = &daemon->conf->dns_servers;
	const struct ntm_addrs *upstream = own->count > 0 ? own : &daemon->host.upstream;
	char text[NTM_ADDR_STR];
	json_t *servers = json_array();

	for (size_t i = 0; i < upstream->count; i++)
		json_array_append_new(servers, json_string(ntm_addr_str(&upstream->item[i], text)));
	json_t *json =
		json_pack("{s:s, s:i, s:s, s:s, s:o, s:s, s:o}", "tun", daemon->conf->tun,
			  "udp_port", (int)ntm_udp_port(daemon->udp), "dns",
			  host_dns_mode_name(daemon->host.dns_mode), "dns_words",
			  daemon->host.dns_words, "dns_upstream", servers, "guard",
			  daemon->host.guard ? "on" : "off", "counters", counters_json(daemon));
	return json;
}

static void on_status(struct node_daemon *daemon, uint64_t ticket, json_t *request)
{
	json_t *json = node_status_json(daemon->node);

	(void)request;
	if (json != NULL)
		json_object_set_new(json, "host", host_json(daemon));
	(void)ntm_control_reply(daemon->control, ticket, json, true);
}

static void on_tunnels(struct node_daemon *daemon, uint64_t ticket, json_t *request)
{
	(void)request;
	(void)ntm_control_reply(daemon->control, ticket,
				json_pack("{s:o}", "tunnels", node_tunnels_json(daemon->node)),
				true);
}

static void on_calls(struct node_daemon *daemon, uint64_t ticket, json_t *request)
{
	(void)request;
	(void)ntm_control_reply(daemon->control, ticket,
				json_pack("{s:o}", "calls", node_calls_json(daemon->node)), true);
}

static void on_ping_result(void *arg, const struct node_ping_result *result)
{
	struct ping_job *job = arg;
	char vip[NTM_IP_STR], via[NTM_ADDR_STR];
	json_t *json = json_pack("{s:i, s:s, s:s}", "seq", (int)result->seq, "peer", result->peer,
				 "vip", ntm_ip_str(&result->vip, vip));

	if (json != NULL && result->err == 0) {
		json_object_set_new(json, "path",
				    json_string(result->is_relayed ? "relay" : "direct"));
		json_object_set_new(json, "via", json_string(ntm_addr_str(&result->via, via)));
		json_object_set_new(json, "rtt_ms", json_integer(result->rtt_ms));
	} else if (json != NULL) {
		json_object_set_new(json, "words",
				    json_string(result->words ? result->words
							      : strerror(-result->err)));
		json_object_set_new(json, "timed_out", json_boolean(result->err == -ETIMEDOUT));
	}
	/* A client that has gone: the rest of the pings is soon over. */
	(void)ntm_control_reply(job->control, job->ticket, json, result->last);
	if (result->last)
		free(job);
}

static void on_ping(struct node_daemon *daemon, uint64_t ticket, json_t *request)
{
	const char *target = json_string_value(json_object_get(request, "target"));
	json_int_t count = json_integer_value(json_object_get(request, "count"));
	struct ping_job *job = malloc(sizeof(*job));

	if (target == NULL || count < 1 || count > 1000 || job == NULL) {
		free(job);
		refuse(daemon, ticket, "ping needs a target, and a count of 1 to 1000");
		return;
	}
	*job = (struct ping_job){.control = daemon->control, .ticket = ticket};
	int err = node_ping(daemon->node, target, (unsigned)count, on_ping_result, job);
	if (err == 0)
		return;
	free(job);
	refuse(daemon, ticket, node_ping_refusal(err));
}

void node_control_request(void *ctx, uint64_t ticket, json_t *request)
{
	static const struct {
		const char *verb;
		void (*fn)(struct node_daemon *daemon, uint64_t ticket, json_t *request);
	} verbs[] = {
		{"status", on_status},
		{"tunnels", on_tunnels},
		{"calls", on_calls},
		{"ping", on_ping},
	};
	struct node_daemon *daemon = ctx;
	const char *verb = json_string_value(json_object_get(request, "verb"));

	if (daemon->node == NULL) {
		refuse(daemon, ticket, "ntm-node is still starting");
		return;
	}
	for (size_t i = 0; verb != NULL && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verb, verbs[i].verb) == 0) {
			verbs[i].fn(daemon, ticket, request);
			return;
		}
	}
	refuse(daemon, ticket, "unknown verb: is ntm-node of another version running?");
}
